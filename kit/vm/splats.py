"""Finds splats (reports that a healthy kernel does not print) in a console log. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from kit.records import Splat
from kit.vm.lines import following, is_stamped, messages, plain
from kit.vm.naming import titled
from kit.vm.patterns import PATTERNS
from kit.vm.reports import CUT_LINES, MARKS, Heading, headings, row_of

# Kinds after which the kernel cannot be trusted: nothing that the boot measured counts.
FATAL = frozenset({"panic", "oops"})

MAY_KILL = frozenset(pattern.kind for pattern in PATTERNS if "die" in pattern.then)

EXCERPT_LINES = 40
END = "---[ end "
"""How the last line of a report begins, where there is one: "end trace" of kernel/panic.c, "end Kernel panic"."""
REPORT_LINES = 120  # of one report, with what other callers print in between
MOST_ALIKE = 3  # splats of one kind whose titles differ only by numbers: a list may be found corrupt at every fork
MOST_NAMED = 30  # splats with alike first lines; further ones are ignored, to save time
NUMBER = re.compile(r"[0-9a-f]*\d[0-9a-f]*")

LOOKED_FOR = tuple({pattern.word for pattern in PATTERNS}) + MARKS


def classify(log: str) -> list[Splat]:
    """The splats of a console log, in order.

    All matching lines of one report are one splat. A title names what distinguishes reports of one kind: the locks, the
    words, the function. Of many splats with alike titles only the first MOST_ALIKE are kept.
    """
    lines = log.split("\n")
    found: list[Splat] = []
    first_lines: Counter[tuple[str, str]] = Counter()
    alike: Counter[tuple[str, str]] = Counter()
    for heading in headings(lines, _candidates(log), is_stamped(log)):
        first_lines[words := (heading.kind, NUMBER.sub("", heading.text))] += 1
        if first_lines[words] > MOST_NAMED:
            continue
        title = _title(heading, lines)
        alike[words := (heading.kind, NUMBER.sub("", title))] += 1
        if alike[words] <= MOST_ALIKE:
            found.append(Splat(heading.kind, title, heading.index + 1, _excerpt(heading, lines)))
    return found


def first_fatal(splats: Sequence[Splat]) -> Splat | None:
    """The first splat after which the kernel cannot be trusted: a panic, an oops, or a report that ended in an oops of
    its own (a corrupt list, a refused copy …). None if there is none."""
    return next((s for s in splats if s.kind in FATAL or (s.kind in MAY_KILL and _has_oops(s.excerpt))), None)


def _has_oops(excerpt: str) -> bool:
    return any("ernel BUG at" in line or kind_of(line) == "oops" for line in excerpt.split("\n"))


def kind_of(line: str) -> str | None:
    """The kind of report that this console line may begin, or None. "nmi" and "detail" are not splats."""
    return next((row.kind for message in messages(line) if (row := row_of(message, False))), None)


def _candidates(log: str) -> list[int]:
    """The indices of the lines that contain a word of the table, ascending."""
    starts = set()
    for word in LOOKED_FOR:
        at = log.find(word)
        while at >= 0:
            starts.add(log.rfind("\n", 0, at) + 1)
            end = log.find("\n", at)
            at = log.find(word, end) if end >= 0 else -1
    return list(_indices(log, sorted(starts)))


def _indices(log: str, starts: Sequence[int]) -> Iterator[int]:
    index = at = 0
    for start in starts:
        index += log.count("\n", at, start)
        at = start
        yield index


def _title(heading: Heading, lines: Sequence[str]) -> str:
    report = [text for _, text in following(lines, heading.index, heading.caller, REPORT_LINES)]
    return titled(heading.kind, heading.text, heading.words, report)


def _excerpt(heading: Heading, lines: Sequence[str]) -> str:
    """The lines of a report: from the warning's words, if they stand above its first line, to its end mark, if any."""
    start = heading.index
    if heading.words:
        above = range(max(start - CUT_LINES, 0), start)
        start = next((i for i in above if heading.words in lines[i]), start)
    rows = [plain(line) for line in lines[start : start + EXCERPT_LINES]]
    inside = heading.index - start
    ends = next((i for i, row in enumerate(rows) if i > inside and END in row), EXCERPT_LINES)
    return "\n".join(rows[: ends + 1])
