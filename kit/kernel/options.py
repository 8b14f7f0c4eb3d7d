"""Fits a configuration to a kernel's version: renames or drops the options that this version does not have.

A kernel without an option either always does what the option asks for, or calls it by another name, or cannot do it:
the table says which. An option without a row is asked for in every kernel; a kernel that drops it is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.kernel.config import Config, Option
from kit.kernel.shims import Version, parse_version

NEVER: Version = (10**6,)
ALWAYS_ON = "always on"
NOT_THERE = "does not exist"


@dataclass(frozen=True)
class Row:
    """`option` exists from kernel `since` on and before `until`. `elsewhere`: the option to use in other kernels, or
    why none is needed. `source`: the commit or file that shows it."""

    option: str
    since: Version
    elsewhere: str
    source: str
    until: Version = NEVER


OVERLAY_SINCE: Version = (3, 18)

ROWS = (
    Row("CONFIG_PANIC_TIMEOUT", (3, 14), NOT_THERE, "5800dc3cff87; panic= on the command line says the same"),
    Row("CONFIG_TTY", (3, 9), ALWAYS_ON, "4f73bc4dd3e8"),
    Row("CONFIG_BINFMT_SCRIPT", (3, 10), ALWAYS_ON, "fs/Makefile of 2.6.38 and 3.0.1"),
    Row("CONFIG_POSIX_TIMERS", (4, 10), ALWAYS_ON, "baa73d9e478f"),
    Row("CONFIG_MULTIUSER", (4, 1), ALWAYS_ON, "2813893f8b19"),
    Row("CONFIG_ADVISE_SYSCALLS", (3, 18), ALWAYS_ON, "d3ac21cacc24"),
    Row("CONFIG_PROC_SYSCTL", (2, 6, 16), "CONFIG_SYSCTL", "init/Kconfig of 7.3", until=(7, 0)),
    Row("CONFIG_UNWINDER_FRAME_POINTER", (4, 15), "CONFIG_FRAME_POINTER", "11af847446ed"),
    Row("CONFIG_DEBUG_ATOMIC_SLEEP", (3, 1), "CONFIG_DEBUG_SPINLOCK_SLEEP", "d902db1eb603"),
    Row("CONFIG_DEBUG_VM_RB", (3, 7), NOT_THERE, "ed8ea8150182"),
    Row("CONFIG_DEBUG_VM_PGFLAGS", (4, 5), NOT_THERE, "lib/Kconfig.debug of 3.0.1"),
    Row("CONFIG_SOFTLOCKUP_DETECTOR", (4, 13), "CONFIG_LOCKUP_DETECTOR", "05a4a9527931"),
    Row("CONFIG_MAGIC_SYSRQ_SERIAL", (4, 11), ALWAYS_ON, "732dbf3a6104"),
    Row("CONFIG_NO_HZ_IDLE", (3, 10), "CONFIG_NO_HZ", "kernel/time/Kconfig of 3.10"),
    Row("CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE", (4, 8), ALWAYS_ON, "init/Kconfig of 4.8; before, -O2 where not -Os"),
    Row("CONFIG_DEFAULT_HUNG_TASK_TIMEOUT", (3, 0), NOT_THERE, "e11feaa1192a; 120 s before"),
    Row("CONFIG_SLUB_TINY", (6, 2), NOT_THERE, "mm/Kconfig of 6.1 and 6.12; tinyconfig sets it where it exists"),
    Row("CONFIG_KASAN_GENERIC", (5, 0), ALWAYS_ON, "2bd926b439b4; KASAN was nothing else"),
    Row("CONFIG_UBSAN_BOUNDS", (5, 7), ALWAYS_ON, "277a10850f6a; UBSAN was all of it"),
    Row("CONFIG_UBSAN_SHIFT", (5, 11), "CONFIG_UBSAN_MISC", "lib/Kconfig.ubsan of 5.10 and 6.1"),
    Row("CONFIG_UBSAN_MISC", (5, 7), ALWAYS_ON, "277a10850f6a", until=(5, 11)),
    Row("CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT", (5, 12), ALWAYS_ON, "a66049e2cf0e; as the compiler has it"),
    Row("CONFIG_FHANDLE", (2, 6, 39), NOT_THERE, "becfd1f37544"),
    Row("CONFIG_TMPFS_XATTR", (3, 0), NOT_THERE, "b09e0fa4b4ea"),
    Row("CONFIG_CROSS_MEMORY_ATTACH", (3, 6), ALWAYS_ON, "5febcbe9b0cb; the system calls are of 3.2"),
    Row("CONFIG_OVERLAY_FS", OVERLAY_SINCE, NOT_THERE, "e9be9d5e76e3"),
    Row("CONFIG_MEMBARRIER", (4, 3), NOT_THERE, "5b25b13ab08f"),
    Row("CONFIG_RSEQ", (4, 18), NOT_THERE, "d7822b1e24f2"),
    Row("CONFIG_KCMP", (5, 10, 223), NOT_THERE, "bfe3911a9107 of 5.12, seen in 5.10.223; in CHECKPOINT_RESTORE before"),
    Row("CONFIG_VIRTIO_MENU", (4, 16), ALWAYS_ON, "drivers/virtio/Kconfig of 3.0.1 and 5.10"),
    Row("CONFIG_SLUB_CPU_PARTIAL", (3, 11), NOT_THERE, "345c905d13a4; mm/Kconfig of 7.3", until=(7, 0)),
)

NEEDED: tuple[tuple[str, str, Version, str], ...] = (
    ("CONFIG_ACPI", "CONFIG_PM", (2, 6, 39), "drivers/acpi/Kconfig of 2.6.38: depends on PM"),
    ("CONFIG_RCU_CPU_STALL_TIMEOUT", "CONFIG_RCU_CPU_STALL_DETECTOR", (3, 0), "lib/Kconfig.debug of 2.6.38 and 3.0.1"),
    ("CONFIG_VIRTIO_PCI", "CONFIG_VIRTUALIZATION", (3, 9), "arch/x86/kvm/Kconfig of 3.0.1 has virtio's in it"),
    ("CONFIG_VIRTIO_PCI", "CONFIG_EXPERIMENTAL", (3, 9), "drivers/virtio/Kconfig of 3.0.1"),
    ("CONFIG_POSIX_MQUEUE", "CONFIG_EXPERIMENTAL", (3, 9), "init/Kconfig of 3.0.1"),
    ("CONFIG_NET_9P", "CONFIG_EXPERIMENTAL", (3, 9), "net/9p/Kconfig and fs/9p/Kconfig of 2.6.38"),
)
"""(option, what it also needs in kernels before a version, that version, source)."""

PVH_SINCE: Version = (5, 0)
"""Since then a vmlinux can have the PVH note without Xen (7733607fb3ef), and QEMU boots it directly. Older kernels are
booted as bzImage."""


def fit(config: Config, kernel: str) -> Config:
    """The configuration with the options that this kernel version has."""
    version = parse_version(kernel)
    elsewhere = {row.option: row.elsewhere for row in ROWS if not row.since <= version < row.until}
    out: dict[str, Option] = {}
    for option in config.options:
        name = option.name
        while name in elsewhere:
            name = elsewhere[name]
        if name.startswith("CONFIG_"):
            out[name] = replace(option, name=name)
    for name, besides, before, _ in NEEDED:
        if version < before and name in out and out[name].value != "n":
            out.setdefault(besides, replace(out[name], name=besides, value="y"))
    return Config(tuple(out.values()))


def has_tinyconfig(kernel: str) -> bool:
    """Whether this kernel has `make tinyconfig` (5d2acfc7b974); older ones have allnoconfig."""
    return parse_version(kernel) >= (3, 17)


def has_overlay(kernel: str) -> bool:
    """Whether this kernel has overlayfs (e9be9d5e76e3), which puts a writable layer over the host's files in guests."""
    return parse_version(kernel) >= OVERLAY_SINCE


def has_pvh(kernel: str) -> bool:
    """Whether QEMU can boot this kernel's vmlinux; if not, it boots the bzImage."""
    return parse_version(kernel) >= PVH_SINCE
