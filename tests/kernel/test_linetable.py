"""Lines of source in a kernel: objects that this machine's compiler makes, linked or not, against what they are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from kit.base.errors import BuildError, MachineError
from kit.kernel import linetable
from kit.kernel.changedlines import diff
from kit.kernel.debugobject import DEBUG, with_debug
from kit.kernel.functions import Image, read_image
from kit.kernel.linetable import line_code

SOURCE = """\
extern int other(int);
extern int table[];
static int twice(int a)
{
	return 2 * a;
}
int __attribute__((section(".second"))) second(int a)
{
	if (a == 7)
		return other(a + table[a]);
	return a;
}
int first(int a)
{
	a = second(a) + 3;
	if (a > 100)
		a = other(a);
	return twice(a) ^ 0x55;
}
"""
MAIN = "int table[9]; int first(int); int other(int a) { return a; } int _start(void) { return first(7); }\n"

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")


def run(folder: Path, *argv: str) -> None:
    """A command in a folder, which must succeed."""
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A source tree and a folder for objects."""
    (tmp_path / "src" / "mm").mkdir(parents=True)
    (tmp_path / "obj").mkdir()
    (tmp_path / "src" / "mm" / "some.c").write_text(SOURCE)
    (tmp_path / "src" / "main.c").write_text(MAIN)
    return tmp_path


def made(place: Path, *debug: str, flags: Sequence[str] = ()) -> tuple[bytes, Image]:
    """The object with debug information, and the image that was linked from the one without."""
    folder, source = place / "obj", "../src/mm/some.c"
    common = ("gcc", "-O1", "-ffreestanding", "-fno-pic", "-fno-inline", "-fcf-protection=none", *flags, "-c")
    run(folder, *common, "-o", "some.o", source)
    run(folder, *common, "-o", "main.o", "../src/main.c")
    run(folder, *common, *DEBUG.split(), *debug, "-o", "debug.o", source)
    run(folder, "ld", "-Ttext=0xffffffff81000000", "-o", "vmlinux", "main.o", "some.o")
    return (folder / "debug.o").read_bytes(), read_image((folder / "vmlinux").read_bytes())


def roots(place: Path) -> list[str]:
    return [str(place / "src"), str(place / "obj")]


@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
def test_each_line_is_found_in_its_function_of_the_kernel(place: Path, version: str) -> None:
    data, image = made(place, version)
    wanted = {"mm/some.c": frozenset(range(1, 20))}
    found = line_code(data, wanted, image, roots(place))
    assert found.untold == set()
    lines = {line for _, line in found.ranges}
    assert {5, 9, 10, 15, 16, 17, 18} <= lines <= {*range(3, 7), *range(7, 13), *range(13, 20)}
    where = {name: functions[0].range for name, functions in image.functions.items() if functions}
    for line, name in ((5, "twice"), (10, "second"), (15, "first"), (17, "first")):
        begin, end = where[name]
        assert all(begin <= a < b <= end for a, b in found.ranges["mm/some.c", line]), (line, name)
    calls = found.ranges["mm/some.c", 10]
    assert calls != found.ranges["mm/some.c", 9]
    assert line_code(data, {"mm/some.c": {10}}, image, roots(place)).ranges == {("mm/some.c", 10): calls}
    assert line_code(data, {"mm/else.c": {10}}, image, roots(place)).ranges == {}


def test_a_function_that_is_not_the_kernel_s_byte_for_byte_tells_nothing(place: Path) -> None:
    data, _ = made(place)
    text = SOURCE.replace("0x55", "0x54")
    (place / "src" / "mm" / "some.c").write_text(text)
    _, image = made(place)
    found = line_code(data, {"mm/some.c": {5, 17, 18}}, image, roots(place))
    assert {line for _, line in found.untold} == {17, 18}
    assert {line for _, line in found.ranges} == {5}


def test_two_functions_alike_are_not_told_apart(place: Path) -> None:
    twin = "static __attribute__((noinline, used)) int twice(int a) { return 2 * a; }\n"
    (place / "src" / "main.c").write_text(twin + MAIN)
    data, image = made(place)
    assert len(image.functions["twice"]) == 2
    found = line_code(data, {"mm/some.c": {5, 10}}, image, roots(place))
    assert (set(found.ranges), found.untold) == ({("mm/some.c", 10)}, {("mm/some.c", 5)})


def test_code_of_a_header_is_told_by_the_header_s_lines(place: Path) -> None:
    (place / "src" / "mm" / "some.h").write_text("static int thrice(int a)\n{\n\treturn 3 * a;\n}\n")
    (place / "src" / "mm" / "some.c").write_text('#include "some.h"\n' + SOURCE.replace("^ 0x55", "^ thrice(a)"))
    data, image = made(place)
    found = line_code(data, {"mm/some.h": {3}}, image, roots(place))
    assert set(found.ranges) == {("mm/some.h", 3)}


