"""The tests of AIM suite VII, as operations of programs: what one job of each does, and how often.

The names, counts and arguments are the suite's; the code (guest/aim7/) is kit's own. AIM is a trademark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kit.model.jobs import DIRECT, FILES, SOCKETS
from kit.model.program import Brk, Fork, Job, Op, Repeat, Shell, WriteBrk
from kit.workload.kind import MESSAGES, RAM_DISK

PAGES = 256  # of 1 MiB, by which page_test and brk_test raise the break first
STEP = 16  # pages that they give back and take again, one by one
ARENA = 128  # pages of mem_rtns_1: ARENA of guest/aim7/memory.c
SLEEP = 5000  # milliseconds


@dataclass(frozen=True)
class Size:
    """How large jobs are. `compute`: the share of the suite's loops in tests that only compute, copy memory or sleep;
    `kib`: of a file."""

    compute: float
    kib: int

    def loops(self, count: int) -> int:
        """That share of a number of loops, at least one."""
        return max(1, round(count * self.compute))


@dataclass(frozen=True)
class Test:
    """A test: the operations of one job, and the fragment of configs/kernel that its kernels need besides."""

    ops: Callable[[Size], tuple[Op, ...]]
    needs: str = ""


def _job(name: str, amount: int, needs: str = "") -> Test:
    return Test(lambda size: (Job(name, amount),), needs)


def _computing(name: str, loops: int) -> Test:
    return Test(lambda size: (Job(name, size.loops(loops)),))


def _file(name: str) -> Test:
    return Test(lambda size: (Job(name, size.kib),), RAM_DISK if name in DIRECT else "")


def _breaks(rounds: int, touching: bool) -> Test:
    """1 MiB more; then 16 pages given back and taken again one by one, `rounds` times."""
    steps: list[Op] = [Brk(PAGES - STEP)]
    for page in range(PAGES - STEP, PAGES):
        steps += [Brk(page + 1), WriteBrk(page)] if touching else [Brk(page + 1)]
    return Test(lambda size: (Brk(PAGES), Repeat(rounds, tuple(steps)), Brk(0)))


def _allocating(size: Size) -> tuple[Op, ...]:
    return (Brk(ARENA), WriteBrk(0), Job("mem_rtns_1", size.loops(100)), Brk(0))


COUNTS: Mapping[str, int] = {
    **{"add_double": 1_500_000, "add_float": 1_000_000, "add_long": 5_000_000, "add_int": 5_000_000},
    **{"add_short": 2_000_000, "mul_double": 1_000_000, "mul_float": 1_000_000, "mul_long": 20_000},
    **{"mul_int": 20_000, "mul_short": 25_000, "div_double": 250_000, "div_float": 250_000, "div_long": 75_000},
    **{"div_int": 75_000, "div_short": 75_000, "array_rtns": 20, "matrix_rtns": 100, "new_raph": 200},
    **{"num_rtns_1": 100, "series_1": 100, "trig_rtns": 10_000, "sieve": 50, "sort_rtns_1": 10, "string_rtns": 100},
    **{"mem_rtns_2": 100, "ram_copy": 25_020},
}
"""Loops of the tests that only compute or copy memory. The suite's sieve goes to 1,000,000 five times, kit's to 100,000
fifty times; an addition loop has a dozen additions in both."""

TESTS: Mapping[str, Test] = {
    "fork_test": Test(lambda size: (Repeat(100, (Fork(),)),)),
    "exec_test": Test(lambda size: (Repeat(5, (Shell("ls", "exec", 0),)),)),
    "shell_rtns_1": Test(lambda size: (Shell("ls", "system", 9),)),
    "shell_rtns_2": Test(lambda size: (Shell("sleep", "system", size.loops(SLEEP)),)),
    "shell_rtns_3": Test(lambda size: (Shell("ls", "system", 9),)),
    "page_test": _breaks(100, touching=True),
    "brk_test": _breaks(1000, touching=False),
    "mem_rtns_1": Test(_allocating),
    **{name: _computing(name, loops) for name, loops in COUNTS.items()},
    **{name: _file(name) for name in FILES},
    **{"creat_clo": _job("creat_clo", 1000), "link_test": _job("link_test", 9), "disk_src": _job("disk_src", 1)},
    **{"dir_rtns_1": _job("dir_rtns_1", 10_000), "signal_test": _job("signal_test", 1000)},
    **{"jmp_test": _job("jmp_test", 1000), "misc_rtns_1": _job("misc_rtns_1", 10)},
    **{"pipe_cpy": _job("pipe_cpy", 100), "fifo_test": _job("fifo_test", 100)},
    **{name: _job(name, 90 if name == "tcp_test" else 100, MESSAGES) for name in SOCKETS},
    "shared_memory": _job("shared_memory", 100, MESSAGES),  # System V's calls come with the same fragment
}
"""Every test of the suite's mixes."""

SCALED = frozenset((*COUNTS, "mem_rtns_1", "shell_rtns_2"))
"""Tests whose jobs `compute` makes shorter."""

PREPARED = frozenset((*FILES, "creat_clo", "link_test", "disk_src", "dir_rtns_1", "fifo_test", "misc_rtns_1", *SOCKETS))
"""Tests that need what Job("prepare") makes: a folder, a file, a tree, a loopback."""
