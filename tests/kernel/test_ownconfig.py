"""A configuration of the user's: what is a whole one, what guests need on top of it, what is said of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.errors import UserError
from kit.kernel.config import check_kept
from kit.kernel.ownconfig import differences, said, with_own

WHOLE = "".join(f"CONFIG_X{i}=y\n" for i in range(300)) + "CONFIG_NR_CPUS=64\nCONFIG_DRIVER=m\nCONFIG_KEYS=\"a.pem\"\n"


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
    with pytest.raises(UserError, match="no such file, nor a target"):
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
