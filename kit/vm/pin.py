"""Binds each vCPU thread of a guest to its own core, through QEMU's monitor."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from kit.records import Pinned
from kit.vm.qmp import Monitor


def pin(monitor: socket.socket, vcpus: int, cores: Sequence[int]) -> Pinned:
    """Binds the vCPU threads of a QEMU that has just started. If that is impossible, `Pinned` says why and has no
    cores."""
    if len(cores) < vcpus:
        return Pinned((), f"{vcpus} vCPUs, {len(cores)} cores")
    with Monitor(monitor) as qemu:  # closed only after the binding, so that the other end can see that it is done
        threads = _threads(qemu.answer("query-cpus-fast"))
        if len(threads) != vcpus or len(set(threads)) != vcpus:
            return Pinned((), "QEMU names no thread for each vCPU")
        try:
            for thread, core in zip(threads, cores, strict=False):
                os.sched_setaffinity(thread, {core})
        except OSError as error:
            return Pinned((), f"not allowed: {error.strerror}")
        return Pinned(tuple(cores[:vcpus]))


def _threads(answer: object) -> list[int]:
    """Thread ids in the order of the vCPUs."""
    rows = answer if isinstance(answer, list) else []
    found = [(r.get("cpu-index"), r.get("thread-id")) for r in rows if isinstance(r, dict)]
    return [thread for _, thread in sorted((i, t) for i, t in found if isinstance(i, int) and isinstance(t, int))]
