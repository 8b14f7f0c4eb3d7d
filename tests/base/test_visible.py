"""Control characters made visible."""

from __future__ import annotations

import unicodedata

from kit.base.visible import visible


def test_no_control_character_is_left_but_tab_and_line_feed() -> None:
    signs = "".join(chr(n) for n in range(0x3000))
    left = [c for c in visible(signs) if unicodedata.category(c) in ("Cc", "Zl", "Zp") or "BIDI" in c]
    assert left == ["\t", "\n"]
    assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF") for c in visible(signs))


def test_an_escape_sequence_is_told() -> None:
    assert visible("\x1b]0;owned\x07 \x9b2J \u202ecod") == r"\x1b]0;owned\x07 \x9b2J \u202ecod"


def test_other_text_stays() -> None:
    text = "ünïcode – ½ ☃\t|\n"
    assert visible(text) == text
    assert visible("one\r\ntwo\rthree") == "one\ntwo\\x0dthree"
