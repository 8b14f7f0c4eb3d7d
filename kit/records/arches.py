"""Architectures of guests: one row has all that the rest of kit needs to know of one.

A new architecture needs a row here, its fragments in configs/kernel/, a compiler for the guest's programs (guest/), and
its image in the reference model (kit/model). Splats are recognised by patterns for all architectures
(kit/vm/patterns.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "x86_64"


@dataclass(frozen=True)
class Arch:
    """One architecture. `name` is as in make's ARCH=, `said` as users call it.

    QEMU: `qemu` is its program; `packages` have it (names for apt, dnf, pacman); `machine` is the value of -M; `append`
    are kernel parameters, the console first; under -icount `counting` are more options of QEMU and `counting_append`
    more kernel parameters; `lines` are the device nodes of the serial lines (path → major, minor), first the console,
    then the line for results (guest/channel.c).

    Kernel: `image` is make's target for the image to boot where QEMU cannot boot vmlinux, `image_path` its path in the
    object folder; `pvh`: QEMU boots vmlinux directly if the configuration allows it (kit.kernel.options.has_pvh);
    `fragments` of the configuration; `configs`: names of the architecture in the first lines of a .config.

    Programs: `elf` is e_machine in ELF files; `mark` are the bytes of guest/mark.h's instruction in hexadecimal, `..`
    for the one that says which mark it is; `triplet` names library folders with glibc, `musl` with musl.
    """

    name: str
    said: str
    qemu: str
    packages: tuple[str, str, str]
    machine: str
    append: str
    counting: tuple[str, ...]
    counting_append: str
    lines: Mapping[str, tuple[int, int]]
    image: str
    image_path: str
    pvh: bool
    fragments: tuple[str, ...]
    configs: tuple[str, ...]
    elf: int
    mark: str
    triplet: str
    musl: str


ARCHES: Mapping[str, Arch] = {
    "x86_64": Arch(
        name="x86_64",
        said="x86-64",
        qemu="qemu-system-x86_64",
        packages=("qemu-system-x86", "qemu-system-x86-core", "qemu-base"),
        # No i8042: probing for a mouse and keyboard goes on beside the workload and costs half a second. Without it a
        # panic's restart waits three seconds for the keyboard controller, unless it goes by a triple fault: reboot=t.
        # On a busy host the timer's interrupts come too late for the kernel's own check of them ("IO-APIC + timer
        # doesn't work!"): no_timer_check, as the kernel itself decides under KVM.
        machine="pc,i8042=off",
        append="console=ttyS0 reboot=t no_timer_check",
        # The TSC is the number of instructions, and needs no watchdog, without which a kernel has neither
        # high-resolution timers nor NO_HZ's idle time.
        counting=("-cpu", "qemu64"),
        counting_append="tsc=reliable",
        lines={"dev/ttyS0": (4, 64), "dev/ttyS1": (4, 65)},  # Documentation/admin-guide/devices.txt
        image="bzImage",
        image_path="arch/x86/boot/bzImage",
        pvh=True,
        fragments=("pvh",),
        configs=("x86", "x86_64"),
        elf=62,
        mark="0f1f80..54494b",
        triplet="x86_64-linux-gnu",
        musl="x86_64-linux-musl",
    ),
}
