"""Makes kit's own Python environment, with the locked packages in it.

It counts as complete only once its mark holds its key, which is written last: after a kill, set-up starts anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shlex
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator

from kit.base.errors import MachineError
from kit.setup import environment
from kit.setup.command import limited, quoted, reason, run, say
from kit.setup.environment import Place

VENV_LIMIT = 180  # seconds
PIP_LIMIT = 1200
WAIT_LIMIT = VENV_LIMIT + PIP_LIMIT + 60


def make(place: Place) -> None:
    """Makes the environment, or waits while another start of kit makes it. Raises MachineError."""
    try:
        os.makedirs(os.path.dirname(place.folder), exist_ok=True)
        with locked(place.folder + ".lock") as lock:
            if not environment.is_ready(place):
                build(place, lock)
    except OSError as error:
        raise MachineError(f"cannot set up python packages: {error.strerror}", where=place.folder) from error


@contextlib.contextmanager
def locked(path: str) -> Iterator[int]:
    """Holds a file lock; yields its descriptor. Raises MachineError if another process keeps it too long."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not try_lock(lock):
            say("another start of kit is setting up here; waiting for it")
            deadline = time.monotonic() + WAIT_LIMIT
            while not try_lock(lock):
                if time.monotonic() > deadline:
                    raise MachineError(f"another set-up has held this lock for {WAIT_LIMIT} s", where=path)
                time.sleep(0.2)
        yield lock
    finally:
        os.close(lock)


def try_lock(lock: int) -> bool:
    """Takes the lock if it is free; returns whether it did."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def build(place: Place, lock: int) -> None:
    """Builds from nothing: environment, packages, kit itself, and last the mark."""
    begin = time.monotonic()
    say(f"setting up python packages in {place.folder} (once; about 100 MB, a minute)")
    clear(place)
    os.mkdir(place.folder)
    write(place.mark, environment.BUILDING)
    wheel = bundled_pip()
    without = ["--without-pip"] if wheel else []
    step("python -m venv", [base_python(), "-m", "venv", *without, place.folder], VENV_LIMIT, lock)
    if wheel:
        shutil.unpack_archive(wheel, site_packages(place), "zip")
    step("pip install", pip_command(place), PIP_LIMIT, lock)
    add_kit(place)
    write(place.mark, f"{environment.key(place)}\n{environment.python_version()}\n")
    say(f"python packages are ready ({time.monotonic() - begin:.0f} s)")


def clear(place: Place) -> None:
    """Removes what is there. Renames it first, so that a half-deleted environment is never in its place."""
    if os.path.lexists(place.folder):
        os.rename(place.folder, f"{place.folder}.old-{os.getpid()}")
    for old in glob.glob(glob.escape(place.folder) + ".old-*"):
        if os.path.islink(old):
            os.unlink(old)
        else:
            shutil.rmtree(old)


def base_python() -> str:
    """The interpreter outside any environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def bundled_pip() -> str:
    """The wheel of pip that this Python or its distribution has for new environments; empty if it is not found.

    Unpacked it is all of pip. `python -m venv` has ensurepip install it, which takes twenty times as long.
    """
    bundled = os.path.join(sysconfig.get_path("stdlib"), "ensurepip", "_bundled")
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), bundled)  # the first is Debian's and Fedora's
    found = [glob.glob(os.path.join(glob.escape(folder), "pip-*-none-any.whl")) for folder in folders if folder]
    return next((wheels[0] for wheels in found if len(wheels) == 1), "")


def site_packages(place: Place) -> str:
    """The folder of the environment's packages."""
    (site,) = glob.glob(os.path.join(glob.escape(place.folder), "lib", "python3*", "site-packages"))
    return site


def pip_command(place: Place) -> list[str]:
    """The pip command that installs exactly what the lock file names."""
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-warn-script-location"]
    return [place.python, "-m", "pip", "install", *options, "--require-hashes", "-r", place.lock_file]


def step(name: str, argv: list[str], limit: int, lock: int) -> None:
    """Runs one command of the set-up. Raises MachineError with its last lines."""
    status, last = run(limited(limit, argv), ("Collecting ", "Installing "), env=clean_environment(), held=[lock])
    if status:
        raise MachineError(f"{name} {reason(status, limit)}", where=shlex.join(argv), hint=quoted(last))


def clean_environment() -> dict[str, str]:
    """This process's environment variables, without those that redirect pip or Python (PYTHONPATH and the like)."""
    elsewhere = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN")
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return {**kept, "PYTHONSAFEPATH": "1"}


def add_kit(place: Place) -> None:
    """Makes kit importable there, and `bin/kit` its command, by pointing to the project's folder: nothing is copied."""
    write(os.path.join(site_packages(place), "kit.pth"), place.root + "\n")
    inside = os.path.dirname(place.folder) == place.root
    root = '"$here/../.."' if inside else shlex.quote(place.root)  # relative, so that a moved clone is found
    command = os.path.join(place.folder, "bin", "kit")
    lines = ["#!/bin/sh", 'here=$(dirname -- "$(readlink -f -- "$0")")']
    write(command, "\n".join([*lines, f'exec "$here/python" -P {root}/kit/__main__.py "$@"', ""]))
    os.chmod(command, 0o755)


def write(path: str, text: str) -> None:
    """Writes a file completely or not at all."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
