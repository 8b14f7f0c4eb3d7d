"""Set-up on machines that lack things: fake package managers and distributions, real environments."""

from __future__ import annotations

import ast
import fcntl
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from kept import shared
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kit.__main__ as start
from kit.base.errors import COULD_NOT_RUN, MachineError
from kit.setup import command, environment, packages, venv
from kit.setup.environment import Place

ROOT = Path(__file__).resolve().parents[2]
PYTHON = str(getattr(sys, "_base_executable", sys.executable))
OS_RELEASE = {
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "ubuntu": "ID=ubuntu\nID_LIKE=debian\n",
    "mint": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "fedora": "ID=fedora\n",
    "rocky": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "arch": "ID=arch\n",
    "plan9": "ID=plan9\n",
}
COMMANDS = [need.look.removeprefix("command:") for need in packages.ALL if need.look.startswith("command:")]
HEADERS = [need.look.removeprefix("header:") for need in packages.ALL if need.look.startswith("header:")]


class FakeMachine:
    """A machine in a folder: stub commands, headers, a distribution's name, apt's package lists."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.bin, self.include, self.lists = folder / "bin", folder / "include", folder / "lists"
        for made in (self.bin, self.include, self.lists):
            made.mkdir()
        for real in ("env", "timeout"):
            (self.bin / real).symlink_to(shutil.which(real) or real)
        (self.lists / "deb_main_binary-amd64_Packages").touch()
        self.log = folder / "log"
        self.log.touch()
        monkeypatch.setenv("PATH", str(self.bin))

    def system(self, distribution: str, uid: int = 0) -> packages.System:
        """The machine as set-up sees it."""
        release = self.folder / "os-release"
        release.write_text(OS_RELEASE[distribution])
        return packages.System(str(release), str(self.bin), (str(self.include),), str(self.lists), uid)

    def stub(self, name: str, body: str = "exit 0") -> None:
        """A command that records its call and then runs `body`."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{body}\n')
        path.chmod(0o755)

    def give_all(self) -> None:
        """Everything that kit needs."""
        for name in COMMANDS:
            self.stub(name)
        for header in HEADERS:
            (self.include / header).parent.mkdir(exist_ok=True)
            (self.include / header).touch()

    def stub_apt(self) -> None:
        """An apt-get whose `install` provides everything."""
        bring = [f': > "{self.bin}/{name}"; /bin/chmod +x "{self.bin}/{name}"' for name in COMMANDS]
        bring += [f'/bin/mkdir -p "{(self.include / h).parent}"; : > "{self.include / h}"' for h in HEADERS]
        self.stub("apt-get", 'case "$1" in install)\n' + "\n".join(bring) + "\n;; esac")

    def calls(self) -> list[str]:
        """The calls of the stubs, in order."""
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    return FakeMachine(tmp_path, monkeypatch)


def refusal(system: packages.System, *, install: bool = True) -> str:
    """The message with which set-up stops."""
    with pytest.raises(MachineError) as caught:
        packages.provide(packages.ALL, system, install=install)
    assert caught.value.exit_code == COULD_NOT_RUN
    return str(caught.value)


