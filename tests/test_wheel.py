"""kit as pip installs it: a wheel of this tree in its own environment, used from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from rig import Bench

from kit.base.errors import COULD_NOT_RUN, OK
from kit.base.project import PROJECT

pytestmark = pytest.mark.boot  # real builds, though of no kernel
BUILD_LIMIT = 300
PARTS = ("kit", "configs", "guest", "patches", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this tree that the wheel is built from, copied: a build leaves folders behind."""
    place = tmp_path_factory.mktemp("source")
    left = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in PARTS:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, place / name, symlinks=True, ignore=left)
        else:
            shutil.copy(PROJECT / name, place / name)
    return place


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by pip. What builds it (pyproject.toml's build-system) is fetched."""
    place = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(place), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=BUILD_LIMIT)
    if done.returncode and "setuptools" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip("setuptools, which builds wheels, cannot be had here")
    assert done.returncode == 0, done.stderr
    (made,) = place.glob("*.whl")
    return made


class Installed:
    """An environment with kit from a wheel, and its dependencies from this environment; calls from an empty folder."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.python, self.place = folder / "venv/bin/python", folder / "empty"
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        target = sysconfig.get_path("purelib", vars={"base": str(folder / "venv")})
        argv = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "-q", "--no-deps", "--no-index"]
        subprocess.run([*argv, str(wheel)], check=True, timeout=BUILD_LIMIT)
        Path(target, "others.pth").write_text(os.path.dirname(os.path.dirname(pytest.__file__)) + "\n")
        self.place.mkdir()
        self.home = folder / "home"
        self.home.mkdir()

    def call(self, *argv: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """`kit` with these arguments, as a user types it."""
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "KIT_CACHE")}
        env = {**kept, "HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache"), **variables}
        command = [str(self.python.parent / "kit"), *argv]
        return subprocess.run(
            command, cwd=cwd or self.place, env=env, capture_output=True, text=True, check=False, timeout=BUILD_LIMIT
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_the_wheel_has_every_file_of_the_package_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(p.relative_to(PROJECT)) for p in (PROJECT / "kit").rglob("*.py")}
    data = {
        f"kit/_data/{p.relative_to(PROJECT)}"
        for folder in ("configs", "guest", "patches")
        for p in (PROJECT / folder).rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }
    beside = ("help/*.md", "help/*.png", "report/html/*.css", "report/html/*.j2", "vm/plugin/*.[ch]")
    pages = {str(p.relative_to(PROJECT)) for pattern in beside for p in (PROJECT / "kit").glob(pattern)}
    assert {Path(name).suffix for name in pages} == {".md", ".png", ".css", ".j2", ".c", ".h"}
    assert modules | data | pages <= names
    left = {name for name in names - modules - data - pages if ".dist-info/" not in name}
    assert left == set()


def test_it_runs_from_its_own_place_and_makes_no_environment(installed: Installed) -> None:
    asked = "import kit.base.project as p; print(p.IS_CLONE, p.PROJECT, p.command('run', 'x'))"
    done = subprocess.run([installed.python, "-P", "-c", asked], capture_output=True, text=True, check=True)
    is_clone, place, command = done.stdout.split(maxsplit=2)
    assert (is_clone, command.strip()) == ("False", "kit run x")
    assert Path(place).is_relative_to(installed.python.parent.parent)
    done = installed.call("--version")
    assert (done.returncode, done.stderr) == (OK, "")
    assert not list(installed.home.rglob("venv-*")) + list(Path(place).parent.rglob(".venv*"))


@pytest.mark.parametrize("name", ["aim7", "quick", "locks", "ladder"])
def test_the_examples_are_found_from_an_empty_folder(installed: Installed, name: str) -> None:
    shown = installed.call("check", f"configs/{name}.yaml", "--json")
    assert shown.returncode == OK, shown.stderr
    assert json.loads(shown.stdout)["name"] == name


def test_a_file_of_the_current_folder_comes_first(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    own = (PROJECT / "configs" / "aim7.yaml").read_text().replace("name: aim7", "name: mine")
    (tmp_path / "configs" / "aim7.yaml").write_text(own)
    assert json.loads(installed.call("check", "configs/aim7.yaml", "--json", cwd=tmp_path).stdout)["name"] == "mine"


def test_its_model_and_its_help(installed: Installed) -> None:
    done = installed.call("model", "count", "--profile", "6.1", "--depth", "0..2", "--forks", "10")
    assert (done.returncode, done.stderr) == (OK, "")
    assert installed.call("help", "exit-codes").stdout.startswith("# exit-codes: ")
    assert "a mix by name (configs/mixes/)" in installed.call("check", "--keys", "aim7").stdout
    schema = (PROJECT / "configs" / "experiment.schema.json").read_text()
    assert installed.call("check", "--schema").stdout == schema


def test_its_tests_are_in_a_clone(installed: Installed) -> None:
    done = installed.call("test", "--quick")
    assert done.returncode == COULD_NOT_RUN
    assert "its tests are not part of the package" in done.stderr
    assert "in a clone: python3 kit test" in done.stderr


def test_a_run_from_the_fragments_and_the_guest_s_programs_of_the_package(bench: Bench, installed: Installed) -> None:
    done = installed.call("run", bench.write(), "--no-install", cwd=bench.folder, KIT_CACHE=str(bench.cache))
    assert done.returncode == OK, done.stderr + done.stdout
    assert "BETTER" in done.stdout
    assert (bench.runs()[-1] / "verdict.json").exists()
    assert "Again: kit run " in done.stdout
