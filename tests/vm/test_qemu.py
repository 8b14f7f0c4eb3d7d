"""The command line of QEMU."""

from __future__ import annotations

from pathlib import Path

from kit.records import Machine
from kit.vm.qemu import Files, gdb_stub, qemu_argv

FILES = Files(Path("/k/vmlinux"), Path("/t/initramfs"), Path("/r/a,b.log"), 7, Path("/t/results"), 8)


def value(argv: list[str], option: str) -> str:
    return argv[argv.index(option) + 1]


def test_machine_files_and_command_line_are_in_it() -> None:
    argv = qemu_argv(Machine("x86_64", 4, 512, "tcg"), FILES, "layout=x")
    assert (value(argv, "-smp"), value(argv, "-m")) == ("cpus=4,sockets=4,cores=1,threads=1", "512")
    assert (value(argv, "-kernel"), value(argv, "-initrd")) == ("/k/vmlinux", "/t/initramfs")
    append = value(argv, "-append").split()
    assert {"console=ttyS0", "panic=-1", "norandmaps", "layout=x"} <= set(append)
    assert value(argv, "-accel").startswith("tcg,thread=multi")


def test_kvm_only_where_it_was_decided() -> None:
    assert value(qemu_argv(Machine("x86_64", 1, 64, "kvm"), FILES), "-accel") == "kvm"


def test_the_guest_is_confined() -> None:
    argv = qemu_argv(Machine("x86_64", 1, 64, "tcg"), FILES)
    assert argv[:3] == ["setpriv", "--pdeathsig", "KILL"]
    assert f"--fsize={64 << 20}" in argv
    assert value(argv, "-nic") == "none"
    assert "spawn=deny" in value(argv, "-sandbox")
    assert {"-nodefaults", "-no-user-config", "-no-reboot"} <= set(argv)


def test_commas_in_paths_are_doubled() -> None:
    argv = qemu_argv(Machine("x86_64", 1, 64, "tcg"), FILES)
    assert "logfile=/r/a,,b.log" in value(argv, "-chardev")


def test_a_stub_for_gdb_is_on_a_socket_and_stops_the_guest_only_if_asked() -> None:
    machine = Machine("x86_64", 1, 64, "tcg")
    assert "-gdb" not in qemu_argv(machine, FILES)
    argv = qemu_argv(machine, FILES, "", lambda _: gdb_stub(Path("/t/a,b"), stopped=False))
    assert (value(argv, "-gdb"), "-S" in argv) == ("chardev:gdb", False)
    assert argv[-3] == "socket,id=gdb,path=/t/a,,b,server=on,wait=off"
    assert qemu_argv(machine, FILES, "", lambda _: gdb_stub(Path("/t/s"), stopped=True))[-1] == "-S"
