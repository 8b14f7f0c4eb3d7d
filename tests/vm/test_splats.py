"""Splats are found in consoles, and not where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.vm.splats import EXCERPT_LINES, classify, kind_of

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
        ("[    1.0] WARNING: possible circular locking dependency detected", "lockdep"),
        ("[    1.0] [ INFO: possible recursive locking detected ]", "lockdep"),
        ("[    1.0] [ INFO: inconsistent lock state ]", "lockdep"),
        ("[    1.0] [ BUG: bad unlock balance detected! ]", "lockdep"),
        ("[    1.0] WARNING: suspicious RCU usage", "lockdep"),
        ("[    1.0] BUG: MAX_LOCK_DEPTH too low!", "lockdep"),
        ("[    1.0][    T1] rcu: INFO: rcu_sched self-detected stall on CPU", "rcu-stall"),
        ("[    1.0] INFO: rcu_sched_state detected stalls on CPUs/tasks: { 1} (detected by 0)", "rcu-stall"),
        ("[    1.0] INFO: task worker:23 blocked for more than 122 seconds.", "hung-task"),
        ("[    1.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: soft lockup - CPU#0 stuck for 61s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: sleeping function called from invalid context at mm/slab.h:1", "bug"),
        ("[    1.0] BUG: Bad page state in process worker  pfn:0123", "bug"),
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
