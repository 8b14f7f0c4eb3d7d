"""QEMU as a process that lives no longer than a `with` block."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.base.errors import MachineError


@contextlib.contextmanager
def running(
    argv: Sequence[str], theirs: Sequence[socket.socket], stderr: Path, lent: Sequence[int] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the command; kills and reaps it on exit. It has its own session, so that Ctrl-C reaches only kit.

    `theirs`: the command's ends of socket pairs. They are closed here, so that our ends see it when QEMU ends. `lent`:
    file descriptors that it inherits too. Raises MachineError if there is no such program.
    """
    with stderr.open("wb") as errors:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[*(end.fileno() for end in theirs), *lent],
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise MachineError(f"there is no {argv[0]}", hint="`kit doctor` says how to install it") from error
    try:
        for end in theirs:
            end.close()
        yield process
    finally:
        process.kill()
        process.wait()
