"""Shims for old kernels: which rows apply, what they change, and options that a kernel lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kit.kernel.config import Config, Option
from kit.kernel.options import ALWAYS_ON, NOT_THERE, ROWS, fit, has_pvh, has_tinyconfig
from kit.kernel.shims import OLDEST, PERL, SHIMS, Shims, known_to_work, parse_version, shims_for, shims_shown
from kit.records import KernelSpec

BOOKWORM = {"gcc": (12, 2, 0), "make": (4, 3), "perl": (5, 36, 0)}
OF_2011 = {"gcc": (4, 6, 1), "make": (3, 82), "perl": (5, 14, 2)}


def names(kernel: str, tools: dict[str, tuple[int, ...]]) -> set[str]:
    return {row.name for row in shims_for(kernel, tools).rows}


@pytest.mark.parametrize(
    ("text", "version"),
    [("3.0.1", (3, 0, 1)), ("3.0-rc3", (3, 0)), ("2.6.38", (2, 6, 38)), ("6.1.192-fake", (6, 1, 192)), ("next", ())],
)
def test_a_version_is_the_numbers_it_begins_with(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_old_kernels_get_what_new_tools_broke_and_nothing_else() -> None:
    everything = {row.name for row in SHIMS}
    assert names("2.6.38", BOOKWORM) == names("3.0.1", BOOKWORM) == names("3.0-rc3", BOOKWORM) == everything
    assert names("3.0.1", OF_2011) == set()
    assert names("3.0.1", {**OF_2011, "make": (4, 3)}) == {"make-pound"}
    assert names("3.0.1", {}) == set()
    assert names("4.14.100", BOOKWORM) == {"make-pound"}
    assert names("4.4", BOOKWORM) == {"no-pie", "osl-initdata", "make-pound"}
    for kernel in ("5.10.223", "6.1.192", "6.12", "7.3.4"):
        assert names(kernel, BOOKWORM) == set()


def test_what_is_told_to_make_names_the_folder_and_the_compiler(tmp_path: Path) -> None:
    shims = shims_for("3.0.1", {**BOOKWORM, "gcc": (13, 1)})
    assert shims.flags(tmp_path) == ["-fno-pie", f"-I{tmp_path}/include", "-mno-sse", "-mno-mmx"]
    variables = dict(v.split("=", 1) for v in shims.variables(tmp_path))
    assert variables["PERL"] == f"sh {tmp_path}/perl.sh"
    assert variables["pound"] == "#"
    shims.write(tmp_path)
    header = (tmp_path / "include/linux/compiler-gcc13.h").read_text(encoding="utf-8")
    assert header.count("#define") == 11
    assert (tmp_path / "no-initdata.h").is_file()
    before = (tmp_path / "perl.sh").stat().st_mtime_ns
    shims.write(tmp_path)
    assert (tmp_path / "perl.sh").stat().st_mtime_ns == before, "make would see it as new"


@pytest.mark.skipif(not shutil.which("perl"), reason="needs perl")
def test_perl_runs_what_it_refuses_and_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "perl.sh").write_text(PERL, encoding="utf-8")
    script = "my @val = @ARGV; if (!defined(@val)) { print \"none\" } else { print \"@val\" }\n"
    for name in ("timeconst.pl", "other.pl"):
        (tmp_path / name).write_text(script, encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(tmp_path / "perl.sh"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert run("./timeconst.pl", "100").stdout == "100"
    assert run("./timeconst.pl").stdout == "none"
    assert run("-e", "print 6*7").stdout == "42"


def test_the_header_compiles_where_the_kernel_of_then_includes_it(tmp_path: Path) -> None:
    if not shutil.which("gcc"):
        pytest.skip("needs gcc")
    gcc = int(subprocess.run(["gcc", "-dumpversion"], capture_output=True, text=True, check=True).stdout.split(".")[0])
    shims = shims_for("3.0.1", {"gcc": (gcc,)})
    shims.write(tmp_path)
    source = tmp_path / "x.c"
    source.write_text(
        "#define header(x) #x\n#define name(x) header(linux/compiler-gcc##x.h)\n#define file(x) name(x)\n"
        "#include file(__GNUC__)\n#define uninitialized_var(x) x = x\n"
        "static int __used f(void) { int uninitialized_var(a); return a; }\n",
        encoding="utf-8",
    )
    command = ["gcc", "-Werror", "-c", *shims.flags(tmp_path), "-o", str(tmp_path / "x.o"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def spec(shims: Shims) -> KernelSpec:
    return KernelSpec("a", "counting", "x86_64", "dir:/x", "k", "w", (), "c", "gcc", shims.keys)


def test_shims_are_part_of_the_key_and_kernels_without_keep_theirs() -> None:
    old, new = shims_for("3.0.1", BOOKWORM), shims_for("6.1", BOOKWORM)
    assert spec(old).key != spec(new).key
    assert spec(old).object_key != spec(new).object_key
    assert spec(old).key == spec(shims_for("3.0.2", BOOKWORM)).key
    assert spec(new).key == KernelSpec("a", "counting", "x86_64", "dir:/x", "k", "w", (), "c", "gcc").key


def test_every_row_says_why_and_where_it_was_seen() -> None:
    shown = shims_shown(shims_for(OLDEST, BOOKWORM))
    assert len(shown) == len(SHIMS)
    assert all(row["why"] and row["source"] and row["before"] for row in shown)
    for row in SHIMS:
        assert row.flags or row.variables


def test_a_kernel_outside_the_table_is_told_what_is_known_to_work() -> None:
    known = ("2.6.38", "3.0.1", "6.1.192")
    assert known_to_work("3.0.101", known) == known_to_work("6.1.1", known) == known_to_work("2.6.38", known) == ""
    assert "3.0.1" in known_to_work("4.4.302", known)
    assert "2.6.32 was not tried" in known_to_work("2.6.32", known)
    assert "6.1.192" in known_to_work("4.4.302")


def config(*options: str) -> Config:
    return Config(tuple(Option(f"CONFIG_{o.split('=')[0]}", o.split("=")[1], "here:1") for o in options))


def asked(fitted: Config) -> list[str]:
    return [f"{o.name.removeprefix('CONFIG_')}={o.value}" for o in fitted.options]


def test_options_by_kernel_version() -> None:
    wanted = config("SMP=y", "TTY=y", "PANIC_TIMEOUT=-1", "UNWINDER_FRAME_POINTER=y", "SOFTLOCKUP_DETECTOR=y")
    assert fit(wanted, "6.1.192") == wanted
    assert asked(fit(wanted, "3.0.1")) == ["SMP=y", "FRAME_POINTER=y", "LOCKUP_DETECTOR=y"]
    mixed = ["SMP=y", "TTY=y", "PANIC_TIMEOUT=-1", "FRAME_POINTER=y", "LOCKUP_DETECTOR=y"]
    assert asked(fit(wanted, "4.4.302")) == mixed
    assert asked(fit(config("ACPI=y"), "2.6.38")) == ["ACPI=y", "PM=y"]
    assert asked(fit(config("ACPI=y"), "3.0")) == ["ACPI=y"]
    assert asked(fit(config("PROC_SYSCTL=y"), "7.3.4")) == ["SYSCTL=y"]
    shift = config("UBSAN_SHIFT=y")
    assert [asked(fit(shift, v)) for v in ("6.1", "5.10", "5.4")] == [["UBSAN_SHIFT=y"], ["UBSAN_MISC=y"], []]
    stall = ["RCU_CPU_STALL_TIMEOUT=10", "RCU_CPU_STALL_DETECTOR=y"]
    assert asked(fit(config("RCU_CPU_STALL_TIMEOUT=10"), "2.6.38")) == stall
    tiny = config("SLUB_TINY=n", "SLUB_CPU_PARTIAL=y")
    assert [asked(fit(tiny, v)) for v in ("6.1", "7.3")] == [["SLUB_CPU_PARTIAL=y"], ["SLUB_TINY=n"]]
    kept = fit(config("TTY=y", "UNWINDER_FRAME_POINTER=y"), "3.0.1").options[0]
    assert kept.where == "here:1", "a message still says which fragment asks for it"


def test_every_option_that_a_kernel_lacks_is_another_one_or_nothing() -> None:
    for row in ROWS:
        assert row.elsewhere in (ALWAYS_ON, NOT_THERE) or row.elsewhere.startswith("CONFIG_")
        assert row.since < row.until
        assert row.source


def test_what_is_made_and_how_by_kernel_version() -> None:
    assert (has_tinyconfig("3.16"), has_tinyconfig("3.17")) == (False, True)
    assert (has_pvh("4.20"), has_pvh("5.0")) == (False, True)
