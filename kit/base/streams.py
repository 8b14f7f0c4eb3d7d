"""Standard output and error: control characters are made visible, and characters that the stream's encoding lacks are
replaced by ASCII.

In the C locale Python writes UTF-8, which a terminal set to that locale garbles. Files of a format (JSON, HTML) keep
UTF-8 wherever they are printed.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

from kit.base.visible import visible

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from typing import IO, Any

HANDLER = "kit"
SIGNS = {
    **{"–": "-", "—": "-", "−": "-", "·": ".", "•": "*", "…": "...", "×": "x", "÷": "/", "±": "+-", "²": "^2"},
    **{"µ": "u", "μ": "u", "α": "alpha", "≤": "<=", "≥": ">=", "⌈": "ceil(", "⌉": ")", "\u00a0": " "},
    **{"←": "<-", "→": "->", "↔": "<->", "\ufeff": "", "\ufffd": "?"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"'},
    **dict(zip("▁▂▃▄▅▆▇█", "_-:=+*%#", strict=True)),
    **dict(zip("─━═│┃┌┐└┘├┤┬┴┼", "-==||+++++++++", strict=True)),
}


def plain(error: UnicodeError) -> tuple[str, int]:
    """An error handler for codecs: characters of SIGNS by that table, letters without accents, others as escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_said, error.object[error.start : error.end])), error.end


def _said(sign: str) -> str:
    if sign in SIGNS:
        return SIGNS[sign]
    from unicodedata import normalize

    bare = "".join(c for c in normalize("NFD", sign) if c.isascii()) if sign.isalpha() else ""
    return bare or sign.encode("ascii", "backslashreplace").decode()


codecs.register_error(HANDLER, plain)


def fit_streams() -> None:
    """Sets the encoding and error handler of standard output and error. PYTHONIOENCODING and PYTHONUTF8 take
    precedence."""
    asked = os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8")
    locales = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    in_c = not asked and next(filter(None, locales), "") in ("C", "POSIX")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if in_c else None, errors=HANDLER)
            setattr(sys, name, _Visible(stream))


class _Visible(io.TextIOWrapper):
    """A stream over another's bytes, in which control characters are visible. `own`: the other."""

    def __init__(self, own: io.TextIOWrapper) -> None:
        super().__init__(own.buffer, own.encoding, own.errors, line_buffering=own.line_buffering, write_through=True)
        self.own = own

    def write(self, text: str) -> int:
        super().write(visible(text))
        return len(text)


def styled(stream: IO[Any]) -> IO[Any]:
    """The stream for text with escape codes of kit's own: a terminal's colours and bars."""
    return getattr(stream, "own", stream)


def shown(text: str) -> str:
    """The text as standard output will show it. Replacements change its width, so call this before folding."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return visible(text).encode(encoding, HANDLER).decode(encoding)


def put(text: str) -> None:
    """Prints the content of a file (JSON, HTML …): to a terminal like any text, to a pipe or a file as UTF-8."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None or sys.stdout.isatty():
        print(text, end="")
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", "backslashreplace"))
    buffer.flush()
