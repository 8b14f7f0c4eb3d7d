"""What a healthy kernel does not print: a console log in, the splats found in it out. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kit.records import Splat

# Kinds after which the kernel is not itself any more: nothing that the boot measured counts.
FATAL = frozenset({"panic", "oops"})

EXCERPT_LINES = 40
HEADING_LINES = 4  # of an oops or a warning: those that match once more
MOST_ALIKE = 3  # splats of one kind whose titles differ by numbers only: a list may be found corrupt at every fork
NUMBER = re.compile(r"[0-9a-f]*\d[0-9a-f]*")


@dataclass(frozen=True)
class Pattern:
    """One message: its kind, how it looks without the time stamp, and which kernels' function prints it."""

    kind: str
    regex: re.Pattern[str]
    source: str


def _pattern(kind: str, regex: str, source: str) -> Pattern:
    return Pattern(kind, re.compile(regex), source)


def _lockdep(kind: str, regex: str, source: str) -> Pattern:
    """6.1 says WARNING, 3.0 says [ INFO: … ] or [ BUG: … ], and what came between mixes them."""
    return _pattern(f"lockdep-{kind}", rf"(INFO|WARNING|BUG): {regex}", f"{source}, kernel/locking/lockdep.c")


# The first that matches names the line. Texts read in 6.1; where another version prints another, the row says so.
PATTERNS = (
    # The answer to kit's own question, where a guest hangs (kit/vm/hang.py): not the kernel's failure.
    _pattern("nmi", r"^Kernel panic - not syncing: NMI: Not continuing", "nmi_panic, kernel/panic.c, since 4.5"),
    _pattern("panic", r"^Kernel panic - not syncing", "panic, kernel/panic.c, all versions"),
    _pattern("oops", r"kernel BUG at \S+:\d+!", "report_bug, lib/bug.c, all versions"),
    _pattern("oops", r"^BUG: unable to handle (kernel|page)", "show_fault_oops, arch/x86/mm/fault.c, 3.0 and 6.1"),
    _pattern("oops", r"^BUG: kernel NULL pointer dereference", "show_fault_oops, arch/x86/mm/fault.c, since 5.1"),
    _pattern("oops", r"^BUG: .* stack guard page was hit", "handle_stack_overflow, arch/x86/kernel/traps.c, since 4.9"),
    _pattern("oops", r"^PANIC: double fault", "exc_double_fault, arch/x86/kernel/traps.c, 6.1"),
    _pattern("oops", r": [0-9a-f]{4} \[#\d+\]", "__die, arch/x86/kernel/dumpstack.c, all versions"),
    _pattern("kasan", r"^BUG: (KASAN|KFENCE): ", "mm/kasan/report.c since 4.0; mm/kfence/report.c since 5.12"),
    _pattern("kcsan", r"^BUG: KCSAN: ", "print_report, kernel/kcsan/report.c, since 5.8"),
    _pattern("ubsan", r"^UBSAN: ", "ubsan_prologue, lib/ubsan.c, since 4.5"),
    _pattern("list-corruption", r"^list_(add|del) (corruption|double add)", "lib/list_debug.c, all versions"),
    _pattern("refcount", r"^refcount_t: ", "refcount_warn_saturate, lib/refcount.c, since 4.11"),
    _pattern("slab", r"^BUG \S+ \((Not t|T)ainted", "slab_bug, mm/slub.c, since 3.3"),
    _pattern("slab", r"^BUG \S+: (Poison|Redzone|Object|Padding|Freelist|Invalid)", "slab_bug, mm/slub.c, 3.0"),
    _pattern("page-state", r"^BUG: Bad (page (state|map|cache)|rss-counter)", "mm/page_alloc.c, memory.c, fork.c"),
    _pattern("page-state", r"^page:\S+ .*dumped because", "dump_page, mm/debug.c, since 3.15"),
    _pattern("rcu-stall", r"detected (expedited )?stalls?\b", "kernel/rcu/tree_stall.h, 6.1; kernel/rcutree.c, 3.0"),
    _pattern("hung-task", r"^INFO: task .* blocked for more than \d+ seconds", "check_hung_task, kernel/hung_task.c"),
    _pattern("soft-lockup", r"BUG: soft lockup - CPU#\d+", "watchdog_timer_fn, kernel/watchdog.c, all versions"),
    _pattern("hard-lockup", r"[Ww]atchdog detected hard LOCKUP", "watchdog_overflow_callback, kernel/watchdog_hld.c"),
    _pattern("workqueue-lockup", r"^BUG: workqueue lockup", "wq_watchdog_timer_fn, kernel/workqueue.c, since 4.5"),
    _lockdep("circular", "possible circular locking dependency", "print_circular_bug"),
    _lockdep("recursive", "possible recursive locking", "print_deadlock_bug"),
    _lockdep("irq-inversion", "possible irq lock inversion", "print_irq_inversion_bug"),
    _lockdep("irq-unsafe", r"\S+-safe -> \S+-unsafe lock order", "print_bad_irq_dependency"),
    _lockdep("inconsistent", "inconsistent lock state", "print_usage_bug"),
    _lockdep("unbalanced", "bad (unlock balance|contention) detected", "print_unlock_imbalance_bug"),
    _lockdep("held-freed", "held lock freed", "print_freed_lock_bug"),
    _lockdep("held-at-exit", r"(\S+/\d+ still has locks held|lock held at task exit)", "print_held_locks_bug"),
    _lockdep("held-in-user", "lock held when returning to user", "lockdep_sys_exit"),
    _lockdep("nested", "Nested lock was not taken", "print_lock_nested_lock_not_held, since 3.8"),
    _lockdep("context", "Invalid wait context", "print_lock_invalid_wait_context, since 5.7"),
    _lockdep("chain-key", "chain_key collision", "print_collision, since 4.6"),
    _lockdep("rcu", "suspicious (RCU|rcu_dereference)", "lockdep_rcu_suspicious"),
    _lockdep("key", "trying to register non-static key", "register_lock_class"),
    _lockdep("limits", r"(MAX_(LOCK|STACK_TRACE)\w+ too low|looking up invalid subclass)", "print_lockdep_off"),
    _pattern("sleep-in-atomic", r"^BUG: sleeping function called from invalid", "__might_resched, kernel/sched/core.c"),
    _pattern("sleep-in-atomic", r"^BUG: scheduling (while|in a)", "__schedule_bug, kernel/sched/core.c"),
    _pattern("spinlock", r"^BUG: (spin|rw)lock ", "spin_dump, kernel/locking/spinlock_debug.c, lib/ in 3.0"),
    _pattern("oom", r" invoked oom-killer: ", "dump_header, mm/oom_kill.c, all versions"),
    _pattern("warning", r"WARNING: (CPU: \d+ PID: \d+ )?at \S", "__warn, kernel/panic.c; 3.0 has no CPU and PID"),
    _pattern("bug", r"\bBUG: \S", "mm/memory.c, kernel/sched, kernel/softirq.c and others"),
)

