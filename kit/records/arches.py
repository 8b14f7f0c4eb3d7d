"""Architectures of guests: a row says all that the rest needs to know of one.

Another architecture is a row here, its fragments below configs/kernel/, a compiler that makes the guest's programs for
it (guest/), and its image in the reference model (kit/model). Splats are told by the words of every architecture alike
(kit/vm/patterns.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT = "x86_64"


@dataclass(frozen=True)
class Arch:
    """One architecture, by the name that make's ARCH= has for it.

    QEMU: `qemu`, its program, and `packages` that have it (apt's, dnf's, pacman's name); `machine`, its -M; `append`,
    the kernel's own parameters there, the console first; `counting`, QEMU's options, and `counting_append`, more
    parameters, where time is the number of instructions; `lines`, the device nodes of its serial lines, (major, minor):
    the console's, then that of the results (guest/channel.c).

    The kernel: `image`, make's target for what QEMU boots where it cannot boot vmlinux, and its `image_path` in the
    object folder; `pvh`, whether it boots vmlinux itself where the configuration has it (kit.kernel.options.has_pvh);
    `fragments` of its configuration; `configs`, what the head of a .config calls it, and `said`, what a user does.

    Programs: `elf`, e_machine of ELF files; `pc`, where the program counter lies in gdb's packet of registers (offset,
    bytes), little-endian; `triplet`, of folders of libraries with glibc, `musl` with musl.
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
    pc: tuple[int, int]
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
        pc=(8 * 16, 8),  # after the sixteen general registers
        triplet="x86_64-linux-gnu",
        musl="x86_64-linux-musl",
    ),
}
