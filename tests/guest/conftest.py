"""The one way in which programs of these tests are compiled: once for each state of their sources, and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pytest
from kept import lasting

from kit.records import digest
from kit.workload.guestimage import COMPILER, FLAGS, SOURCES

AS_IN_THE_GUEST = (COMPILER, *FLAGS, f"-I{SOURCES}")


class Compile(Protocol):
    """Sources in, the program's path out. `command`: the compiler and its flags; `after`: what follows the sources."""

    def __call__(self, *sources: Path, command: Sequence[str] = ..., after: Sequence[str] = ...) -> Path: ...


@pytest.fixture(scope="session")
def compiled(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compiles, or takes what was compiled of the same. A warning is an error; skips where there is no compiler. Raises
    CalledProcessError with the compiler's words in `stderr`."""
    folder = lasting(pytestconfig, tmp_path_factory, "programs-of-the-guest")
    headers = [path.read_text() for path in sorted(SOURCES.rglob("*.h"))]

    def compile_(*sources: Path, command: Sequence[str] = AS_IN_THE_GUEST, after: Sequence[str] = ()) -> Path:
        if shutil.which(command[0]) is None:
            pytest.skip(f"needs {command[0]}")
        version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout
        name = f"{command[0]}-{sources[0].stem}"
        state = [version, *command, *after, *headers, *((str(path), path.read_text()) for path in sources)]
        program = folder / f"{name}-{digest(state)}"
        if not program.exists():
            for other in folder.glob(f"{name}-*"):
                other.unlink(missing_ok=True)
            draft = folder / f"draft-{os.getpid()}"
            argv = [*command, "-o", draft, *sources, *after]
            done = subprocess.run(argv, capture_output=True, text=True, check=True)
            assert done.stderr == ""
            draft.rename(program)
        return program

    return compile_
