"""What the host does beside a timed boot: nothing in, load, steal, governor, SMT and turbo out."""

from __future__ import annotations

import os
from pathlib import Path

from kit.records import HostState

ROOT = Path("/")
CPUS = "sys/devices/system/cpu"
STEAL = 8  # proc_stat's field of a cpu line, from 1: user nice system idle iowait irq softirq steal


def host_state(root: Path = ROOT) -> HostState:
    """Now. What the host does not tell is empty: a guest of some cloud has no governor to show."""
    total, steal = _ticks(_text(root / "proc/stat"))
    governors = {_text(p) for p in sorted((root / CPUS).glob("cpu[0-9]*/cpufreq/scaling_governor"))}
    return HostState(
        load=float((_text(root / "proc/loadavg") or "0").split()[0]),
        total_ticks=total,
        steal_ticks=steal,
        governor=", ".join(sorted(governors)),
        smt={"1": "on", "0": "off"}.get(_text(root / CPUS / "smt/active"), ""),
        turbo=_turbo(root / CPUS),
    )


def _ticks(stat: str) -> tuple[int, int]:
    """(all, steal) of all CPUs together, since the host's boot."""
    line = next((text.split() for text in stat.splitlines() if text.startswith("cpu ")), [])
    values = [int(n) for n in line[1 : STEAL + 1]]  # guest time, behind, is part of user time
    return sum(values), values[STEAL - 1] if len(values) == STEAL else 0


def _turbo(cpus: Path) -> str:
    """`on` or `off`: Intel's driver says no_turbo, others boost."""
    if off := _text(cpus / "intel_pstate/no_turbo"):
        return "off" if off == "1" else "on"
    return {"1": "on", "0": "off"}.get(_text(cpus / "cpufreq/boost"), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def stolen(before: HostState, after: HostState) -> float:
    """The share of the host's CPU time between two states that somebody else's guests had."""
    return (after.steal_ticks - before.steal_ticks) / max(after.total_ticks - before.total_ticks, 1)


def cores() -> tuple[int, ...]:
    """The cores that this process may use, one thread of each first: two vCPUs share a core only where they must."""
    allowed = sorted(os.sched_getaffinity(0))
    return tuple(sorted(allowed, key=lambda cpu: (_thread(cpu), cpu)))


def _thread(cpu: int) -> int:
    """Which thread of its core a CPU is, from 0."""
    text = _text(ROOT / CPUS / f"cpu{cpu}/topology/thread_siblings_list")
    siblings = [int(n) for part in text.split(",") if part for n in _range(part)]
    return siblings.index(cpu) if cpu in siblings else 0


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
