"""Programs compiled here, with libraries wherever a dynamic linker looks: which are found, and which are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.workload.libraries import is_elf, libraries_of, read_object

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def compiled(out: Path, source: str, *flags: str) -> Path:
    """A file compiled from one line of C."""
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-", "-o", str(out), *flags], input=source, text=True, check=True)
    return out


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with lib/libinner.so, and lib/libouter.so that needs it."""
    lib = tmp_path / "lib"
    compiled(lib / "libinner.so", "int inner(void) { return 3; }", "-shared", "-fPIC")
    link = ("-shared", "-fPIC", f"-L{lib}", "-linner", "-Wl,--disable-new-dtags,-rpath,$ORIGIN")
    compiled(lib / "libouter.so", "int inner(void); int outer(void) { return inner(); }", *link)
    return tmp_path


def program(place: Path, *flags: str) -> str:
    link = (f"-L{place}/lib", "-louter", f"-Wl,-rpath-link,{place}/lib", *flags)
    return str(compiled(place / "bin" / "program", "int outer(void); int main(void) { return outer(); }", *link))


def names(paths: tuple[str, ...]) -> set[str]:
    return {os.path.basename(p) for p in paths}


@pytest.mark.parametrize("tags", ["--disable-new-dtags", "--enable-new-dtags"])
def test_libraries_beside_the_program_are_found_by_origin(place: Path, tags: str) -> None:
    found = libraries_of(program(place, f"-Wl,{tags},-rpath,$ORIGIN/../lib"))
    assert os.path.basename(found.interpreter).startswith("ld-linux")
    assert {"libouter.so", "libinner.so", "libc.so.6"} <= names(found.libraries)
    assert found.beside == ()


def test_a_library_that_is_nowhere_is_named_with_what_needs_it(place: Path) -> None:
    with pytest.raises(UserError, match=r"program needs the library libouter\.so, which is not on this machine"):
        libraries_of(program(place))


def test_a_library_of_a_library_that_is_nowhere_is_named_with_both(place: Path) -> None:
    path = program(place, "-Wl,-rpath,$ORIGIN/../lib")
    (place / "lib" / "libinner.so").unlink()
    with pytest.raises(UserError, match=r"libouter\.so \(of program\) needs the library libinner\.so"):
        libraries_of(path)


def test_library_path_is_searched_and_nothing_is_added_to_it(place: Path) -> None:
    found = libraries_of(program(place), [f"{place}/lib"])
    assert "libouter.so" in names(found.libraries)
    assert found.beside == ()


def test_a_file_of_that_name_which_is_no_library_is_passed_over(place: Path) -> None:
    (place / "first").mkdir()
    (place / "first" / "libouter.so").write_text("no library")
    found = libraries_of(program(place), [f"{place}/first", f"{place}/lib"])
    assert f"{place}/lib/libouter.so" in found.libraries


def test_a_static_program_needs_nothing(tmp_path: Path) -> None:
    path = str(compiled(tmp_path / "static", "int main(void) { return 0; }", "-static"))
    found = libraries_of(path)
    assert (found.interpreter, found.libraries) == ("", ())


def test_other_architectures_and_damage_are_refused(tmp_path: Path) -> None:
    whole = compiled(tmp_path / "p", "int main(void) { return 0; }").read_bytes()
    other = tmp_path / "other"
    other.write_bytes(whole[:18] + b"\xb7\x00" + whole[20:])
    with pytest.raises(UserError, match="a program for AArch64"):
        read_object(str(other))
    for cut in (20, 100, len(whole) // 2):
        other.write_bytes(whole[:cut])
        assert is_elf(other)
        with pytest.raises(UserError):
            read_object(str(other))
