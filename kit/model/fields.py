"""The words of a program's line: which fields an operation has, and their bounds.

The bounds are those of guest/fields.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.model.errors import ModelError
from kit.model.jobs import JOBS
from kit.model.program import FILE_PAGES, MAX_DEEPER, MAX_PAGES, MAX_REGIONS, MAX_THREADS, SCRIPTS

MAX_TIMES = 10**9

# Kind of field → what it is called in an error, and its least and largest value.
BOUNDS = {
    "region": ("region", 0, MAX_REGIONS - 1),
    "to": ("region", 0, MAX_REGIONS - 1),
    "first": ("page", 0, MAX_PAGES - 1),
    "page": ("page", 0, MAX_PAGES - 1),
    "pages": ("pages", 1, MAX_PAGES),
    "count": ("count", 1, MAX_PAGES),
    "file": ("pages", 1, FILE_PAGES),
    "break": ("pages", 0, MAX_PAGES),
    "deeper": ("pages", 1, MAX_DEEPER),
    "threads": ("threads", 1, MAX_THREADS),
    "times": ("repeat", 1, MAX_TIMES),
    "amount": ("amount", 0, MAX_TIMES),
}
CHOICES = {
    "access": ("ro", "rw"),
    "advice": ("dontfork", "wipeonfork"),
    "how": ("exec", "system"),
    "script": SCRIPTS,
    "job": JOBS,
}


def read_fields(kinds: Sequence[str], words: Sequence[str]) -> Iterator[int | str]:
    """The values of a line's words, by the kinds of its fields. Raises ModelError for a word that does not fit its
    kind."""
    first = region = 0
    for kind, word in zip(kinds, words, strict=True):
        if kind in CHOICES:
            yield _choice(kind, word)
        elif kind == "name":
            yield word
        else:
            what, low, high = BOUNDS[kind]
            value = _number(what, word, low, high - first if kind == "count" else high)
            if kind == "to" and value == region:
                raise ModelError("pages move to another region")
            region = value if kind == "region" else region
            first = value if kind == "first" else first
            yield value


def _choice(what: str, word: str) -> str:
    choices = CHOICES[what]
    if word not in choices:
        raise ModelError(f"{what} must be {' or '.join(choices)}, not {word!r}")
    return word


def _number(what: str, word: str, low: int, high: int) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 10 and low <= int(word) <= high):
        raise ModelError(f"{what} must be a number from {low} to {high}, not {word!r}")
    return int(word)
