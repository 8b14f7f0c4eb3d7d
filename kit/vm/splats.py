"""What a healthy kernel does not print: a console log in, the splats found in it out. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.records import Splat

# Kinds after which the kernel is not itself any more: nothing that the boot measured counts.
FATAL = frozenset({"panic", "oops"})

EXCERPT_LINES = 40


@dataclass(frozen=True)
class Pattern:
    """One message: its kind, how it looks without the time stamp, and which kernels' function prints it."""

    kind: str
    regex: re.Pattern[str]
    source: str


def _pattern(kind: str, regex: str, source: str) -> Pattern:
    return Pattern(kind, re.compile(regex), source)


# The first that matches names the line. Texts read in 6.1; where 3.0 prints another, the row says so.
PATTERNS = (
    _pattern("panic", r"^Kernel panic - not syncing", "panic, kernel/panic.c, all versions"),
    _pattern("oops", r"kernel BUG at \S+:\d+!", "report_bug, lib/bug.c, all versions"),
    _pattern("oops", r"^BUG: unable to handle (kernel|page)", "show_fault_oops, arch/x86/mm/fault.c, 3.0 and 6.1"),
    _pattern("oops", r"^BUG: kernel NULL pointer dereference", "show_fault_oops, arch/x86/mm/fault.c, 6.1"),
    _pattern("oops", r"^BUG: .* stack guard page was hit", "handle_stack_overflow, arch/x86/kernel/traps.c, 6.1"),
    _pattern("oops", r"^PANIC: double fault", "exc_double_fault, arch/x86/kernel/traps.c, 6.1"),
    _pattern("oops", r": [0-9a-f]{4} \[#\d+\]", "__die, arch/x86/kernel/dumpstack.c, all versions"),
    _pattern("rcu-stall", r"detected (expedited )?stalls?\b", "kernel/rcu/tree_stall.h, 6.1; kernel/rcutree.c, 3.0"),
    _pattern("hung-task", r"^INFO: task .* blocked for more than \d+ seconds", "check_hung_task, kernel/hung_task.c"),
    _pattern("soft-lockup", r"BUG: soft lockup - CPU#\d+", "watchdog_timer_fn, kernel/watchdog.c, all versions"),
    _pattern(
        "lockdep",
        r"(INFO|WARNING): possible (circular locking dependency|recursive locking|irq lock inversion)",
        "print_circular_bug, print_deadlock_bug, print_irq_inversion_bug, kernel/locking/lockdep.c; "
        "3.0 says [ INFO: ... ]",
    ),
    _pattern("lockdep", r"(INFO|WARNING): inconsistent lock state", "print_usage_bug, kernel/locking/lockdep.c"),
    _pattern("lockdep", r"(INFO|WARNING): \S+-safe -> \S+-unsafe lock order", "print_bad_irq_dependency, lockdep.c"),
    _pattern("lockdep", r"(INFO|WARNING): suspicious (RCU|rcu_dereference)", "lockdep_rcu_suspicious, lockdep.c"),
    _pattern(
        "lockdep",
        r"(BUG|WARNING): (bad (unlock balance|contention) detected|held lock freed|lock held when returning to user)",
        "lockdep.c; 3.0 says [ BUG: ... ]",
    ),
    _pattern("lockdep", r"WARNING: (Nested lock was not taken|chain_key collision)", "lockdep.c, 6.1"),
    _pattern("lockdep", r"(BUG|WARNING): \S+/\d+ still has locks held", "print_held_locks_bug, lockdep.c"),
    _pattern("lockdep", r"BUG: Invalid wait context", "print_lock_invalid_wait_context, lockdep.c, 6.1"),
    _pattern("lockdep", r"BUG: MAX_(LOCK|STACK_TRACE)\w+ too low", "print_lockdep_off, lockdep.c"),
    _pattern("lockdep", r"INFO: trying to register non-static key", "register_lock_class, lockdep.c"),
    _pattern("warning", r"WARNING: (CPU: \d+ PID: \d+ )?at \S", "__warn, kernel/panic.c; 3.0 has no CPU and PID"),
    _pattern("bug", r"\bBUG: \S", "sched/core.c, mm/memory.c, page_alloc.c, spinlock_debug.c, workqueue.c and others"),
)

TIME = re.compile(r"^\[ *\d+\.\d+\](\[ *[CT]\d+\])? ")
END = re.compile(r"---\[ end trace")


def classify(log: str) -> list[Splat]:
    """The splats of a console log in their order.

    An oops and a warning print several lines that match: up to its end-of-trace mark it is one splat.
    """
    lines = [TIME.sub("", line.rstrip("\r")) for line in log.split("\n")]
    found: list[Splat] = []
    quiet: dict[str, int] = {}
    for index, line in enumerate(lines):
        kind = kind_of(line)
        if kind is None or index <= quiet.get(kind, -1):
            continue
        found.append(Splat(kind, line.strip(" []"), index + 1, "\n".join(lines[index : index + EXCERPT_LINES])))
        if kind in {"oops", "warning"}:
            quiet[kind] = _end_of_trace(lines, index)
    return found


def kind_of(line: str) -> str | None:
    """The kind of splat that this line of a console is the first of, or None."""
    text = TIME.sub("", line)
    return next((pattern.kind for pattern in PATTERNS if pattern.regex.search(text)), None)


def _end_of_trace(lines: list[str], start: int) -> int:
    """The index of the end mark that follows `start`, or `start` where there is none."""
    return next((i for i in range(start, len(lines)) if END.search(lines[i])), start)
