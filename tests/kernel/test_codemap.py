"""What the plugin is told of a kernel: of a program that is linked here like one, with an entry and lock classes."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest

from kit.base.errors import MachineError
from kit.kernel.codemap import Code, What, read_code

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

SOURCE = """
struct lock_class { long words[34]; } lock_classes[8192];
const char name[] = "&anon_vma->rwsem"; const char odd[] = "\\1\\2";
__attribute__((noinline)) void __switch_to(void) { __asm__(""); }
__attribute__((noinline)) static void __lock_acquire(void) { __asm__(""); }
void lock_acquire(void) { __lock_acquire(); __switch_to(); }
void _start(void) { lock_acquire(); }
__asm__(".section .entry.text, \\"ax\\"\\n.globl __entry_text_start, __entry_text_end\\n__entry_text_start:\\n"
        "asm_exc_page_fault: nop; ret\\nentry_SYSCALL_64: nop; ret\\n__entry_text_end:\\n.text\\n");
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    folder = tmp_path_factory.mktemp("code")
    (folder / "a.c").write_text(SOURCE)
    link = ["-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0xffffffff81000000", "-Wl,--build-id=none", "-w"]
    argv = ["gcc", "-O1", "-mcmodel=kernel", "-fno-pic", "-fno-pie", *link, "a.c", "-o", "vmlinux"]
    subprocess.run(argv, check=True, cwd=folder, capture_output=True)
    return read_code((folder / "vmlinux").read_bytes())


def test_functions_by_what_they_are(code: Code) -> None:
    kinds = dict(zip(code.names, code.whats, strict=True))
    assert kinds == {
        "_start": What(0),
        "__switch_to": What.SWITCHES,
        "__lock_acquire": What.NOTES,
        "lock_acquire": What.ACQUIRES,
        "asm_exc_page_fault": What.ENTRY,
        "entry_SYSCALL_64": What.ENTRY,
    }
    assert code.has(What.NOTES)
    assert not code.has(What.LOOKS_UP)
    assert [code.name(n) for n in (0, 1, len(code.names), len(code.names) + 1)] == [
        *("?", code.names[0], code.names[-1], "?")
    ]


def test_the_plugin_reads_functions_in_order_and_the_classes(code: Code) -> None:
    *functions, classes = [line.split() for line in code.lines().splitlines()]
    ends = [(int(begin, 16), int(end, 16)) for _, begin, end, _ in functions]
    assert {kind for kind, *_ in functions} == {"f"}
    assert all(begin < end <= next_begin for (begin, end), (next_begin, _) in itertools.pairwise(ends))
    assert classes[0] == "c"
    assert int(classes[2], 16) - int(classes[1], 16) == 8192 * 34 * 8
    assert int(classes[3], 16) == 34 * 8


def test_a_string_of_the_kernel_is_read_where_it_is(code: Code) -> None:
    begin, content = next((b, c) for b, c in code.data if b"&anon_vma->rwsem\0" in c)
    at = begin + content.index(b"&anon_vma")
    assert code.text(at) == "&anon_vma->rwsem"
    assert code.text(at + 1) == "anon_vma->rwsem"
    assert code.text(begin + content.index(b"\1\2\0")) == ""
    assert code.text(7) == ""


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"no kernel" * 100])
def test_what_is_no_kernel(data: bytes) -> None:
    with pytest.raises(MachineError, match="not a kernel with symbols"):
        read_code(data)
