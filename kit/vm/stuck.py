"""Finds where a guest hangs (a task or CPU, and its function) in its answers to sysrq and NMI. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from kit.records import Splat
from kit.vm.lines import plain_lines
from kit.vm.patterns import NMI
from kit.vm.splats import EXCERPT_LINES, kind_of

# Suffixes of gcc (.isra.0, .constprop.0) are left out.
REGISTERS = re.compile(r"RIP: 0010:(?:\[<[^>]*>\] +)?([A-Za-z_]\w*)[\w.]*\+0x")
FRAME = re.compile(r"^ *(?:\[<[^>]*>\] )?([A-Za-z_]\w*)[\w.]*\+0x[0-9a-f]+/0x")
ASKED = re.compile(r"^(sysrq|SysRq) ?: ")
"""How an answer to sysrq begins in 6.1 (sysrq) and in 3.0 (SysRq)."""
INTERRUPT_ENDS = re.compile(r"</IRQ>|<EOI>")
CODE = re.compile(r"^Code: ")
WAITS = re.compile(
    r"^_*(raw_)?(schedule|schedule_\w+|rwsem_\w+|down_(read|write)\w*|mutex_lock\w*|ww_mutex\w*|io_schedule\w*"
    r"|(queued_)?(spin|read|write)_lock\w*|(native_)?queued_spin_lock_\w+|do_raw_\w+_lock\w*|lock_acquire\w*"
    r"|wait_for_\w+|dump_stack\w*|panic|nmi_\w+|\w+_nmi\w*|asm_\w+|retint_\w+|end_repeat_nmi|delay_\w+|_*delay"
    r"|_*const_udelay|restore_args|sched_clock_cpu)$"
)
IDLE = re.compile(r"^(native_safe_halt|pv_native_safe_halt|default_idle\w*|acpi_idle\w*|mwait_idle\w*|cpu_idle\w*)$")


def stuck(log: str, first: int) -> Splat | None:
    """Where a guest hangs, from its answers to sysrq and NMI, which begin at the log's line `first` (from 1).

    It is the first blocked task, else the first CPU that is not idle. The function is the innermost that is not a
    helper for waiting. None if the guest gave no answer.
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
    """(who, the indices of its lines, its functions innermost first) of each trace from index `first` on."""
    starts = []
    for index in range(max(first, 0), len(lines)):
        line = lines[index]
        if ASKED.match(line):
            starts.append(("", index))
        elif match := re.match(r"(?:task:)?(\S+)\s+(?:state:)?D\s", line):
            starts.append((f"task {match[1]}", index))
        elif match := re.match(r"NMI backtrace for cpu (\d+)", line):
            starts.append((f"CPU {match[1]}", index))
        elif kind_of(line) == NMI:
            starts.append(("CPU 0", index))
    for (who, start), (_, end) in pairwise([*starts, ("", len(lines))]):
        if who:
            trace = _interrupted(lines, range(start, end))
            yield who, trace, _frames([lines[i] for i in trace])


def _interrupted(lines: Sequence[str], trace: range) -> range:
    """The part of the answering CPU's trace below the interrupt: from the registers on, or, in kernels that print none
    (3.0), what follows the end of the interrupt's stack."""
    if any("nmi_panic" in lines[i] for i in trace):
        return range(_first(lines, REGISTERS, trace, trace.start), trace.stop)
    if not any("sysrq" in lines[i] for i in trace):
        return trace
    below = range(_first(lines, INTERRUPT_ENDS, trace, trace.start), trace.stop)
    if (registers := _first(lines, REGISTERS, below, -1)) >= 0:
        return range(registers, trace.stop)
    return range(below.start, _first(lines, CODE, below, trace.stop))


def _first(lines: Sequence[str], pattern: re.Pattern[str], among: range, otherwise: int) -> int:
    """The index of the first of these lines that has the pattern; `otherwise` if none has."""
    return next((i for i in among if pattern.search(lines[i])), otherwise)


def _frames(trace: Sequence[str]) -> list[str]:
    """A trace's functions, innermost first. Frames that the kernel marks as guesses (`?`) count only if there are no
    others (UNWINDER_GUESS)."""
    sure = [m[1] for line in trace if (m := REGISTERS.search(line) or FRAME.match(line))]
    return sure or [m[1] for line in trace if (m := FRAME.match(line.replace("? ", "", 1)))]