def test_debian_root_installs_what_is_missing(machine: FakeMachine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.stub_apt()
    packages.provide(packages.ALL, machine.system("debian"), install=True)
    (call,) = machine.calls()
    assert call.startswith("apt-get install -y --no-install-recommends ")
    assert " -o APT::Cmd::Pattern-Only=true " in call
    assert {"qemu-system-x86", "libelf-dev", "musl-tools", "libc6-dev"} <= set(call.split())
    out, err = capfd.readouterr()
    assert out == ""
    assert "installing libelf-dev: the kernel's objtool (gelf.h is missing)" in err


def test_apt_takes_no_name_for_an_expression(tmp_path: Path) -> None:
    """Asks the real apt: an unknown name matches nothing else, although its dot could stand for any character."""
    if shutil.which("apt-get") is None:
        pytest.skip("no apt here")
    status = tmp_path / "status"  # a world of one package
    status.write_text("Package: axb\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nMaintainer: A\n")
    (tmp_path / "empty").mkdir()
    places = {"Dir::State::status": status, "Dir::State": tmp_path, "Dir::Cache": tmp_path, "Debug::NoLocking": 1}
    places |= {"Dir::Etc::sourcelist": os.devnull, "Dir::Etc::sourceparts": tmp_path / "empty"}
    said = {}
    for word in ("true", "false"):
        options = [f"-o{key}={value}" for key, value in {**places, "APT::Cmd::Pattern-Only": word}.items()]
        argv = ["apt-get", "-s", *options, "install", "a.b"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
        said[word] = (done.returncode, done.stdout + done.stderr)
    assert said["true"][0] == 100
    assert "Unable to locate package a.b" in said["true"][1]
    assert "axb is already the newest version" in said["false"][1], "then the option is needed no longer"


def test_no_package_is_an_expression() -> None:
    """apt, dnf and pacman give *, ?, [ and a final + or - a special meaning."""
    tables = (*packages.ALL, *packages.ARCHIVE, *packages.LLVM, packages.VENV)
    for family in packages.FAMILIES:
        for name in packages.names(tables, family):
            assert re.fullmatch(r"[a-z0-9][a-z0-9.+_-]*[a-z0-9]", name), name


def test_only_what_is_missing_is_installed(machine: FakeMachine) -> None:
    machine.give_all()
    machine.stub_apt()
    (machine.bin / "flex").unlink()
    packages.provide(packages.ALL, machine.system("ubuntu"), install=True)
    assert machine.calls()[-1].split()[-1] == "flex"
    assert "bison" not in machine.calls()[-1]


def test_nothing_is_called_where_all_is_there(machine: FakeMachine) -> None:
    machine.give_all()
    machine.stub_apt()
    packages.provide(packages.ALL, machine.system("debian"), install=True)
    assert machine.calls() == []


def test_package_lists_are_fetched_first_where_there_are_none(machine: FakeMachine) -> None:
    machine.stub_apt()
    shutil.rmtree(machine.lists)
    packages.provide(packages.ALL, machine.system("debian"), install=True)
    assert [call.split()[1] for call in machine.calls()] == ["update", "install"]


def test_stale_package_lists_are_fetched_anew(machine: FakeMachine) -> None:
    machine.stub_apt()
    apt = machine.bin / "apt-get"
    fresh = machine.folder / "fresh"
    check = f'[ "$1" = update ] && : > "{fresh}"\n[ -e "{fresh}" ] || exit 100\n'
    apt.write_text(apt.read_text().replace("case ", check + "case ", 1))
    packages.provide(packages.ALL, machine.system("debian"), install=True)
    assert [call.split()[1] for call in machine.calls()] == ["install", "update", "install"]


def test_failing_apt_shows_its_last_lines(machine: FakeMachine) -> None:
    machine.stub("apt-get", "echo 'E: no space left'; exit 100")
    message = refusal(machine.system("debian"))
    assert "failed with exit status 100" in message
    assert "E: no space left" in message


def test_hanging_apt_is_ended(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.stub("apt-get", '[ "$1" = update ] || exec /bin/sleep 60')
    monkeypatch.setattr(packages, "INSTALL_LIMIT", 1)
    begin = time.monotonic()
    assert "did not end within 1 s" in refusal(machine.system("debian"))
    assert time.monotonic() - begin < 20


def test_apt_that_brings_nothing_is_not_believed(machine: FakeMachine) -> None:
    machine.stub("apt-get")
    assert "although its package was just installed" in refusal(machine.system("debian"))


def test_user_without_sudo_gets_one_command(machine: FakeMachine) -> None:
    machine.stub_apt()
    message = refusal(machine.system("debian", uid=1000))
    assert re.search(r"install it with: su -c 'apt-get install -y \S.* qemu-system-x86 ", message)
    assert machine.calls() == []


def test_without_package_lists_the_one_command_fetches_them(machine: FakeMachine) -> None:
    machine.stub_apt()
    shutil.rmtree(machine.lists)
    message = refusal(machine.system("debian", uid=1000))
    assert "install it with: su -c 'apt-get update && apt-get install -y " in message
    machine.stub("sudo", "exit 1")
    message = refusal(machine.system("debian", uid=1000))
    assert "install it with: sudo apt-get update && sudo apt-get install -y " in message


def test_user_whose_sudo_asks_for_a_password_gets_one_command(machine: FakeMachine) -> None:
    machine.stub_apt()
    machine.stub("sudo", "exit 1")
    assert "install it with: sudo apt-get install -y " in refusal(machine.system("debian", uid=1000))
    assert machine.calls() == ["sudo -n true"]


def test_user_with_passwordless_sudo_installs(machine: FakeMachine) -> None:
    machine.stub_apt()
    machine.stub("sudo", 'shift\n[ "$1" = true ] || exec "$@"')
    packages.provide(packages.ALL, machine.system("mint", uid=1000), install=True)
    sudo, install, apt = machine.calls()
    assert sudo == "sudo -n true"
    assert install.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive ")
    assert apt.startswith("apt-get install ")


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("fedora", "dnf install -y qemu-system-x86-core gcc glibc-devel make"),
        ("rocky", "dnf install -y qemu-system-x86-core gcc glibc-devel make"),
        ("arch", "pacman -S --needed --noconfirm qemu-base gcc glibc make"),
        ("plan9", "install what your distribution has for them (Debian calls it qemu-system-x86 gcc"),
    ],
)
def test_other_distributions_get_one_command(machine: FakeMachine, distribution: str, expected: str) -> None:
    for name in ("dnf", "pacman", "apt-get"):
        machine.stub(name)
    message = refusal(machine.system(distribution))
    assert expected in message
    assert machine.calls() == []


def test_no_install_only_prints(machine: FakeMachine) -> None:
    machine.stub_apt()
    message = refusal(machine.system("debian"), install=False)
    assert "this machine lacks qemu-system-x86_64, gcc, stdio.h" in message
    assert "install it with: apt-get install -y " in message
    assert machine.calls() == []


def test_header_that_only_the_compiler_finds_is_there(machine: FakeMachine) -> None:
    machine.give_all()
    (machine.include / "gelf.h").unlink()
    packages.provide(packages.ALL, machine.system("arch"), install=True)
    assert machine.calls() == ["gcc -E -include gelf.h -x c /dev/null"]


def test_lacking_ensurepip_is_this_pythons_package(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.is_there(packages.VENV.look, machine.system("debian"))
    monkeypatch.setattr(sys, "path", [str(machine.folder)])
    assert not packages.is_there(packages.VENV.look, machine.system("debian"))
    assert packages.names([packages.VENV], "apt") == ["python{}.{}-venv".format(*sys.version_info)]


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["run", "configs/aim7.yaml"], True),
        (["test"], True),
        (["test", "--", "--quick"], True),
        (["test", "--quick"], True),
        (["run", "--help"], False),
        (["check", "run"], False),
        (["--help"], False),
        ([], False),
    ],
)
def test_only_verbs_that_boot_need_the_system(arguments: list[str], needs: bool) -> None:
    assert start.needs_system(arguments) is needs