@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
def test_a_call_that_was_compiled_into_its_caller_has_the_code_of_its_function(place: Path, version: str) -> None:
    """Also one in two pieces, and in a section of its own."""
    text = SOURCE.replace("static int twice(int a)", "static inline __attribute__((always_inline)) int twice(int a)")
    text = text.replace("\treturn 2 * a;", "\tif (__builtin_expect(a == 3, 0))\n\t\ta = other(7);\n\treturn 2 * a;")
    text = text.replace("return a;", "return twice(a);")
    (place / "src" / "mm" / "some.c").write_text(text)
    data, image = made(place, version, flags=("-O2", "-freorder-blocks-and-partition"))
    where = {name: functions[0].range for name, functions in image.functions.items() if functions}
    lines = {number: line.strip() for number, line in enumerate(text.split("\n"), 1)}
    found = line_code(data, {"mm/some.c": set(lines)}, image, roots(place))
    inner = [n for n, line in lines.items() if line in ("a = other(7);", "return 2 * a;")]
    for call, caller in (("return twice(a);", "second"), ("return twice(a) ^ 0x55;", "first")):
        ((_, ranges),) = [(n, found.ranges["mm/some.c", n]) for n, line in lines.items() if line == call]
        covered = {a for begin, end in ranges for a in range(begin, end)}
        begin, end = where[caller]
        own = {a for n in inner for b, e in found.ranges["mm/some.c", n] for a in range(b, e) if begin <= a < end}
        assert own, "the function's lines have code in this caller"
        assert own <= covered, call
        assert covered <= set(range(begin, end))


def test_what_is_no_object_with_lines_is_one_error(place: Path) -> None:
    data, image = made(place)
    run(place / "obj", "objcopy", "--compress-debug-sections", "debug.o", "zipped.o")
    zipped, plain = ((place / "obj" / name).read_bytes() for name in ("zipped.o", "some.o"))
    for bad in (zipped, plain, b"", b"text", data[:200], data[: len(data) // 2]):
        with pytest.raises(MachineError, match="no line table that can be read"):
            line_code(bad, {"mm/some.c": {5}}, image, roots(place), "some.o")


def test_a_line_table_of_any_size_is_not_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, image = made(place)
    monkeypatch.setattr(linetable, "MOST", 50)
    with pytest.raises(MachineError, match="no line table that can be read"):
        line_code(data, {"mm/some.c": {5}}, image, roots(place))


def test_damaged_objects_end_in_an_answer_or_one_error(place: Path) -> None:
    data, image = made(place)
    for at in range(0, len(data), 11):
        with suppress(MachineError):
            line_code(data[:at] + b"\xff" + data[at + 1 :], {"mm/some.c": {5}}, image, roots(place))


KEPT = (
    "cmd_mm/some.o := ccache gcc -Wp,-MMD,mm/.some.o.d -DKBUILD_BASENAME='\"some\"' -D$(pound)x -Da=$$b  -c -o"
    " mm/some.o ../src/mm/some.c   ; ./tools/objtool/objtool --static-call mm/some.o\n\n"
    "source_mm/some.o := ../src/mm/some.c\n"
)


def test_the_command_of_the_build_makes_the_object_elsewhere() -> None:
    found = with_debug(KEPT, "mm/some.o", ".kit-lines/mm_some.o")
    assert found == (
        "ccache gcc -Wp,-MMD,.kit-lines/mm_some.o.d -DKBUILD_BASENAME='\"some\"' -D#x -Da=$b "
        f" {DEBUG} -c -o .kit-lines/mm_some.o ../src/mm/some.c   ;"
        " ./tools/objtool/objtool --static-call .kit-lines/mm_some.o"
    )
    assert with_debug("saved" + KEPT, "mm/some.o", ".kit-lines/mm_some.o") == found, "since 6.3"


@pytest.mark.parametrize("text", ["", "cmd_mm/some.o := ld -r -o mm/some.o x.o\n", KEPT.replace("-o mm/", "-o lib/")])
def test_a_command_that_compiles_something_else_is_refused(text: str) -> None:
    with pytest.raises(BuildError, match="no command that compiles it"):
        with_debug(text, "mm/some.o", "x.o")


def test_lines_that_were_added_changed_and_removed() -> None:
    before = b"".join(b"line %d\n" % n for n in range(1, 11))
    after = before.replace(b"3\n", b"three\n").replace(b"line 7\n", b"").replace(b"9\n", b"9\nnew\nnew\n")
    assert diff(before, after) == ({3, 9, 10}, 2)
    assert diff(before, before) == (frozenset(), 0)
    assert diff(b"", b"a\nb\n") == ({1, 2}, 0)
    assert diff(b"a\nb\n", b"") == (frozenset(), 2)
