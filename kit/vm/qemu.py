"""Makes QEMU's command line from a machine and files.

The options were measured with QEMU 7.2. A guest has no network. Its QEMU cannot start processes, write files beyond a
size, or outlive the thread that started it, and is a user of its own if root starts it (kit/vm/lent.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import UserError
from kit.records import Machine
from kit.records.arches import ARCHES, Arch
from kit.vm.lent import OWN, Lent, Options, User, lending, nothing, user_for

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

# oops=panic: an oops ends the guest at once instead of leaving it half alive. panic=-1 with -no-reboot ends QEMU.
# unknown_nmi_panic: an NMI makes a hanging guest show where it hangs (kit/vm/hang.py). panic_print=1 (since 5.0): a
# panic prints every task, so that a kernel without sysrq too shows which task waits for a lock for ever.
APPEND = "panic=-1 oops=panic norandmaps unknown_nmi_panic panic_print=1"

# No `-cpu host` with KVM: QEMU aborts where a nested KVM refuses one of its registers, and counts do not need it.
ACCELERATORS: Mapping[str, tuple[str, ...]] = {
    "tcg": ("-accel", "tcg,thread=multi,tb-size=256"),
    "kvm": ("-accel", "kvm"),
    # The guest's clock counts its instructions, 1 ns each. Neither date nor entropy of the host reaches it. One thread
    # runs all vCPUs; with several vCPUs QEMU 7.2 hangs when the second one starts.
    "icount": (
        *("-accel", "tcg,thread=single,tb-size=256", "-icount", "shift=0,sleep=off"),
        *("-rtc", "base=2011-06-17T04:05:41,clock=vm", "-seed", "1"),
    ),
}


# Under -icount the kernel must print little: when the console's socket is full (280 bytes are enough), the guest waits
# for the host, which shifts all later instruction counts. Warnings are still printed.
COUNTING = "icount"
QUIET = "loglevel=5"


# Each vCPU is a package: a kernel without ACPI reads SeaBIOS's table for multiprocessors, which has only the first
# processor of a package (its src/fw/mptable.c). QEMU would make one package of all since 6.2.
SMP = "cpus={0},sockets={0},cores=1,threads=1"

@dataclass(frozen=True)
class Files:
    """The files and sockets of a QEMU. `console_fd`, `monitor_fd` and `pin_fd` (a second monitor) are its ends of
    socket pairs; `file_bytes` limits each file that it writes."""

    kernel: Path
    initrd: Path
    console_log: Path
    console_fd: int
    results: Path
    monitor_fd: int | None = None
    pin_fd: int | None = None
    file_bytes: int = 64 << 20

    def lay_out(self, initramfs: bytes) -> None:
        """Writes the initramfs, and creates an empty console log and an empty results file."""
        self.initrd.write_bytes(initramfs)
        self.results.touch()
        self.console_log.parent.mkdir(parents=True, exist_ok=True)
        self.console_log.write_bytes(b"")


def arch(name: str) -> Arch:
    """The architecture of that name. Raises UserError for an unknown one."""
    if name not in ARCHES:
        raise UserError(f"no guests of architecture {name!r}", hint=f"known: {', '.join(ARCHES)}")
    return ARCHES[name]


def user_of(machine: Machine) -> User:
    """Who the QEMU of a machine is, if it needs nothing that only root may read."""
    return user_for(arch(machine.arch).qemu, kvm=machine.accel == "kvm")


def lending_for(machine: Machine, folder: Path, *, as_root: bool) -> AbstractContextManager[Lent]:
    """What the QEMU of a machine is handed, as `kit.vm.lent.lending`."""
    return lending(User(None) if as_root else user_of(machine), folder)


def qemu_argv(
    machine: Machine, files: Files, append: str = "", extra: Options = nothing, lent: Lent = OWN
) -> list[str]:
    """The whole command, with setpriv and prlimit in front. `append` is added to the kernel's command line, `extra` to
    QEMU's. Its files are `lent`.

    PDEATHSIG follows the thread that starts the command: that thread must live until QEMU is reaped.
    """
    host, counts = arch(machine.arch), machine.accel == COUNTING
    own = f"{host.append} {APPEND}" + (f" {QUIET} {host.counting_append}" if counts else "")
    console = f"socket,id=console,fd={files.console_fd},logfile={_option(lent.write(files.console_log))},logappend=off"
    return [
        *lent.user.bounds(),
        *("prlimit", f"--fsize={files.file_bytes}", "--"),
        host.qemu,
        *("-M", host.machine, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *ACCELERATORS[machine.accel],
        *(host.counting if counts else ()),
        *("-smp", SMP.format(machine.cpus), "-m", str(machine.memory), "-nic", "none"),
        *("-kernel", lent.read(files.kernel), "-initrd", lent.read(files.initrd)),
        *("-append", f"{own} {append}".strip()),
        *("-chardev", console, "-serial", "chardev:console"),
        *_monitor("monitor", files.monitor_fd),
        *_monitor("pin", files.pin_fd),
        *("-chardev", f"file,id=results,path={_option(lent.write(files.results))}", "-serial", "chardev:results"),
        *("-sandbox", SANDBOX),
        *extra(lent),
    ]


def _monitor(name: str, fd: int | None) -> tuple[str, ...]:
    if fd is None:
        return ()
    return ("-chardev", f"socket,id={name},fd={fd}", "-mon", f"chardev={name},mode=control")


def gdb_stub(path: Path, *, stopped: bool) -> tuple[str, ...]:
    """QEMU options for a gdb stub on a Unix socket. `stopped`: the guest runs nothing before gdb continues it."""
    chardev = f"socket,id=gdb,path={_option(str(path))},server=on,wait=off"
    return ("-chardev", chardev, "-gdb", "chardev:gdb", *(("-S",) if stopped else ()))


def plugin_argv(
    host: Arch, plugin: Path, job: str, records: Path, nonce: str, code: Path | None = None, lent: Lent = OWN
) -> list[str]:
    """QEMU's options for its plugin (kit/vm/plugin/loader.c). It writes to `records`, which must exist; `code` is a
    file of what the job must know of the kernel's code."""
    words = [f"job={job}", f"out={_option(lent.write(records))}", f"nonce={nonce}", f"mark={host.mark}"]
    words += [f"code={_option(lent.read(code))}"] if code else []
    return ["-plugin", ",".join([_option(lent.read(plugin)), *words])]


def readable_memory(machine: Machine) -> tuple[str, ...]:
    """QEMU's options for memory of a guest that its plugin can find and read (kit/vm/plugin/ram.h)."""
    backend = f"memory-backend-ram,id=ram,share=on,size={machine.memory}M"
    return ("-object", backend, "-machine", "memory-backend=ram")


def trial_argv(host: Arch, monitor_fd: int, extra: Options, lent: Lent) -> list[str]:
    """The command for a QEMU without a machine that only waits for what its monitor (of human words) says."""
    return [
        *(*lent.user.bounds(), host.qemu, "-M", "none", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-S", "-accel", "tcg", "-sandbox", SANDBOX),
        *("-chardev", f"socket,id=trial,fd={monitor_fd}", "-mon", "chardev=trial,mode=readline"),
        *extra(lent),
    ]


def _option(path: str) -> str:
    """A path inside a list of options, where QEMU wants commas doubled."""
    return path.replace(",", ",,")
