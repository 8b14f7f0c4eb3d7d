"""QEMU's command line: a machine and files in, argv out. Pure.

Options as measured with QEMU 7.2 (facts of the design). What guests may not have: a network, QEMU's spawning of
processes, files beyond a size, or a life longer than the thread that started them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import UserError
from kit.records import Machine
from kit.records.arches import ARCHES, Arch

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

# oops=panic: an oops ends the guest at once instead of leaving it half alive. panic=-1 with -no-reboot ends QEMU.
# unknown_nmi_panic: an NMI from us makes a guest that hangs show where (kit/vm/hang.py); panic_print=1 (since 5.0):
# with every task, so that a kernel without sysrq shows who sleeps on a lock for ever.
APPEND = "panic=-1 oops=panic norandmaps unknown_nmi_panic panic_print=1"

# No `-cpu host` with KVM: QEMU aborts where a nested KVM refuses one of its registers, and counts do not need it.
ACCELERATORS: Mapping[str, tuple[str, ...]] = {
    "tcg": ("-accel", "tcg,thread=multi,tb-size=256"),
    "kvm": ("-accel", "kvm"),
    # The guest's time is the number of its instructions, 1 ns each, and nothing of the host's reaches it: neither the
    # day nor entropy. One thread runs all vCPUs; with more than one QEMU 7.2 does not get past the second's start.
    "icount": (
        *("-accel", "tcg,thread=single,tb-size=256", "-icount", "shift=0,sleep=off"),
        *("-rtc", "base=2011-06-17T04:05:41,clock=vm", "-seed", "1"),
    ),
}


# Where time counts instructions, no chatter: a console whose socket is full (280 bytes are enough) makes the guest wait
# for the host, and everything after it is shifted. Warnings still come.
COUNTING = "icount"
QUIET = "loglevel=5"


# The host's files for the guest, read-only; several file systems as one, with inode numbers that do not collide.
HOST_FILES = (
    *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
    *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
)


@dataclass(frozen=True)
class Files:
    """What QEMU reads and writes. `console_fd`, `monitor_fd` and `pin_fd` (a second monitor) are its ends of socket
    pairs; `file_bytes` bounds each file written."""

    kernel: Path
    initrd: Path
    console_log: Path
    console_fd: int
    results: Path
    monitor_fd: int | None = None
    pin_fd: int | None = None
    file_bytes: int = 64 << 20

    def lay_out(self, initramfs: bytes) -> None:
        """Writes the initramfs; the console's log and the results are there, and empty."""
        self.initrd.write_bytes(initramfs)
        self.results.touch()
        self.console_log.parent.mkdir(parents=True, exist_ok=True)
        self.console_log.write_bytes(b"")


def arch(name: str) -> Arch:
    """The table's entry. Raises UserError for another architecture."""
    if name not in ARCHES:
        raise UserError(f"no guests of architecture {name!r}", hint=f"known: {', '.join(ARCHES)}")
    return ARCHES[name]


def qemu_argv(machine: Machine, files: Files, append: str = "", extra: Sequence[str] = ()) -> list[str]:
    """The whole command, setpriv and prlimit in front; `append` is added to the kernel's command line, `extra` to
    QEMU's.

    PDEATHSIG follows the thread that spawns this: that thread has to live until QEMU is reaped.
    """
    host, counts = arch(machine.arch), machine.accel == COUNTING
    own = f"{host.append} {APPEND}" + (f" {QUIET} {host.counting_append}" if counts else "")
    bounds = ["setpriv", "--pdeathsig", "KILL", "--", "prlimit", f"--fsize={files.file_bytes}", "--"]
    console = f"socket,id=console,fd={files.console_fd},logfile={_option(files.console_log)},logappend=off"
    return [
        *bounds,
        host.qemu,
        *("-M", host.machine, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *ACCELERATORS[machine.accel],
        *(host.counting if counts else ()),
        *("-smp", str(machine.cpus), "-m", str(machine.memory), "-nic", "none"),
        *("-kernel", str(files.kernel), "-initrd", str(files.initrd)),
        *("-append", f"{own} {append}".strip()),
        *("-chardev", console, "-serial", "chardev:console"),
        *_monitor("monitor", files.monitor_fd),
        *_monitor("pin", files.pin_fd),
        *("-chardev", f"file,id=results,path={_option(files.results)}", "-serial", "chardev:results"),
        *("-sandbox", SANDBOX),
        *extra,
    ]


def _monitor(name: str, fd: int | None) -> tuple[str, ...]:
    if fd is None:
        return ()
    return ("-chardev", f"socket,id={name},fd={fd}", "-mon", f"chardev={name},mode=control")


def gdb_stub(path: Path, *, stopped: bool) -> tuple[str, ...]:
    """More of QEMU's command line: a gdb stub on a Unix socket; `stopped`: no instruction is run before gdb says so."""
    chardev = f"socket,id=gdb,path={_option(path)},server=on,wait=off"
    return ("-chardev", chardev, "-gdb", "chardev:gdb", *(("-S",) if stopped else ()))


def _option(path: Path) -> str:
    """A path inside a list of options: QEMU doubles commas."""
    return str(path).replace(",", ",,")
