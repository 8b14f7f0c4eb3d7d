"""The user's own configuration: which files are complete ones, what guests add to it, and the remarks about that."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.kernel.config import check_kept
from kit.kernel.ownconfig import differences, read_own, said, with_own

WHOLE = "".join(f"CONFIG_X{i}=y\n" for i in range(300)) + 'CONFIG_NR_CPUS=64\nCONFIG_DRIVER=m\nCONFIG_KEYS="a.pem"\n'


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "whole": WHOLE,
        "fragment": "CONFIG_MINE=y\nCONFIG_NR_CPUS=16\n",
        "needed": "CONFIG_NR_CPUS=8\nCONFIG_LOCK_STAT=y\n",
        "own": 'CONFIG_KEYS=""\nCONFIG_MORE_KEYS=""\n# CONFIG_MAXSMP is not set\n',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


def test_where_a_build_starts(parts: dict[str, Path]) -> None:
    needed, own = [parts["needed"]], parts["own"]
    whole = with_own([str(parts["whole"]), str(parts["fragment"])], needed, own)
    assert (whole.target, whole.base, whole.is_tiny) == ("olddefconfig", WHOLE, False)
    target = with_own(["defconfig"], needed, own)
    assert (target.target, target.base) == ("defconfig", None)
    fragments = with_own([str(parts["fragment"])], needed, own)
    assert (fragments.target, fragments.base) == ("tinyconfig", None)
    assert {o.name: o.value for o in fragments.options}["CONFIG_NR_CPUS"] == "8"
    assert len({whole.key, target.key, fragments.key}) == 3
    with pytest.raises(UserError, match="neither a file nor a make target"):
        with_own(["no/such/file"], needed, own)


def test_what_guests_need_is_listed_and_modules_are_said(parts: dict[str, Path]) -> None:
    config = with_own([str(parts["whole"])], [parts["needed"]], parts["own"])
    after = WHOLE.replace("=64", "=8").replace('"a.pem"', '""').replace("X7=y", "X7=m") + "CONFIG_LOCK_STAT=y\n"
    check_kept(config, after)
    found = differences(WHOLE, after, config)
    assert found["changed"] == {
        "CONFIG_KEYS": ['"a.pem"', '""'],
        "CONFIG_LOCK_STAT": ["n", "y"],
        "CONFIG_NR_CPUS": ["64", "8"],
    }
    assert (found["follow"], found["modules"]) == (1, 2)
    words = said(found)
    assert "CONFIG_LOCK_STAT: n → y" in words[0]
    assert "2 options are modules (=m): modules are neither built nor loaded" in words


@pytest.mark.parametrize(
    ("made", "lost"),
    [("CONFIG_NR_CPUS=4\nCONFIG_LOCK_STAT=y\n", "NR_CPUS=8"), ("CONFIG_NR_CPUS=512\n", "LOCK_STAT=y")],
)
def test_what_kconfig_drops_is_named(made: str, lost: str, parts: dict[str, Path]) -> None:
    config = with_own([str(parts["whole"])], [parts["needed"]], parts["own"])
    with pytest.raises(UserError, match=f"CONFIG_{lost}"):
        check_kept(config, made)


def test_a_running_kernels_configuration_is_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "config.gz"
    packed.write_bytes(gzip.compress(WHOLE.encode()))
    own = read_own([str(packed)])
    assert (own.target, own.text) == ("olddefconfig", WHOLE)


HEADER = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/{} 6.1.192 Kernel Configuration\n#\n"


@pytest.mark.parametrize("arch", ["x86", "x86_64"])
def test_configurations_of_x86_are_taken(tmp_path: Path, arch: str) -> None:
    (tmp_path / "own").write_text(HEADER.format(arch) + WHOLE)
    assert read_own([str(tmp_path / "own")]).target == "olddefconfig"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER.format("arm64") + WHOLE, "a configuration of arm64"),
        (HEADER.format("um") + WHOLE, "a configuration of um"),
        (WHOLE + "CONFIG_ARM64=y\n", "a configuration of arm64"),
        (WHOLE + "CONFIG_RISCV=y\n", "a configuration of riscv"),
        (WHOLE + "CONFIG_PPC=y\n", "a configuration of powerpc"),
        (HEADER.format("x86") + WHOLE + "CONFIG_X86_32=y\n", "a configuration of 32-bit x86"),
        ("\udcff\udcfe", "not a text file"),
        ("CONFIG_A=y\n" * 500_000, "larger than any"),
    ],
)
def test_another_architectures_or_no_configuration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "other").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=said):
        read_own([str(tmp_path / "other")])


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.gz").write_bytes(gzip.compress(WHOLE.encode())[:-20])
    with pytest.raises(UserError, match="cannot read"):
        read_own([str(tmp_path / "config.gz")])
