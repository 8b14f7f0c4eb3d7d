"""kit recognizes what the kernels on this machine print when they fail; a kernel with other words is noticed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from kit.vm.patterns import NO_SPLAT, PATTERNS
from tests.kernel.words import functions, is_within, places, said, unheard_rows, unheard_words, version

CACHE = Path(os.environ.get("KIT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kit")


def trees() -> list[Path]:
    """The trees named by the environment (KIT_TREE_6_12=/path), and those that kit unpacked."""
    named = [Path(value) for name, value in sorted(os.environ.items()) if re.fullmatch(r"KIT_TREE_\w+", name)]
    found = [*named, *sorted((CACHE / "trees").glob("*"))]
    return [path for path in found if (path / "kernel/panic.c").is_file() and (path / "Makefile").is_file()]


NONE = pytest.param(None, marks=pytest.mark.skip("no kernel tree here"))


@pytest.mark.parametrize("tree", trees() or [NONE], ids=str)
def test_all_that_a_tree_says_when_it_fails_is_heard(tree: Path) -> None:
    assert unheard_rows(tree) + unheard_words(tree) == []


HUNG = '''
static void check_hung_task(struct task_struct *t, unsigned long timeout)
{
	if (sysctl_hung_task_warnings) {
		pr_err("INFO: task %s:%d blocked%s for more than %ld seconds.\\n",
			t->comm, t->pid, t->in_iowait ? " in I/O wait" : "", timeout);
		pr_err("      %s %s\\n", print_tainted(), init_utsname()->release);
	}
}
'''


def tree_of(folder: Path, file: str, text: str, release: str = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n") -> Path:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(text)
    (folder / "Makefile").write_text(release)
    return folder


def of_file(faults: list[str], file: str) -> list[str]:
    """The faults, without rows for files that a made-up tree lacks."""
    return [fault for fault in faults if file in fault]


@pytest.mark.parametrize(
    ("old", "new", "complaints"),
    [
        ("for more than", "for more than", 0),
        ("blocked%s for more than %ld", "has not moved%s for %ld", 1),
        ("check_hung_task", "look_at_hung_task", 1),
    ],
)
def test_a_kernel_that_changed_its_words_is_found_out(tmp_path: Path, old: str, new: str, complaints: int) -> None:
    tree = tree_of(tmp_path, "kernel/hung_task.c", HUNG.replace(old, new))
    assert len(of_file(unheard_rows(tree), "kernel/hung_task.c")) == complaints


def test_words_of_a_function_that_no_row_knows_are_found_out(tmp_path: Path) -> None:
    text = 'void f(void)\n{\n\tpr_emerg("ERROR: the rotor is stuck\\n");\n\tpr_info("all is well\\n");\n}\n'
    [fault] = unheard_words(tree_of(tmp_path, "kernel/smp.c", text))
    assert fault == "kernel/smp.c:3: f: 'ERROR: the rotor is stuck'"


def test_a_row_of_other_versions_is_not_asked_for(tmp_path: Path) -> None:
    text = 'static void kfence_report_error(void)\n{\n\tpr_err("KFENCE found something\\n");\n}\n'
    new = tree_of(tmp_path / "new", "mm/kfence/report.c", text)
    old = tree_of(tmp_path / "old", "mm/kfence/report.c", text, "VERSION = 3\nPATCHLEVEL = 0\nSUBLEVEL = 1\n")
    assert len(of_file(unheard_rows(new), "mm/kfence/report.c")) == 1
    assert of_file(unheard_rows(old), "mm/kfence/report.c") == []


def test_strings_are_read_as_the_compiler_joins_them(tmp_path: Path) -> None:
    text = '''
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
static const char Bad_file[] = "Bad swap file entry ";
#define shout(fmt, ...) \\
	printk_deferred(KERN_WARNING "WARNING: " fmt, ##__VA_ARGS__)
/* pr_err("in a comment"); */
static int __init
first(int n) { }
DEFINE_IDTENTRY_DF(second)
{
	pr_err("one %d%%, " /* two */
		"two %s\\n", n, n ? "yes" : "no");
	shout("%pS in %px\\n", f, f);
	printk(KERN_ALERT "%s%08lx: %*pbl, %-5s\\n", Bad_file, entry.val, 4, mask, "x;y)");
	seq_printf(m, "%s:%d: %pV", __FILE__, __LINE__, &vaf);
}
'''
    tree = tree_of(tmp_path, "mm/swapfile.c", text)
    spoken = {s.call: s for s in said(tree, "mm/swapfile.c") if s.function == "second"}
    assert spoken["pr_err"].texts == ("swapfile: one 7%, two yes", "swapfile: one 7%, two no")
    assert spoken["shout"].texts == ("WARNING: unlink_anon_vmas+0x1b/0x20 in 00000000aaaa0000",)
    assert spoken["printk"].texts == ("Bad swap file entry 0000001f: (null), x;y)",)
    assert spoken["seq_printf"].texts == ("mm/rmap.c:7: Poison overwritten",)
    assert spoken["pr_err"].line == 11
    assert {"first", "second", "shout"} <= functions(tree, "mm/swapfile.c")


def test_versions() -> None:
    assert is_within("4.9-5.15", (5, 15))
    assert not is_within("4.9-5.15", (5, 16))
    assert is_within("-3.2", (2, 6, 38))
    assert is_within("", (7, 3))
    assert not is_within("3.3-", (2, 6, 38))


def test_a_trees_version(tmp_path: Path) -> None:
    assert version(tree_of(tmp_path / "a", "x/a.c", "")) == (6, 12)
    old = "VERSION = 2\nPATCHLEVEL = 6\nSUBLEVEL = 38\n"
    assert version(tree_of(tmp_path / "b", "x/a.c", "", old)) == (2, 6, 38)


def test_every_row_says_which_function_of_which_file_prints_it() -> None:
    anywhere = ("of any file", "any report", "syzkaller", "lib.rs", "list_debug.c's")
    without = [p.source for p in PATTERNS if p.kind not in NO_SPLAT and not places(p.source)]
    assert [source for source in without if not any(word in source for word in anywhere)] == []
