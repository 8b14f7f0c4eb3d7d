"""Consoles of real guests, broken on purpose (tests/boot/broken), are classified correctly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.vm.lines import plain_lines
from kit.vm.splats import FATAL, classify
from kit.vm.stuck import stuck
from tests.golden.trim import is_answer

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def parts(name: str) -> tuple[str, str, int]:
    """(the whole log, what the guest printed unasked, the line at which its answers begin)."""
    log = (GOLDEN / f"broken-{name}.log").read_text()
    plain = plain_lines(log)
    first = next((i for i, line in enumerate(plain) if is_answer(line)), len(plain))
    return log, "\n".join(log.split("\n")[:first]), first + 1


@pytest.mark.parametrize(
    ("name", "kinds", "title", "where"),
    [
        ("6.1-warn-in-clone", ["warning"], "at ../src/mm/rmap.c:288 anon_vma_clone+", ""),
        (
            "6.1-lock-twice",
            ["lockdep-recursive", "hung-task"],
            "detected: &anon_vma->rwsem",
            "task init stands in anon_vma_fork",
        ),
        ("6.1-allocate-under-lock", ["lockdep-circular"], "detected: &anon_vma->rwsem and fs_reclaim", ""),
        ("6.1-null-in-fork", ["oops", "panic"], "BUG: kernel NULL pointer dereference, address: 0000000000000", ""),
        ("6.1-loop-irqs-off", [], "", "CPU 0 stands in unlink_anon_vmas"),
        (
            "6.1-loop-preempt-off",
            ["rcu-stall", "soft-lockup"],
            "detected stalls on",
            "CPU 0 stands in unlink_anon_vmas",
        ),
        (
            "6.1-leak-lock-on-error",
            ["lockdep-circular", "hung-task"],
            "detected: &anon_vma->rwsem and &mm->mmap_lock",
            "task worker stands in lock_anon_vma_root",
        ),
        (
            "6.1-one-pass-unlink",
            ["lockdep-recursive", "hung-task"],
            "detected: &anon_vma->rwsem",
            "task init stands in anon_vma_free",
        ),
        ("6.1-one-pass-unlink-counting", [], "", "task init stands in anon_vma_free"),
        (
            "6.1-unlock-twice",
            ["lockdep-unbalanced", "warning", "hung-task"],
            "detected!: &anon_vma->rwsem",
            "task init stands in lock_anon_vma_root",
        ),
        ("6.1-sleep-under-spinlock", ["sleep-in-atomic"] * 2, "invalid context at ../src/mm/rmap.c:212", ""),
        ("6.1-list-del-twice", ["list-corruption"] * 3, "list_del corruption, ", ""),
        ("6.1-rcu-outside", ["lockdep-rcu"], "suspicious RCU usage", ""),
        ("6.1-hang-before-init", [], "", "CPU 0 stands in proc_caches_init"),
        (
            "6.1-leak-mutex",
            ["lockdep-held-in-user", "hung-task"],
            "returning to user space!: forking",
            "task worker stands in copy_process",
        ),
        ("6.1-leak-memory", ["oom"] * 2, "worker invoked oom-killer: ", ""),
        ("6.1-count-from-zero", ["refcount"], "refcount_t: addition on 0; use-after-free.", ""),
        ("6.1-free-locked-page", ["page-state"] * 5, "Bad page state in process swapper/0", ""),
        ("6.1-free-while-locked", ["lockdep-held-freed"], "held lock freed!: &anon_vma->rwsem", ""),
        ("6.1-lock-in-softirq", ["lockdep-inconsistent"], "inconsistent lock state: forking", ""),
        ("6.1-write-after-free", ["slab"] * 2, "BUG anon_vma_chain (Not tainted): Poison overwritten", ""),
        ("6.1-use-after-free-sanitizers", ["kasan"], "BUG: KASAN: use-after-free in unlink_anon_vmas+", ""),
        ("6.1-use-after-free-kfence", ["kasan"], "BUG: KFENCE: use-after-free read in unlink_anon_vmas+", ""),
        ("6.1-shift-too-far-sanitizers", ["ubsan"], "UBSAN: shift-out-of-bounds in ../src/mm/rmap.c:388:11", ""),
        ("6.1-panic-at-boot", ["panic"], "Kernel panic - not syncing: anon_vma: broken on purpose", ""),
        ("7.3-warn-in-clone", ["warning"], "WARNING: ../src/mm/rmap.c:335 at anon_vma_clone+", ""),
        ("7.3-null-in-fork", ["oops", "panic"], "BUG: kernel NULL pointer dereference, address: 00000000000002c0", ""),
        ("7.3-list-del-twice", ["list-corruption"] * 3, "->next is LIST_POISON1 (dead000000000100)", ""),
        ("7.3-sleep-under-spinlock", ["sleep-in-atomic"] * 3, "invalid context at ../src/mm/rmap.c:211", ""),
        ("7.3-panic-at-boot", ["panic"], "Kernel panic - not syncing: anon_vma: broken on purpose", ""),
        ("7.3-rcu-outside", ["lockdep-rcu"], "suspicious RCU usage in copy_process", ""),
        ("7.3-count-from-zero", ["refcount"], "refcount_t: addition on 0; use-after-free. in copy_process", ""),
        ("7.3-free-locked-page", ["page-state"] * 5, "Bad page state in process swapper/0", ""),
        ("7.3-free-while-locked", ["lockdep-held-freed"], "held lock freed!: &anon_vma->rwsem", ""),
        ("7.3-lock-in-softirq", ["lockdep-inconsistent"], "inconsistent lock state: forking", ""),
        ("7.3-write-after-free", ["slab"] * 2, "Object corrupt: Poison overwritten in anon_vma_fork", ""),
        ("7.3-hang-before-init", [], "", "CPU 0 stands in proc_caches_init"),
        ("7.3-loop-irqs-off", [], "", "CPU 0 stands in unlink_anon_vmas"),
        ("7.3-loop-preempt-off", ["soft-lockup"] * 3, "BUG: soft lockup", "CPU 0 stands in unlink_anon_vmas"),
        (
            "7.3-lock-twice",
            ["lockdep-recursive", *["hung-task"] * 3],
            "detected: &anon_vma->rwsem in anon_vma_fork",
            "task init stands in anon_vma_fork",
        ),
        (
            "7.3-leak-lock-on-error",
            ["lockdep-recursive", *["hung-task"] * 3],
            "detected: &anon_vma->rwsem in unlink_anon_vmas",
            "task worker stands in unlink_anon_vmas",
        ),
        (
            "7.3-leak-mutex",
            ["lockdep-held-in-user", *["hung-task"] * 4],
            "returning to user space!: forking",
            "task worker stands in copy_process",
        ),
        (
            "7.3-one-pass-unlink",
            ["lockdep-recursive", *["hung-task"] * 2],
            "detected: &anon_vma->rwsem",
            "task sh stands in anon_vma_free",
        ),
        (
            "7.3-unlock-twice",
            ["lockdep-unbalanced", "warning", *["hung-task"] * 2],
            "detected!: &anon_vma->rwsem",
            "task sh stands in unlink_anon_vmas",
        ),
        ("7.3-allocate-under-lock", ["lockdep-circular"], "detected: &anon_vma->rwsem and fs_reclaim", ""),
        ("7.3-leak-memory", ["oom", "page-allocation"], "worker invoked oom-killer: ", ""),
        ("7.3-use-after-free-kfence", ["kasan"] * 2, "BUG: KFENCE: use-after-free read in unlink_anon_vmas+", ""),
        ("6.12-use-after-free-kfence", ["kasan"], "BUG: KFENCE: use-after-free read in unlink_anon_vmas+", ""),
        ("7.3-use-after-free-sanitizers", ["kasan"], "BUG: KASAN: slab-use-after-free in unlink_anon_vmas+", ""),
        ("7.3-shift-too-far-sanitizers", ["ubsan"], "UBSAN: shift-out-of-bounds in ../src/mm/rmap.c:443:11", ""),
        ("6.12-allocate-under-lock", ["lockdep-circular"], "detected: &anon_vma->rwsem and fs_reclaim", ""),
        ("6.12-leak-memory", ["oom", "page-allocation"], "worker invoked oom-killer: ", ""),
        ("6.12-use-after-free-sanitizers", ["kasan"], "BUG: KASAN: slab-use-after-free in unlink_anon_vmas+", ""),
        ("6.12-shift-too-far-sanitizers", ["ubsan"], "UBSAN: shift-out-of-bounds in ../src/mm/rmap.c:393:11", ""),
        ("6.12-warn-in-clone", ["warning"], "WARNING: CPU: 0 PID: 1 at ../src/mm/rmap.c:290 anon_vma_clone+", ""),
        ("6.12-null-in-fork", ["oops", "panic"], "BUG: kernel NULL pointer dereference, address: 00000000000001f8", ""),
        ("6.12-list-del-twice", ["list-corruption"] * 3, "->next is LIST_POISON1 (dead000000000100)", ""),
        ("6.12-sleep-under-spinlock", ["sleep-in-atomic"] * 3, "invalid context at ../src/mm/rmap.c:212", ""),
        ("6.12-panic-at-boot", ["panic"], "Kernel panic - not syncing: anon_vma: broken on purpose", ""),
        ("6.12-rcu-outside", ["lockdep-rcu"], "suspicious RCU usage in copy_process", ""),
        ("6.12-count-from-zero", ["refcount"], "refcount_t: addition on 0; use-after-free. in copy_process", ""),
        ("6.12-free-locked-page", ["page-state"] * 5, "Bad page state in process swapper/0", ""),
        ("6.12-free-while-locked", ["lockdep-held-freed"], "held lock freed!: &anon_vma->rwsem", ""),
        ("6.12-lock-in-softirq", ["lockdep-inconsistent"], "inconsistent lock state: forking", ""),
        ("6.12-write-after-free", ["slab"] * 2, "Object corrupt: Poison overwritten in anon_vma_fork", ""),
        ("6.12-hang-before-init", [], "", "CPU 0 stands in proc_caches_init"),
        ("6.12-loop-irqs-off", [], "", "CPU 0 stands in unlink_anon_vmas"),
        ("6.12-loop-preempt-off", ["soft-lockup"], "BUG: soft lockup", "CPU 0 stands in unlink_anon_vmas"),
        (
            "6.12-lock-twice",
            ["lockdep-recursive", *["hung-task"] * 3],
            "detected: &anon_vma->rwsem in anon_vma_fork",
            "task init stands in anon_vma_fork",
        ),
        (
            "6.12-leak-lock-on-error",
            ["lockdep-circular", *["hung-task"] * 2],
            "detected: &anon_vma->rwsem and &mm->mmap_lock in exit_mmap",
            "task worker stands in lock_anon_vma_root",
        ),
        (
            "6.12-leak-mutex",
            ["lockdep-held-in-user", *["hung-task"] * 3],
            "returning to user space!: forking",
            "task worker stands in copy_process",
        ),
        (
            "6.12-one-pass-unlink",
            ["lockdep-recursive", *["hung-task"] * 2],
            "detected: &anon_vma->rwsem in anon_vma_free",
            "task init stands in anon_vma_free",
        ),
        (
            "6.12-unlock-twice",
            ["lockdep-unbalanced", "warning", *["hung-task"] * 2],
            "detected!: &anon_vma->rwsem",
            "task init stands in lock_anon_vma_root",
        ),
        ("2.6.38-warn-in-clone", ["warning"], "at ../src/mm/rmap.c:196 anon_vma_clone+", ""),
        (
            "2.6.38-lock-twice",
            ["lockdep-recursive"],
            "INFO: possible recursive locking detected: &(&anon_vma->lock)->rlock",
            "CPU 0 stands in anon_vma_clone",
        ),
        ("3.0-warn-in-clone", ["warning"], "at ../src/mm/rmap.c:252 anon_vma_clone+", ""),
        (
            "3.0-lock-twice",
            ["lockdep-recursive", "hung-task"],
            "INFO: possible recursive locking detected: &anon_vma->mutex",
            "task init stands in anon_vma_fork",
        ),
        ("3.0-null-in-fork", ["oops", "panic"], "BUG: unable to handle kernel NULL pointer dereference at 0", ""),
        (
            "3.0-loop-preempt-off",
            ["rcu-stall", "soft-lockup"],
            "detected stall on CPU 0",
            "CPU 0 stands in unlink_anon_vmas",
        ),
        ("5.10-warn-in-clone", ["warning"], "WARNING: CPU: 0 PID: 1 at ../src/mm/rmap.c:280 anon_vma_clone+", ""),
        (
            "5.10-lock-twice",
            ["lockdep-recursive", "hung-task"],
            "WARNING: possible recursive locking detected: &anon_vma->rwsem",
            "task init stands in anon_vma_fork",
        ),
        ("3.0-lockdep-637fbbf", ["lockdep-inconsistent"], "INFO: inconsistent lock state: &anon_vma->mutex", ""),
    ],
)
def test_a_real_console_is_read_as_what_it_is(name: str, kinds: list[str], title: str, where: str) -> None:
    log, own, first = parts(name)
    found = classify(own)
    assert [splat.kind for splat in found] == kinds
    assert not found or title in found[0].title
    for splat in found:
        line = plain_lines(log)[splat.line - 1]
        line = re.sub(r"/root/\.cache/kit/objects/[\w-]+/", "../", line)  # where kit built it
        assert line.strip(" []") in splat.title.strip(" []")
    hang = stuck(log, first)
    assert (hang.title if hang else "") == where


def test_every_golden_console_is_tried_here() -> None:
    [mark] = test_a_real_console_is_read_as_what_it_is.pytestmark
    there = {path.name.removeprefix("broken-").removesuffix(".log") for path in GOLDEN.glob("broken-*.log")}
    assert {row[0] for row in mark.args[1]} == there


def test_a_panic_that_kit_asked_for_is_not_the_guests() -> None:
    log, own, _ = parts("6.1-loop-irqs-off")
    assert classify(own) == []
    assert "Kernel panic - not syncing: NMI: Not continuing" in log
    assert not any(splat.title.startswith("Kernel panic") for splat in classify(log) if splat.kind in FATAL)
