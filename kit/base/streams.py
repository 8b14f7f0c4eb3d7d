"""What a stream can show: text in; where its encoding lacks a sign that kit prints, the same said in ASCII, out.

Python writes UTF-8 in the C locale, which a terminal that is set to it shows as rubbish. Files of a format keep their
encoding wherever they are printed to.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

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
    """A codec's error handler: signs by the table, letters without their marks, the rest as escapes."""
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
    """Standard output and standard error show what they can. What PYTHONIOENCODING or PYTHONUTF8 say holds."""
    asked = os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8")
    locales = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    in_c = not asked and next(filter(None, locales), "") in ("C", "POSIX")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if in_c else None, errors=HANDLER)


def shown(text: str) -> str:
    """The text as standard output will show it: to be asked before it is folded."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, HANDLER).decode(encoding)


def put(text: str) -> None:
    """Prints a file of a format: to people as everything else, to a pipe or a file as UTF-8."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None or sys.stdout.isatty():
        print(text, end="")
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", "backslashreplace"))
    buffer.flush()