def test_no_install_is_set_ups_own_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_NO_INSTALL", "")
    assert start.take_no_install(["run", "--", "--no-install"]) == (["run", "--", "--no-install"], True)
    assert start.take_no_install(["--no-install", "run", "x"]) == (["run", "x"], False)
    assert start.take_no_install(["run"]) == (["run"], False), "it is remembered for the python that is entered"


# Environments. A project with an empty lock file, so that no test needs a network; the environment is real.


class Project:
    """A clone of kit whose only verb tells where it runs."""

    def __init__(self, root: Path, made: bool = False) -> None:
        self.root = root
        if made:
            return
        for room in ("base", "setup"):
            shutil.copytree(ROOT / "kit" / room, root / "kit" / room, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("__init__.py", "__main__.py"):
            shutil.copy(ROOT / "kit" / name, root / "kit" / name)
        body = "    print(sys.prefix, argv, 'KIT_ENTERED' in os.environ)\n    return 7\n"
        (root / "kit" / "cli.py").write_text(f"import os, sys\n\ndef main(argv):\n{body}")
        (root / "requirements.lock").write_text("# nothing\n")

    def popen(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
        """Starts kit as a user does."""
        env = {k: v for k, v in os.environ.items() if k not in ("KIT_NO_INSTALL", "PYTHONPATH", "VIRTUAL_ENV")}
        env |= {"XDG_CACHE_HOME": str(self.root / "cache"), **variables}
        argv = arguments if arguments and arguments[0].startswith("/") else (PYTHON, str(self.root / "kit"), *arguments)
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=cwd or self.root, env=env, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> tuple[int, str, str]:
        """Exit code, stdout and messages of one start."""
        process = self.popen(*arguments, cwd=cwd, **variables)
        out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def expect(self, *arguments: str) -> tuple[int, str]:
        """What a start inside the project's environment returns and prints."""
        return 7, f"{self.root / '.venv'} {list(arguments)} False\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in a path with spaces, set up once for all workers by its first start, from another directory."""
    folder = shared(tmp_path_factory, "a place with many spaces")
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "elsewhere").exists():
            return Project(folder / "the project", made=True)
        return make(folder / "the project", folder / "elsewhere")


def make(root: Path, elsewhere: Path) -> Project:
    project = Project(root)
    elsewhere.mkdir()
    for name in ("subprocess", "hashlib", "kit", "runpy", "tempfile"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit('the current directory hides a module')\n")
    code, out, err = project.run("check", "a b", cwd=elsewhere)
    assert (code, out) == project.expect("check", "a b"), err
    assert "setting up python packages" in err
    return project


@pytest.fixture
def copy(made: Project, tmp_path: Path) -> Iterator[Project]:
    """The project, moved to another place with its environment."""
    root = tmp_path / "moved clone"
    shutil.copytree(made.root, root, symlinks=True)
    yield Project(root, made=True)
    shutil.rmtree(root)


def test_second_start_is_silent(made: Project) -> None:
    assert made.run("check") == (*made.expect("check"), "")


def test_command_of_the_environment_starts_kit(made: Project) -> None:
    code, out, err = made.run(str(made.root / ".venv" / "bin" / "kit"), "check", "x y")
    assert (code, out, err) == (*made.expect("check", "x y"), "")


def test_module_form_starts_kit(made: Project) -> None:
    assert made.run(PYTHON, "-m", "kit", "check") == (*made.expect("check"), "")


def test_changed_lock_file_makes_the_environment_stale(copy: Project) -> None:
    place = Place(str(copy.root), str(copy.root / ".venv"))
    mark = Path(place.mark)
    mark.write_text(f"{environment.key(place)}\n{environment.python_version()}\n")
    assert environment.is_ready(place)
    (copy.root / "requirements.lock").write_text("# something else\n")
    assert not environment.is_ready(place)


def test_environment_whose_python_is_gone_is_stale(copy: Project) -> None:
    place = Place(str(copy.root), str(copy.root / ".venv"))
    Path(place.mark).write_text(f"{environment.key(place)}\n{environment.python_version()}\n")
    assert environment.is_ready(place)
    Path(place.python).unlink()
    Path(place.python).symlink_to("/nowhere/python3")
    assert not environment.is_ready(place)


@pytest.mark.long
def test_a_moved_clone_remakes_its_environment_and_is_neither_killed_nor_started_twice_in_vain(copy: Project) -> None:
    """A half-made environment does not count, and two starts do not disturb each other. pip waits for the end of a
    pipe until kit is killed."""
    pipe = copy.root.parent / "constraint"
    os.mkfifo(pipe)
    killed = copy.popen(str(copy.root / ".venv" / "bin" / "kit"), "check", PIP_CONSTRAINT=str(pipe))
    mark = copy.root / ".venv" / environment.MARK
    with opened_by_a_reader(pipe):
        killed.send_signal(signal.SIGKILL)
        killed.wait(timeout=60)
        assert mark.read_text() == environment.BUILDING
    killed.communicate(timeout=60)
    starts = [copy.popen("check", str(number)) for number in range(2)]
    ends = [process.communicate(timeout=240) for process in starts]
    assert [process.returncode for process in starts] == [7, 7], ends
    assert [out for out, _ in ends] == [copy.expect("check", str(n))[1] for n in range(2)]
    assert sum("setting up python packages" in err for _, err in ends) == 1
    assert {p.name for p in copy.root.glob(".venv*")} == {".venv", ".venv.lock"}


@contextmanager
def opened_by_a_reader(pipe: Path) -> Iterator[None]:
    """A named pipe that another process has opened to read, until the block is left."""
    ends: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):  # nobody reads yet
            ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(ends)

    wait_for(is_read)
    try:
        yield
    finally:
        os.close(ends[0])


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.long
def test_failing_pip_shows_its_last_lines_and_is_not_believed(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    (project.root / "requirements.lock").write_text(f"pexpect==0.0.1 --hash=sha256:{'0' * 64}\n")
    code, out, err = project.run("check", PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull)
    assert (code, out) == (COULD_NOT_RUN, "")
    assert "pip install failed with exit status 1" in err
    assert "No matching distribution found for pexpect==0.0.1" in err
    assert "Traceback" not in err
    assert (project.root / ".venv" / environment.MARK).read_text() == environment.BUILDING


@pytest.mark.parametrize(
    "there", [["pip-1-py3-none-any.whl"], [], ["pip-1-py3-none-any.whl", "pip-2-py3-none-any.whl"]]
)
def test_pip_is_unpacked_where_its_wheel_is_found_and_else_installed(
    there: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in there:
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr("pip/__init__.py", "")
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "nowhere"))
    place = Place(str(tmp_path), str(tmp_path / "venv"))
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    done: list[list[str]] = []

    def step(name: str, argv: list[str], limit: int, lock: int) -> None:
        done.append(argv)
        site.mkdir(parents=True, exist_ok=True)
        if "pip" in argv:
            assert (site / "pip" / "__init__.py").exists() == (len(there) == 1)

    monkeypatch.setattr(venv, "step", step)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(venv, "clear", lambda place: shutil.rmtree(place.folder))
    monkeypatch.setattr(venv, "add_kit", lambda place: None)
    venv.build(place, 0)
    assert ("--without-pip" in done[0]) == (len(there) == 1)
    assert len(done) == 2


def test_project_that_cannot_be_written_has_its_environment_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    assert environment.find(str(root)).folder == str(root / ".venv")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    folder = environment.find(str(root)).folder
    assert re.fullmatch(re.escape(str(tmp_path / "cache/kit/venv-")) + "[0-9a-f]{16}", folder)


def test_foreign_environment_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    assert environment.find(str(tmp_path)).folder.startswith(str(tmp_path / "cache"))


def test_users_own_environment_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.RUNTIME:
        (tmp_path / f"{name}.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert not environment.is_users_own(str(ROOT)), "kit itself is not installed there"
    (tmp_path / "kit-0.1.0.dist-info").mkdir()
    assert environment.is_users_own(str(ROOT))
    (tmp_path / "scipy.py").unlink()
    sys.path_importer_cache.clear()
    assert not environment.is_users_own(str(ROOT)), "a dependency is missing"


def test_set_up_that_cannot_write_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot set up python packages: ") as caught:
        venv.make(Place(str(tmp_path), str(tmp_path / "file" / "kit" / "venv")))
    assert str(tmp_path / "file") in str(caught.value)


def test_command_that_cannot_start_is_an_exit_status() -> None:
    status, last = command.run(["/nowhere/command"])
    assert status == 127
    assert "No such file" in last[0]


# The start itself.


def test_start_parses_on_old_python_and_imports_only_what_is_loaded_before_its_version_check() -> None:
    tree = ast.parse((ROOT / "kit" / "__main__.py").read_text(), feature_version=(3, 6))
    checked = next(n.lineno for n in tree.body if isinstance(n, ast.If) and "version_info" in ast.unparse(n.test))
    names = [a.name for n in tree.body if isinstance(n, ast.Import) and n.lineno < checked for a in n.names]
    assert sorted(names) == ["os", "sys"]
    assert not [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.lineno < checked]


def test_old_python_gets_a_sentence() -> None:
    code = "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    argv = [PYTHON, "-c", code, str(ROOT / "kit" / "__main__.py")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == COULD_NOT_RUN
    assert done.stderr.startswith("kit: this is python 3.9; kit needs 3.11 or later\n")


def test_start_imports_the_standard_library_only() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
        "import kit.__main__, kit.setup.packages, kit.setup.venv\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) == {"kit"}


# The lock file.


def locked() -> dict[str, tuple[str, int]]:
    """Version and number of hashes by package."""
    text = re.sub(r"\\\n", " ", (ROOT / "requirements.lock").read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split("==")[0]: (line.split("==")[1].split()[0], line.count("--hash=sha256:")) for line in lines}


def declared() -> tuple[list[Requirement], list[Requirement]]:
    """The dependencies of pyproject.toml, of kit and of its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    test = [Requirement(text) for text in project["optional-dependencies"]["test"]]
    return [Requirement(text) for text in project["dependencies"]], test


def test_lock_file_pins_every_package_with_hashes_and_names_no_host() -> None:
    assert len(locked()) > 20
    assert all(hashes > 0 for _, hashes in locked().values())
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_lock_file_satisfies_pyproject() -> None:
    pins = locked()
    for requirement in [*declared()[0], *declared()[1]]:
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


def test_every_runtime_dependency_is_looked_for() -> None:
    modules = importlib.metadata.packages_distributions()  # one that is not installed here must bear its own name
    wanted = {canonicalize_name(r.name) for r in declared()[0]}
    found = {canonicalize_name(name) for module in environment.RUNTIME for name in modules.get(module, [module])}
    assert wanted <= found
    assert len(environment.RUNTIME) == len(wanted)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str, tmp_path: Path) -> None:
    said = "from kit.__main__ import open_streams as o; o(); import sys; print(1); sys.stderr.write('2'); "
    kept = f"sys.stdout.flush(); f = open({str(tmp_path / 'file')!r}, 'w'); sys.exit(3 if f.fileno() > 2 else 1)"
    argv = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", said + kept]
    assert subprocess.run(argv, cwd=ROOT, check=False).returncode == 3
