"""Memory of a process and its descendants, by real processes."""

from __future__ import annotations

import os
import subprocess
import sys

from kit.base.resident import family, resident

HOLD = "x = bytearray({size}); x[::4096] = b'x' * len(x[::4096]); print('held', flush=True); input()"


def hold(size: int, depth: int) -> subprocess.Popen[bytes]:
    """A process that holds so many bytes, below so many shells that wait for it."""
    argv = [sys.executable, "-c", HOLD.format(size=size)]
    for _ in range(depth):
        argv = ["sh", "-c", '"$@"; :', "sh", *argv]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_descendants_count() -> None:
    small, large = (hold(size << 20, 2) for size in (1, 65))
    assert 63 << 20 < resident(large.pid) - resident(small.pid) < 66 << 20
    assert len(list(family(large.pid))) == 3
    assert large.pid in set(family(os.getpid()))
    for process in (small, large):
        process.communicate(b"\n", timeout=30)


def test_a_process_that_is_gone_has_none() -> None:
    process = subprocess.Popen(["true"])
    process.wait(30)
    assert resident(process.pid) == 0
