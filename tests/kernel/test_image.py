"""Whether two kernels run the same code: small ELF files made by the compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kit.kernel.image import VERBOSE, same_code

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

SOURCE = """
__attribute__((section(".note.kit,\\"a\\",@note#"), used)) static const char id[] = "{note}";
__attribute__((section("__bug_table"), used)) static const struct {{ int {fields}; short line, flags; }} bug[3] = {{
    {{ {values}, {line}, 3 }}, {{ {values}, {line}, {flags} }}, {{ {values}, {line}, 3 }} }};
int global = {value};
static volatile int empty[{size}];
void _start(void) {{ empty[0] = global + {added}; for (;;); }}
"""
SAME = {"note": "one", "line": 100, "flags": 6, "value": 1, "size": 10, "added": 7, "fields": "a, b", "values": "1, 2"}
OF_7_3 = f"#\n# Linux/x86 7.3.4 Kernel Configuration\n#\n{VERBOSE}\n"


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


def test_a_bug_has_a_format_since_6_19(tmp_path: Path) -> None:
    longer = {"fields": "a, b, c", "values": "1, 2, 3"}
    one = image(tmp_path, **longer)
    assert same_code(one, image(tmp_path, **longer, line=101), OF_7_3)
    assert not same_code(one, image(tmp_path, **longer, flags=7), OF_7_3)
    assert not same_code(one, image(tmp_path, **{**longer, "values": "1, 2, 4"}), OF_7_3)
    assert not same_code(one, image(tmp_path, **longer, line=101), VERBOSE), "read as an older kernel's"
    assert same_code(image(tmp_path), image(tmp_path, line=101), OF_7_3.replace("7.3.4", "6.18.1"))


def test_without_line_numbers_in_the_table_all_of_it_counts(tmp_path: Path) -> None:
    assert not same_code(image(tmp_path), image(tmp_path, line=101), "# CONFIG_DEBUG_BUGVERBOSE is not set")


def test_what_is_no_elf_file_is_the_same_only_to_the_byte(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"\x7fELF short")
    two.write_bytes(b"\x7fELF other")
    assert same_code(one, one, "")
    assert not same_code(one, two, "")
    assert not same_code(image(tmp_path), two, "")
