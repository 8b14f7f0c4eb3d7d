"""An architecture is one row: kit reads from it everything about builds and boots (with a throw-away one)."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.base.project import PROJECT
from kit.experiment.arms import ResolvedArm, fragments, resolve_arms
from kit.experiment.reader import read_experiment
from kit.kernel.build import _Build
from kit.kernel.functions import read_image
from kit.kernel.ownconfig import read_own
from kit.kernel.toolchain import Toolchain
from kit.records import Experiment, Machine
from kit.records.arches import ARCHES, DEFAULT, Arch
from kit.setup import packages
from kit.store.cache import Cache
from kit.vm.boot import _require
from kit.vm.qemu import Files, plugin_argv, qemu_argv
from kit.workload.guestimage import devices

NAME = "toy64"
FAKES = Path(__file__).resolve().parents[1] / "fakes"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Arch:
    """Its row in the table."""
    row = replace(
        ARCHES["x86_64"],
        name=NAME, said="toy-64", qemu="qemu-system-toy64", packages=("qemu-toy", "qemu-toy", "qemu-toy"),
        machine="board", append="console=ttyTOY0", counting=("-cpu", "slow"), counting_append="toy_clock=steady",
        lines={"dev/ttyTOY0": (204, 64)}, image="Toy", image_path="arch/toy/boot/Toy", pvh=False,
        fragments=("plain",), configs=("toy", "toy64"), elf=4711, mark="00112233..",
    )  # fmt: skip
    table: Any = ARCHES
    monkeypatch.setitem(table, NAME, row)
    return row


@pytest.fixture
def arm(toy: Arch, tmp_path: Path) -> ResolvedArm:
    return resolved(experiment(), tmp_path)


def experiment() -> Experiment:
    exp = read_experiment(PROJECT / "configs" / "aim7.yaml", [f"tree=dir:{FAKES / 'linux'}"])
    return replace(exp, arch=NAME, arms=(replace(exp.arms[0], series=()),), baseline=exp.arms[0].name)


def resolved(exp: Experiment, folder: Path) -> ResolvedArm:
    tools = Toolchain("cc 1", "cc", False)
    return resolve_arms(exp, ("counting",), tools, PROJECT / "configs", Cache(folder), Progress())[0]


@pytest.mark.parametrize("accel", ["tcg", "icount"])
def test_qemu_is_started_as_its_row_says(toy: Arch, accel: str) -> None:
    files = Files(Path("image"), Path("initrd"), Path("log"), 3, Path("results"))
    argv = qemu_argv(Machine(NAME, 2, 128, accel), files)
    assert "qemu-system-toy64" in argv
    assert argv[argv.index("-M") + 1] == "board"
    append = argv[argv.index("-append") + 1].split()
    assert append[0] == "console=ttyTOY0"
    counts = accel == "icount"
    assert ("-cpu slow" in " ".join(argv)) is counts
    assert ("toy_clock=steady" in append) is counts
    assert not any("x86" in word or "i8042" in word or "tsc" in word for word in argv)
    assert "mark=00112233..," in plugin_argv(toy, Path("so"), "coverage", Path("out"), "n", Path("in"))[1]


def test_its_kernel_is_made_as_its_row_says(arm: ResolvedArm, tmp_path: Path) -> None:
    build = arm.builds["counting"]
    command = _Build(build, Toolchain("cc 1", "cc", False), Cache(tmp_path), Progress())._command()
    assert f"ARCH={NAME}" in command
    assert build.image == "Toy"
    x86 = resolved(replace(experiment(), arch="x86_64"), tmp_path).builds["counting"]
    assert (x86.image, x86.spec.key == build.spec.key) == ("vmlinux", False)


def test_its_configuration_has_its_fragments(arm: ResolvedArm) -> None:
    assert fragments(experiment(), "counting")[:2] == ("common", "plain")
    asked = {option.name for option in arm.builds["counting"].config.options}
    assert "CONFIG_LOCK_STAT" in asked
    assert "CONFIG_PVH" not in asked


def test_a_configuration_of_its_own_is_one_of_its_names(toy: Arch, tmp_path: Path) -> None:
    own = tmp_path / "own.config"
    text = "# Linux/toy64 6.1.0 Kernel Configuration\n" + "".join(f"CONFIG_A{n}=y\n" for n in range(300))
    own.write_text(text)
    assert read_own([str(own)], toy).text == text
    with pytest.raises(UserError, match="a configuration of toy64"):
        read_own([str(own)])
    own.write_text(text.replace("toy64", "x86_64"))
    with pytest.raises(UserError, match=r"a configuration of x86_64(.|\n)*guests are toy-64"):
        read_own([str(own)], toy)


def test_its_images_are_known_by_their_machine(toy: Arch) -> None:
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01", 2, toy.elf, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 2)
    names = b"\0"
    sections = [(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), (0, 2, 0, 0, 256, 0, 2, 0, 8, 24), (0, 3, 0, 0, 256, 1, 0, 0, 1, 0)]
    data = (head + b"".join(struct.pack("<IIQQQQIIQQ", *s) for s in sections)).ljust(256, b"\0") + names
    assert read_image(data, "toy", toy).functions == {}
    with pytest.raises(MachineError, match="not a kernel"):
        read_image(data)


def test_what_is_installed_is_of_the_default_row() -> None:
    """Set-up uses only the standard library, so it repeats the row's words."""
    row = ARCHES[DEFAULT]
    assert (f"command:{row.qemu}", *row.packages) in [(n.look, n.apt, n.dnf, n.pacman) for n in packages.ALL]
    assert f"/usr/include/{row.triplet}" in packages.System._field_defaults["includes"]


def test_guests_have_its_lines_and_users_its_package(toy: Arch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices()["dev/ttyTOY0"] == (204, 64)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MachineError, match=r"no qemu-system-toy64\n  install qemu-toy and"):
        _require(toy)
