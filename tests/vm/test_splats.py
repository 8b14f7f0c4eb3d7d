"""Splats are found in consoles, and not where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.vm.splats import EXCERPT_LINES, MOST_ALIKE, PATTERNS, classify, kind_of

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def test_a_good_boot_has_none() -> None:
    log = (GOLDEN / "console-6.1-good.log").read_text()
    assert "kit: done" in log
    assert classify(log) == []


def test_a_real_panic_is_found_once_with_its_line() -> None:
    log = (GOLDEN / "console-6.1-panic.log").read_text()
    [splat] = classify(log)
    assert splat.kind == "panic"
    assert splat.title.startswith("Kernel panic - not syncing: Attempted to kill init!")
    assert "Kernel panic" in log.split("\n")[splat.line - 1]
    assert "Call Trace:" in splat.excerpt
    assert len(splat.excerpt.split("\n")) <= EXCERPT_LINES


# As kernels print them: kernel/locking/lockdep.c and others of 3.0 and 6.1.
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[    1.0] kernel BUG at mm/rmap.c:123!", "oops"),
        ("[    1.0] invalid opcode: 0000 [#1] SMP", "oops"),
        ("[    1.0] BUG: unable to handle kernel NULL pointer dereference at (null)", "oops"),
        ("[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008", "oops"),
        ("[    1.0] general protection fault, probably for non-canonical address 0xdead: 0000 [#1] PREEMPT", "oops"),
        ("[    1.0] WARNING: CPU: 1 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20", "warning"),
        ("[    1.0] WARNING: at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20()", "warning"),
        ("[    1.0] WARNING: possible circular locking dependency detected", "lockdep-circular"),
        ("[    1.0] [ INFO: possible recursive locking detected ]", "lockdep-recursive"),
        ("[    1.0] [ INFO: inconsistent lock state ]", "lockdep-inconsistent"),
        ("[    1.0] [ BUG: bad unlock balance detected! ]", "lockdep-unbalanced"),
        ("[    1.0] WARNING: suspicious RCU usage", "lockdep-rcu"),
        ("[    1.0] BUG: MAX_LOCK_DEPTH too low!", "lockdep-limits"),
        ("[    1.0][    T1] rcu: INFO: rcu_sched self-detected stall on CPU", "rcu-stall"),
        ("[    1.0] INFO: rcu_sched_state detected stalls on CPUs/tasks: { 1} (detected by 0)", "rcu-stall"),
        ("[    1.0] INFO: task worker:23 blocked for more than 122 seconds.", "hung-task"),
        ("[    1.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: soft lockup - CPU#0 stuck for 61s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: sleeping function called from invalid context at mm/slab.h:1", "sleep-in-atomic"),
        ("[    1.0] BUG: Bad page state in process worker  pfn:0123", "page-state"),
        ("[    1.0] WARNING: possible irq lock inversion dependency detected", "lockdep-irq-inversion"),
        ("[    1.0] WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", "lockdep-irq-unsafe"),
        ("[    1.0] WARNING: held lock freed!", "lockdep-held-freed"),
        ("[    1.0] [ BUG: held lock freed! ]", "lockdep-held-freed"),
        ("[    1.0] WARNING: worker/23 still has locks held!", "lockdep-held-at-exit"),
        ("[    1.0] [ BUG: lock held at task exit time! ]", "lockdep-held-at-exit"),
        ("[    1.0] WARNING: lock held when returning to user space!", "lockdep-held-in-user"),
        ("[    1.0] [ BUG: lock held when returning to user space! ]", "lockdep-held-in-user"),
        ("[    1.0] WARNING: Nested lock was not taken", "lockdep-nested"),
        ("[    1.0] [ BUG: Invalid wait context ]", "lockdep-context"),
        ("[    1.0] WARNING: chain_key collision", "lockdep-chain-key"),
        ("[    1.0] INFO: trying to register non-static key.", "lockdep-key"),
        ("[    1.0] INFO: suspicious rcu_dereference_check() usage.", "lockdep-rcu"),
        ("[    1.0] BUG: scheduling while atomic: worker/23/0x00000002", "sleep-in-atomic"),
        ("[    1.0] BUG: spinlock bad magic on CPU#0, worker/23", "spinlock"),
        ("[    1.0] BUG: workqueue lockup - pool cpus=0", "workqueue-lockup"),
        ("[    1.0] Watchdog detected hard LOCKUP on cpu 1", "hard-lockup"),
        ("[    1.0] BUG: KASAN: use-after-free in unlink_anon_vmas+0x1b/0x20", "kasan"),
        ("[    1.0] BUG: KFENCE: use-after-free read in unlink_anon_vmas+0x1b/0x20", "kasan"),
        ("[    1.0] BUG: KCSAN: data-race in a / b", "kcsan"),
        ("[    1.0] UBSAN: array-index-out-of-bounds in mm/rmap.c:420:12", "ubsan"),
        ("[    1.0] list_del corruption, ffff888003333000->next is LIST_POISON1 (dead000000000100)", "list-corruption"),
        ("[    1.0] list_add double add: new=ffff888003333000, prev=", "list-corruption"),
        ("[    1.0] refcount_t: underflow; use-after-free.", "refcount"),
        ("[    1.0] BUG anon_vma (Not tainted): Redzone overwritten", "slab"),
        ("[    1.0] BUG anon_vma_chain: Poison overwritten", "slab"),
        ("[    1.0] BUG: Bad rss-counter state mm:00000000 type:MM_ANONPAGES val:1", "page-state"),
        ("[    1.0] worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0", "oom"),
        ("[    1.0] Kernel panic - not syncing: Attempted to kill init!", "panic"),
        ("[    1.0] Kernel panic - not syncing: NMI: Not continuing", "nmi"),
        ("[    1.0] BUG: non-zero pgtables_bytes on freeing mm: 4096", "bug"),
        ("[    1.0] DEBUG: nothing", None),
        ("[    1.0] worker[23]: segfault at 0 ip 0000000000401000", None),
        ("[    1.0] stalls are detected elsewhere", None),
    ],
)
def test_lines_have_their_kind(line: str, kind: str | None) -> None:
    assert kind_of(line) == kind


def test_an_oops_is_one_splat_and_the_panic_after_it_another() -> None:
    log = "\n".join(
        [
            "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "[    1.0] Oops: 0000 [#1] SMP",
            "[    1.0] ---[ end trace 0000000000000000 ]---",
            "[    1.1] Kernel panic - not syncing: Fatal exception",
        ]
    )
    assert [(s.kind, s.line) for s in classify(log)] == [("oops", 1), ("panic", 4)]


def test_two_warnings_are_two_splats() -> None:
    one = "[    1.0] WARNING: at a.c:1 f()\r\n[    1.0] ---[ end trace 0 ]---\r\n"
    assert [s.line for s in classify(one + one)] == [1, 3]


def test_a_corrupt_list_is_one_splat_not_a_warning_besides() -> None:
    log = "\n".join(
        [
            "[    1.0] ------------[ cut here ]------------",
            "[    1.0] list_del corruption, ffff888003333000->next is LIST_POISON1 (dead000000000100)",
            "[    1.0] WARNING: CPU: 0 PID: 23 at lib/list_debug.c:56 __list_del_entry_valid+0x61/0xc0",
            "[    1.0] ---[ end trace 0000000000000000 ]---",
        ]
    )
    assert [(s.kind, s.line) for s in classify(log)] == [("list-corruption", 2)]


def test_a_warning_with_words_says_them() -> None:
    log = "---------[ cut here ]---\nsem is not held\nWARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n---[ end trace 0 ]---"
    [splat] = classify(log.replace("---------[", "------------["))
    assert splat.title == "WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2: sem is not held"
    assert splat.excerpt.startswith("sem is not held\n")


def test_every_kind_of_the_table_is_tried_here() -> None:
    tried = {mark.args[1][i][1] for mark in test_lines_have_their_kind.pytestmark for i in range(len(mark.args[1]))}
    assert {pattern.kind for pattern in PATTERNS} <= tried


def test_of_many_alike_the_first_are_kept() -> None:
    log = "".join(f"list_del corruption, ffff{n:04x}->next is NULL\n---[ end trace {n} ]---\n" for n in range(500))
    assert [s.line for s in classify(log + "BUG: other\n")] == [1, 3, 5, 1001]
    assert MOST_ALIKE == 3
