"""The host's state around a timed boot: load, steal, frequency governor, SMT and turbo."""

from __future__ import annotations

import os
from pathlib import Path

from kit.records import HostState

ROOT = Path("/")
CPUS = "sys/devices/system/cpu"
STEAL = 8  # field of a cpu line of proc_stat(5), from 1: user nice system idle iowait irq softirq steal


def host_state(root: Path = ROOT) -> HostState:
    """The host's state now. What the host does not tell is empty: a cloud guest has no governor, for instance."""
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
    """(total, stolen) ticks of all CPUs together, since the host's boot."""
    line = next((text.split() for text in stat.splitlines() if text.startswith("cpu ")), [])
    values = [int(n) for n in line[1 : STEAL + 1]]  # the later field, guest time, is part of user time
    return sum(values), values[STEAL - 1] if len(values) == STEAL else 0


def _turbo(cpus: Path) -> str:
    """`on`, `off`, or empty if unknown. Intel's driver has no_turbo, others have boost."""
    if off := _text(cpus / "intel_pstate/no_turbo"):
        return "off" if off == "1" else "on"
    return {"1": "on", "0": "off"}.get(_text(cpus / "cpufreq/boost"), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def stolen(before: HostState, after: HostState) -> float:
    """The share (0 to 1) of the host's CPU time between two states that was stolen by its hypervisor."""
    return (after.steal_ticks - before.steal_ticks) / max(after.total_ticks - before.total_ticks, 1)


def cores() -> tuple[int, ...]:
    """The CPUs that this process may use, first threads of cores first, so that vCPUs share a core only if needed."""
    allowed = sorted(os.sched_getaffinity(0))
    return tuple(sorted(allowed, key=lambda cpu: (_thread(cpu), cpu)))


def _thread(cpu: int) -> int:
    """The index (from 0) of a CPU among the threads of its core."""
    text = _text(ROOT / CPUS / f"cpu{cpu}/topology/thread_siblings_list")
    siblings = [int(n) for part in text.split(",") if part for n in _range(part)]
    return siblings.index(cpu) if cpu in siblings else 0


def _range(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
