"""Which functions a change touches."""

from __future__ import annotations

import pytest

from kit.bisection.touched import functions, touched

C = b"""\
/* A comment with f() in it. */
#define TWICE(x) ((x) + (x))
static int counter;

int first(int a,
\t  int b)
{
\tif (a) {
\t\treturn b;
\t}
\treturn 0;
}

static const struct ops table = {
\t.first = first,
};

/*
 * Says what second() does.
 */
static __init void second(void)
{
}
"""


def test_functions_go_by_their_names() -> None:
    found = functions(C)
    assert set(found) == {"first", "second"}
    assert b"return b;" in found["first"]
    assert b"return b;" not in found["second"]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (b"return b;", b"return a;", {"first"}),
        (b"\t  int b)", b"\t  long b)", {"first"}),
        (b"void second", b"int second", {"second"}),
        (b"void second", b"void third", {"second", "third"}),
        (b"static int counter;", b"static long counter;", set()),
        (b"what second() does", b"what it does", set()),
    ],
)
def test_a_change_touches_its_function(old: bytes, new: bytes, names: set[str]) -> None:
    assert C.count(old) == 1
    assert touched(C, C.replace(old, new)) == names


def test_a_file_that_comes_brings_its_functions() -> None:
    assert touched(None, C) == touched(C, None) == {"first", "second"}
