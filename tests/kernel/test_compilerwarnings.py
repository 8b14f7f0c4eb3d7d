"""Warnings of builds: what a log says, what stays of earlier ones, what is new."""

from __future__ import annotations

from pathlib import Path

from kit.kernel.compilerwarnings import new, updated

SRC = Path("/cache/src")
UNUSED = "mm/rmap.c: unused variable ‘x’ [-Wunused-variable]"
LOG = """# kernel with (counting), key 1
make: Entering directory '/cache/obj'
  SYNC    include/config/auto.conf
  CC      mm/rmap.o
/cache/src/mm/rmap.c: In function ‘anon_vma_clone’:
/cache/src/mm/rmap.c:293:6: warning: unused variable ‘x’ [-Wunused-variable]
  293 |  int x;
  CC [M]  fs/foo.o
In file included from /cache/src/include/linux/mm.h:7,
                 from /cache/src/fs/foo.c:3:
/cache/src/include/linux/rmap.h:12:9: warning: ‘y’ is used uninitialized [-Wuninitialized]
  LD      vmlinux.o
vmlinux.o: warning: objtool: anon_vma_clone()+0x12: unreachable instruction
ld: warning: -z relro ignored
"""


def test_each_warning_belongs_to_the_object_that_was_made() -> None:
    assert updated({}, LOG, SRC) == {
        "mm/rmap": [UNUSED],
        "fs/foo": ["include/linux/rmap.h: ‘y’ is used uninitialized [-Wuninitialized]"],
        "vmlinux": ["vmlinux.o: objtool: anon_vma_clone()+0x12: unreachable instruction"],
        "ld": ["ld: -z relro ignored"],
    }


def test_what_is_not_made_again_keeps_its_warnings() -> None:
    before = {"mm/rmap": [UNUSED], "mm/mmap": ["mm/mmap.c: old"], "fs/foo": ["fs/foo.c: old"]}
    after = updated(before, "  CC      mm/rmap.o\n  CC      fs/foo.o\nfs/foo.c:9:1: warning: old\n", SRC)
    assert after == {"mm/mmap": ["mm/mmap.c: old"], "fs/foo": ["fs/foo.c: old"]}
    assert before["mm/rmap"] == [UNUSED]


def test_a_warning_on_another_line_is_not_new_but_a_second_one_is() -> None:
    moved = updated({}, "mm/rmap.c:300:6: warning: unused variable ‘x’ [-Wunused-variable]\n", SRC)
    assert new(updated({}, LOG, SRC), moved) == []
    assert new({}, moved) == [UNUSED]
    assert new(moved, {"mm/rmap": [UNUSED] * 2}) == [UNUSED]
    assert new({"include": ["x.h: a"]}, {"one": ["x.h: a"], "two": ["x.h: a"]}) == ["x.h: a"]