TIME = re.compile(r"^\[ *\d+\.\d+\](\[ *[CT]\d+\])? ")
CUT = "------------[ cut here ]"
END = re.compile(r"---\[ end trace")
TRACED = frozenset({"oops", "warning", "list-corruption", "refcount"})  # several lines up to an end-of-trace mark

# Reports of one lock: those that are listed after it are only held besides, by chance.
ONE_LOCK = frozenset({"lockdep-inconsistent", "lockdep-held-freed", "lockdep-held-in-user"})

# " (&anon_vma->rwsem){++++}-{3:3}, at: anon_vma_clone+0x1a/0x190".
HELD = re.compile(r"\((\S[^{]*)\)\{\S+\}(-\{\S+\})?, at: ")
RELEASED = re.compile(r"is trying to (?:release|contend) lock \((\S+)\) at")
REPORT_LINES = 120

# What gcc adds to a name (.isra.0, .constprop.0) is left out.
REGISTERS = re.compile(r"RIP: 0010:(?:\[<[^>]*>\] +)?([A-Za-z_]\w*)[\w.]*\+0x")
FRAME = re.compile(r"^ *(?:\[<[^>]*>\] )?([A-Za-z_]\w*)[\w.]*\+0x[0-9a-f]+/0x")
ASKED = re.compile(r"^(sysrq|SysRq) ?: ")
"""How an answer to sysrq begins: as in 6.1, and as in 3.0."""
INTERRUPT_ENDS = re.compile(r"</IRQ>|<EOI>")
CODE = re.compile(r"^Code: ")
WAITS = re.compile(
    r"^_*(raw_)?(schedule|schedule_\w+|rwsem_\w+|down_(read|write)\w*|mutex_lock\w*|ww_mutex\w*|io_schedule\w*"
    r"|(queued_)?(spin|read|write)_lock\w*|(native_)?queued_spin_lock_\w+|do_raw_\w+_lock\w*|lock_acquire\w*"
    r"|wait_for_\w+|dump_stack\w*|panic|nmi_\w+|\w+_nmi\w*|asm_\w+|retint_\w+|end_repeat_nmi|delay_\w+|_*delay"
    r"|_*const_udelay)$"
)
IDLE = re.compile(r"^(native_safe_halt|pv_native_safe_halt|default_idle\w*|acpi_idle\w*|mwait_idle\w*|cpu_idle\w*)$")


def classify(log: str) -> list[Splat]:
    """The splats of a console log in their order.

    An oops and a warning print several lines that match: up to its end-of-trace mark it is one splat. The title of a
    lockdep report names the locks, so that two reports of one kind can be told apart. Of many alike the first are kept.
    """
    lines = plain_lines(log)
    found: list[Splat] = []
    quiet: dict[str, int] = {}
    alike: Counter[tuple[str, str]] = Counter()
    for index, line in enumerate(lines):
        kind = kind_of(line)
        if kind is None or kind == "nmi" or index <= quiet.get(kind, -1):
            continue
        title = _title(kind, lines, index)
        alike[words := (kind, NUMBER.sub("", title))] += 1
        if alike[words] <= MOST_ALIKE:
            found.append(Splat(kind, title, index + 1, _excerpt(lines, index)))
        if kind in TRACED:
            end = _end_of_trace(lines, index)
            quiet |= dict.fromkeys(TRACED, end)
    return found


