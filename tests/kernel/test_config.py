"""Configuration fragments: reading, merging, and checking them against olddefconfig's result; the compiler's lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.kernel.build import _compiler_lines
from kit.kernel.config import Config, check_kept, dropped, kconfig_names, read_fragments
from kit.kernel.toolchain import Toolchain, jobs
from kit.store.cache import Cache

FRAGMENTS = Path(__file__).resolve().parents[2] / "configs" / "kernel"


def fragment(tmp_path: Path, text: str, name: str = "a.config") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def options(config: Config) -> dict[str, str]:
    return {o.name: o.value for o in config.options}


def test_later_fragments_win(tmp_path: Path) -> None:
    one = fragment(tmp_path, "# why\nCONFIG_A=y\nCONFIG_B=64\n\nCONFIG_C=\"x y\"\n", "1")
    two = fragment(tmp_path, "# CONFIG_A is not set\nCONFIG_D=m\n", "2")
    config = read_fragments([one, two])
    assert options(config) == {"CONFIG_B": "64", "CONFIG_C": '"x y"', "CONFIG_A": "n", "CONFIG_D": "m"}
    assert "# CONFIG_A is not set\n" in config.text()
    assert read_fragments([fragment(tmp_path, config.text(), "3")]).key == config.key
    assert read_fragments([two, one]).key != config.key


@pytest.mark.parametrize("line", ["CONFIG_A", "SMP=y", "CONFIG-A=y", "CONFIG_A=", "CONFIG_A y"])
def test_what_is_no_option_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError, match="not a kernel option") as caught:
        read_fragments([fragment(tmp_path, f"CONFIG_Z=y\n{line}\n")])
    assert caught.value.where.endswith("a.config:2")


def test_a_missing_fragment(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_fragments([tmp_path / "none"])


def test_dropped_options_are_each_named_with_the_nearest(tmp_path: Path) -> None:
    text = "CONFIG_LOCK_STATT=y\nCONFIG_SMP=y\nCONFIG_N=8\n# CONFIG_X is not set\n"
    config = read_fragments([fragment(tmp_path, text)])
    dotconfig = "CONFIG_SMP=y\nCONFIG_N=64\nCONFIG_X=y\n"
    assert [(o.name, has) for o, has in dropped(config, dotconfig)] == [
        ("CONFIG_LOCK_STATT", "n"),
        ("CONFIG_N", "64"),
        ("CONFIG_X", "y"),
    ]
    with pytest.raises(UserError) as caught:
        check_kept(config, dotconfig, {"CONFIG_LOCK_STAT", "CONFIG_N", "CONFIG_X"})
    assert "nearest: CONFIG_LOCK_STAT" in caught.value.what
    assert "CONFIG_N=8 (asked for in " in caught.value.what
    check_kept(config, text)


def test_names_of_a_tree_s_kconfig(tmp_path: Path) -> None:
    fragment(tmp_path, "menuconfig NET\n\tbool\nconfig INET\n  config SUB\n# config NOT\n", "Kconfig.net")
    assert kconfig_names(tmp_path) == {"CONFIG_NET", "CONFIG_INET", "CONFIG_SUB"}


def test_the_project_s_fragments() -> None:
    config = read_fragments([FRAGMENTS / f"{name}.config" for name in ("common", "pvh", "counting")])
    assert options(config)["CONFIG_LOCK_STAT"] == "y"


def test_the_compiler_s_lines_without_make_s_chatter() -> None:
    output = (
        "make[1]: Entering directory '/x'\n  CC      mm/rmap.o\nmm/rmap.c: In function 'f':\n"
        "mm/rmap.c:3:5: error: expected ';'\n    3 | int\n  LD      x\nmake[2]: *** [Makefile:1: mm] Error 2\n"
    )
    assert _compiler_lines(output) == (
        "    mm/rmap.c: In function 'f':\n    mm/rmap.c:3:5: error: expected ';'\n        3 | int"
    )
    undefined = "  LD      vmlinux\nld: mm/rmap.o: undefined reference to `f'\n"
    assert _compiler_lines(undefined) == "    ld: mm/rmap.o: undefined reference to `f'"
    assert _compiler_lines("make: *** No rule\n") == "    make: *** No rule"
    assert len(_compiler_lines("x error\n" * 100).splitlines()) == 20
    assert _compiler_lines("") == ""


def test_make_is_told_what_to_compile_with_and_nothing_of_the_day(tmp_path: Path) -> None:
    told = Toolchain("gcc 12", "gcc", ccache=True).make_variables()
    assert "CC=ccache gcc" in told
    assert any(v.startswith("KBUILD_BUILD_TIMESTAMP=") for v in told)
    assert "CC=gcc" in Toolchain("gcc 12", "gcc", ccache=False).make_variables()
    environment = Toolchain("gcc 12", "gcc", ccache=True).environment(Cache(tmp_path))
    assert environment["MAKEFLAGS"] == environment["KCFLAGS"] == ""
    assert Path(environment["CCACHE_DIR"]).is_dir()
    assert environment["CCACHE_DEPEND"] == "1"
    assert jobs() >= 1
