"""Whether two kernels are the same to the machine: small ELF files made by the compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kit.kernel.image import VERBOSE, same_code

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

SOURCE = """
__attribute__((section(".note.kit,\\"a\\",@note#"), used)) static const char id[] = "{note}";
__attribute__((section("__bug_table"), used)) static const struct {{ int where, file; short line, flags; }} bug[2] = {{
    {{ 1, 2, {line}, 3 }}, {{ 4, 5, {line}, {flags} }} }};
int global = {value};
static volatile int empty[{size}];
void _start(void) {{ empty[0] = global + {added}; for (;;); }}
"""
SAME = {"note": "one", "line": 100, "flags": 6, "value": 1, "size": 10, "added": 7}


def image(folder: Path, **changes: object) -> Path:
    """An ELF file of that source."""
    name = "-".join(map(str, changes.values())) or "same"
    source, out = folder / f"{name}.c", folder / f"{name}.elf"
    source.write_text(SOURCE.format(**{**SAME, **changes}))
    flags = ["-nostdlib", "-static", "-O1", "-fno-pie", "-no-pie", "-Wl,--build-id=none"]
    subprocess.run(["gcc", *flags, "-o", out, source], check=True)
    return out


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"note": "two"}, True),
        ({"line": 101}, True),
        ({"flags": 7}, False),
        ({"value": 2}, False),
        ({"added": 8}, False),
        ({"size": 5000}, False),
    ],
)
def test_what_tells_two_images_apart(tmp_path: Path, changes: dict[str, object], same: bool) -> None:
    assert same_code(image(tmp_path), image(tmp_path, **changes), VERBOSE) is same


def test_without_line_numbers_in_the_table_all_of_it_counts(tmp_path: Path) -> None:
    assert not same_code(image(tmp_path), image(tmp_path, line=101), "# CONFIG_DEBUG_BUGVERBOSE is not set")


def test_what_is_no_elf_file_is_the_same_only_to_the_byte(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"\x7fELF short")
    two.write_bytes(b"\x7fELF other")
    assert same_code(one, one, "")
    assert not same_code(one, two, "")
    assert not same_code(image(tmp_path), two, "")
