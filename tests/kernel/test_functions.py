"""Which functions differ between two programs, compiled here and linked at fixed addresses like a kernel."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import MachineError
from kit.kernel.functions import Image, compare, read_image

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

FIRST = """
int counter; int table[4] = {1, 2, 3, 4};
void note(const char *);
__attribute__((noinline)) int grow(int x) { counter += x; return x * 3; }
__attribute__((noinline)) static int inner(int x) { return x + counter; }
static inline __attribute__((always_inline)) int folded(int x) { return x ^ 0x55; }
__attribute__((noinline)) int uses_fold(int x) { return folded(x) + table[x & 3]; }
"""
SECOND = """
extern int counter, table[]; int grow(int); int uses_fold(int);
void note(const char *text) { counter += text[0]; }
__attribute__((noinline)) static int inner(int x) { return grow(x) - 7; }
int kinds(int x) {
    switch (x) { case 0: return grow(1); case 1: return inner(9); case 2: return uses_fold(4); case 3: note("three");
    return 4; case 4: return 77; case 5: return 99; } return -1;
}
int last(int x) { note("last"); return inner(x) + grow(x) + table[2] + kinds(x); }
int _start(int x) { return last(x) + uses_fold(x); }
"""
NO_INLINING = ["-fno-inline-functions", "-fno-inline-small-functions", "-fno-inline-functions-called-once"]
TAIL = "int ends(int x) { return inner(x) + grow(x); }\n"


def image(folder: Path, first: str = FIRST + TAIL, second: str = SECOND) -> Image:
    folder.mkdir()
    for name, text in (("a.c", first), ("b.c", second)):
        (folder / name).write_text(text)
    flags = [
        "-O2",
        "-mcmodel=kernel",
        "-fno-pic",
        "-fno-pie",
        "-fno-stack-protector",
        "-fcf-protection=none",
        "-fno-ipa-ra",
        *NO_INLINING,
    ]
    link = ["-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0xffffffff81000000", "-Wl,--build-id=none", "-g0", "-w"]
    argv = ["gcc", *flags, *link, "-Wl,-z,max-page-size=4096", "a.c", "b.c", "-o", "vmlinux"]
    subprocess.run(argv, check=True, cwd=folder, capture_output=True)
    return read_image((folder / "vmlinux").read_bytes())


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return image(tmp_path_factory.mktemp("image") / "base")


def test_a_program_does_not_differ_from_itself(base: Image, tmp_path: Path) -> None:
    assert compare(base, image(tmp_path / "again")).names == ()


def test_a_function_that_grows_moves_the_others_and_is_the_only_one_changed(base: Image, tmp_path: Path) -> None:
    grown = FIRST.replace("return x * 3;", "if (x > 40) counter *= x + 1234567; return x * 3;") + TAIL
    found = compare(base, image(tmp_path / "x", grown))
    assert (found.names, found.added, found.removed) == (("grow",), (), ())


def test_an_inlined_function_shows_in_the_one_that_has_it(base: Image, tmp_path: Path) -> None:
    assert compare(base, image(tmp_path / "x", FIRST.replace("0x55", "0x56") + TAIL)).names == ("uses_fold",)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("return grow(x) - 7", "return grow(x) - 8", ("inner",)),
        ("inner(x) + grow(x) + table[2]", "inner(x) + grow(x) + table[3]", ("last",)),
        ('note("last")', 'note("lust")', ()),  # its text is data
        ("inner(x) + grow(x) + table[2]", "inner(x) + uses_fold(x) + table[2]", ("last",)),
        ("extern int", "/* a\n\n comment */ extern int", ()),
    ],
)
def test_one_of_two_static_functions_of_a_name_a_constant_a_callee(
    base: Image, tmp_path: Path, old: str, new: str, names: tuple[str, ...]
) -> None:
    assert SECOND.count(old) == 1
    found = compare(base, image(tmp_path / "x", second=SECOND.replace(old, new)))
    assert found.names == names
    if "inner" in names:
        assert [f.address for f in found.changed] != [base.functions["inner"][0].address]


def test_functions_that_come_and_go(base: Image, tmp_path: Path) -> None:
    found = compare(base, image(tmp_path / "x", FIRST + TAIL.replace("ends", "begins")))
    assert (found.names, found.added, found.removed) == (("begins",), ("begins",), ("ends",))


def test_longer_strings_before_another_change_nothing_else(base: Image, tmp_path: Path) -> None:
    found = compare(base, image(tmp_path / "x", second=SECOND.replace('"three"', '"three and some more words"')))
    assert found.names == ("kinds",) or found.names == ()  # gcc may put the string behind the other
    found = compare(
        base, image(tmp_path / "y", second=SECOND.replace("case 0: return grow(1)", "case 0: return grow(2)"))
    )
    assert found.names == ("kinds",)


@pytest.mark.parametrize("data", [b"", b"\x7fELF\x02\x01" + bytes(90), b"a vmlinux that is none"])
def test_what_is_no_kernel(data: bytes) -> None:
    with pytest.raises(MachineError, match="not a kernel with symbols"):
        read_image(data, "x")