def plain_lines(log: str) -> list[str]:
    """A log's lines without time stamps."""
    return [TIME.sub("", line.rstrip("\r")) for line in log.split("\n")]


def kind_of(line: str) -> str | None:
    """The kind of splat that this line of a console is the first of, or None."""
    text = TIME.sub("", line)
    return next((pattern.kind for pattern in PATTERNS if pattern.regex.search(text)), None)


def _title(kind: str, lines: Sequence[str], index: int) -> str:
    title = lines[index].strip()
    title = title.strip("[] ") if title.startswith("[ ") else title  # 3.0: [ INFO: … ]
    if kind == "warning" and index > 1 and CUT in lines[index - 2]:
        return f"{title}: {lines[index - 1].strip()}"
    if not kind.startswith("lockdep-"):
        return title
    # Not where they were taken: which of two places closes a circle is chance.
    report = lines[index : index + REPORT_LINES]
    locks = [match[1] for line in report[:6] if (match := RELEASED.search(line))]
    locks = locks or [match[1] for line in report if (match := HELD.search(line))]
    named = locks[: 1 if kind in ONE_LOCK else 2]
    return f"{title}: {' and '.join(sorted(set(named)))}" if locks else title


def _excerpt(lines: Sequence[str], index: int) -> str:
    """From the message of a warning, which stands before it, or from the line itself."""
    start = index - 1 if index > 1 and CUT in lines[index - 2] else index
    return "\n".join(lines[start : start + EXCERPT_LINES])


def _end_of_trace(lines: Sequence[str], start: int) -> int:
    """The index of the end mark that follows `start`; where the log ends before it, of the last line of its heading."""
    return next((i for i in range(start, len(lines)) if END.search(lines[i])), start + HEADING_LINES)


def stuck(log: str, first: int) -> Splat | None:
    """Where a guest that hangs stands, from the answers to sysrq and NMI that follow its line `first` (from 1).

    The first blocked task, else the first CPU that is not idle: the function that waits or loops, not those through
    which it waits. None where the guest gave no answer.
    """
    lines = plain_lines(log)
    places = list(_places(lines, first - 1))
    for who, trace, frames in sorted(places, key=lambda p: not p[0].startswith("task")):
        inside = [f for f in frames if not WAITS.match(f)]
        if inside and not any(IDLE.match(f) for f in frames):
            excerpt = "\n".join(lines[i] for i in trace[:EXCERPT_LINES])
            return Splat("hang", f"{who} stands in {inside[0]}", trace[0] + 1, excerpt)
    return None


def _places(lines: Sequence[str], first: int) -> Iterator[tuple[str, range, list[str]]]:
    """(who, the lines of its trace, its functions from the innermost) of each trace after line `first`."""
    starts = []
    for index in range(max(first, 0), len(lines)):
        line = lines[index]
        if ASKED.match(line):
            starts.append(("", index))
        elif match := re.match(r"(?:task:)?(\S+)\s+(?:state:)?D\s", line):
            starts.append((f"task {match[1]}", index))
        elif match := re.match(r"NMI backtrace for cpu (\d+)", line):
            starts.append((f"CPU {match[1]}", index))
        elif kind_of(line) == "nmi":
            starts.append(("CPU 0", index))
    for (who, start), (_, end) in pairwise([*starts, ("", len(lines))]):
        if who:
            trace = _interrupted(lines, range(start, end))
            yield who, trace, _frames([lines[i] for i in trace])


def _interrupted(lines: Sequence[str], trace: range) -> range:
    """Of the answering CPU's own trace, what the question interrupted: from the registers there; in kernels that print
    none (3.0), what the end of the interrupt's stack is followed by."""
    if any("nmi_panic" in lines[i] for i in trace):
        return range(_first(lines, REGISTERS, trace, trace.start), trace.stop)
    if not any("sysrq" in lines[i] for i in trace):
        return trace
    below = range(_first(lines, INTERRUPT_ENDS, trace, trace.start), trace.stop)
    if (registers := _first(lines, REGISTERS, below, -1)) >= 0:
        return range(registers, trace.stop)
    return range(below.start, _first(lines, CODE, below, trace.stop))


def _first(lines: Sequence[str], pattern: re.Pattern[str], among: range, otherwise: int) -> int:
    """The first of these lines in which a pattern is found."""
    return next((i for i in among if pattern.search(lines[i])), otherwise)


def _frames(trace: Sequence[str]) -> list[str]:
    """A trace's functions; all that lie on the stack where the kernel cannot tell which of them are frames: then it
    marks each with a question mark (UNWINDER_GUESS)."""
    sure = [m[1] for line in trace if (m := REGISTERS.search(line) or FRAME.match(line))]
    return sure or [m[1] for line in trace if (m := FRAME.match(line.replace("? ", "", 1)))]
