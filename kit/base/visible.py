"""Control characters made visible: what guests, patches and file names say cannot command a terminal."""

from __future__ import annotations

import re
from re import Match

# C0 without tab and line feed, DEL, C1; what reorders a line (Unicode's Bidi_Control); separators; surrogates, which no
# text may hold; what XML forbids.
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
LONE = 0x100


def visible(text: str) -> str:
    """The text with each control character but tab and line feed as the escape that Python writes for it: `\\x1b`. A
    carriage return before a line feed is left out."""
    if CONTROL.search(text) is None:
        return text
    return CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def _escape(found: Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < LONE else f"\\u{code:04x}"
