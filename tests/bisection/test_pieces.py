"""A change taken apart, and put together again by git."""

from __future__ import annotations

import random
import shutil

import pytest

from kit.base.errors import UserError
from kit.bisection.pieces import parts
from kit.kernel.content import Link
from kit.kernel.patch import apply_series, parse_patch

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
Files = dict[str, bytes | None]


def together(before: Files, after: Files) -> list[Files]:
    """The files after each part, by git."""
    states = [before]
    for part in parts(before, after):
        now = states[-1]
        changed, _ = apply_series([parse_patch("part", part.patch)], now.get)
        states.append({**now, **changed})
    return states


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_each_contiguous_change_is_a_part_and_headers_come_first() -> None:
    before: Files = {"a.c": text(*"abcdefghij"), "z.h": text("x"), "new.c": None, "old.c": text("o")}
    after: Files = {"a.c": text(*"aBCdefghi", "j", "k"), "z.h": text("x", "y"), "new.c": text("n"), "old.c": None}
    found = parts(before, after)
    assert [p.subject for p in found] == [
        *("z.h:2 (+1 -0)", "a.c:2 (+2 -2)", "a.c:11 (+1 -0)", "new.c (+1 -0)", "old.c (+0 -1)")
    ]
    states = together(before, after)
    assert states[-1] == after
    assert states[1] == {**before, "z.h": after["z.h"]}
    assert states[2]["a.c"] == text(*"aBCdefghij")


def test_whatever_the_change_its_parts_make_it() -> None:
    """Lines drawn from few, so that many are alike; ends without a newline."""
    draw = random.Random(5)
    for _ in range(150):
        before, after = (
            b"".join(draw.choice([b"a\n", b"b\n", b"\n", b"c d\n"]) for _ in range(draw.randrange(12)))
            + draw.choice([b"", b"end"])
            for _ in range(2)
        )
        if before != after:
            assert together({"f.c": before}, {"f.c": after})[-1] == {"f.c": after}, (before, after)


def test_what_is_no_text_is_refused() -> None:
    for content in (b"a\0b", Link(b"there")):
        with pytest.raises(UserError, match="not a text"):
            parts({"f": b"a\n"}, {"f": content})
