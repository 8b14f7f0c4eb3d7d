"""QEMU as a process: its command and its ends of socket pairs in; it runs as long as the context does, no longer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.base.errors import MachineError


@contextlib.contextmanager
def running(argv: Sequence[str], theirs: Sequence[socket.socket], stderr: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, killed and reaped on the way out. A session of its own: Ctrl-C is for us alone.

    `theirs` are closed here: ours are the only other ends from then on, so that the end of QEMU closes them. Raises
    MachineError where there is no such program.
    """
    with stderr.open("wb") as errors:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[end.fileno() for end in theirs],
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
