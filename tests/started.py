"""kit in a process of its own, started in milliseconds: forked from a process that has imported all of it.

A start of python with kit's imports takes a second of CPU, a fork of one that has them some milliseconds. The process
is a real one: its signals, streams, limits, exit and the processes that it starts are those of any other.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import gc
import importlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("kit.cli", "kit.bisection.job", "kit.report.text", "kit.run.job", "kit.verbs.bisected")
LARGEST = 1 << 17  # bytes of one order: arguments and environment


class Started:
    """A process as subprocess.Popen gives it, with text streams; what it prints is read as it comes."""

    def __init__(
        self,
        argv: list[str],
        env: Mapping[str, str],
        *,
        call: str = "kit.cli:main",
        fsize: int | None = None,
        terminal: int | None = None,
        source: int | None = None,
    ) -> None:
        """`kit ARGV`, or `call`, MODULE:FUNCTION, with these arguments. `fsize`: the largest file in bytes that it and
        its children may write (RLIMIT_FSIZE); `terminal`: all of its streams, and what it is controlled by; `source`:
        its standard input, which is /dev/null else."""
        order = {"argv": argv, "env": dict(env), "cwd": str(Path.cwd()), "call": call, "fsize": fsize,
                 "terminal": terminal is not None}  # fmt: skip
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        readers: tuple[int, ...] = ()
        if terminal is None:
            readers, streams = zip(*(os.pipe() for _ in range(2)), strict=True)
        else:
            streams = (terminal, terminal)
        given = [*streams, theirs.fileno(), *([] if source is None else [source])]
        socket.send_fds(begin(), [json.dumps(order).encode()], given)
        theirs.close()
        for fd in streams[: len(readers)]:
            os.close(fd)
        self._said = ["", ""]
        self._threads = [threading.Thread(target=self._read, args=pair, daemon=True) for pair in enumerate(readers)]
        for thread in self._threads:
            thread.start()
        self.pid = int(self._told.recv(32).split()[0])
        self.returncode: int | None = None

    def _read(self, number: int, fd: int) -> None:
        with os.fdopen(fd, encoding="utf-8", errors="replace") as file:
            for line in file:
                self._said[number] += line

    def wait_for(self, words: str, seconds: float = 60) -> re.Match[str]:
        """What its standard error has that matches, once the line is whole. AssertionError if that never comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = self.poll() is not None and not self._threads[1].is_alive()
            if found := re.search(words, self._said[1]):
                return found
            if ended:
                break
            time.sleep(0.005)
        raise AssertionError(f"not said: {words}: {self._said}")

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float = 60) -> int:
        """The exit status. Raises TimeoutExpired."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("kit", timeout)
        return code

    def _wait(self, seconds: float) -> int | None:
        if self.returncode is None:
            self._told.settimeout(seconds)
            try:
                told = self._told.recv(32)
            except (TimeoutError, BlockingIOError):
                return None
            self.returncode = os.waitstatus_to_exitcode(int(told))
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """What it printed until its end. Raises TimeoutExpired."""
        end = time.monotonic() + timeout
        self.wait(timeout)
        for thread in self._threads:  # its children may have the streams open for longer
            thread.join(max(0.0, end - time.monotonic()))
        return self._said[0], self._said[1]

    def send_signal(self, number: signal.Signals) -> None:
        """As subprocess.Popen: none to a process that has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


@functools.cache
def begin() -> socket.socket:
    """Starts the process that has imported kit, once; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = f"from tests.started import serve; serve({theirs.fileno()})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, pass_fds=[theirs.fileno()])
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(30)

    atexit.register(end)
    return ours


def serve(fd: int) -> None:
    """Forks for each order until the other end is closed."""
    for module in MODULES:
        __import__(module)
    gc.collect()
    gc.freeze()  # a fork that scans what is loaded, at its end at the latest, copies all of it
    orders = socket.socket(fileno=fd)
    while True:
        reap()
        order, fds, _, _ = socket.recv_fds(orders, LARGEST, 4)
        if not order:
            reap()
            return
        if os.fork() == 0:
            orders.close()
            _keep(json.loads(order), fds)
        for own in fds:
            os.close(own)


def reap() -> None:
    """Waits for the children that have ended, so that what they took counts as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _keep(order: dict[str, object], fds: list[int]) -> None:
    """Forks once more, tells the child's pid and then its wait status."""
    out, err, told, *source = fds
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(order, out, err, source)
    for own in (out, err, *source):
        os.close(own)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d" % status)
    os._exit(0)


def _become(order: dict[str, object], out: int, err: int, given: list[int]) -> None:
    """Runs kit in this process, which ends as any python does."""
    if order["terminal"]:
        os.setsid()
        fcntl.ioctl(out, termios.TIOCSCTTY)
    source = os.dup(out) if order["terminal"] else given[0] if given else os.open(os.devnull, os.O_RDONLY)
    for fd, stream in ((source, 0), (out, 1), (err, 2)):
        os.dup2(fd, stream)
        os.close(fd)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    module, function = str(order["call"]).split(":")
    main = getattr(importlib.import_module(module), function)  # before there is another folder, where it is not
    os.environ.clear()
    os.environ.update(order["env"])  # type: ignore[arg-type]
    os.chdir(str(order["cwd"]))
    if order["fsize"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(str(order["fsize"])),) * 2)
    raise SystemExit(main(order["argv"]))


def pass_on(fd: int, argv: list[str]) -> int:
    """kit as others start it (`python -S -E tests/started.py FD ARGV`): the order goes to the process behind
    this descriptor, and the streams are this one's. Returns kit's exit status."""
    told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"argv": argv, "env": dict(os.environ), "cwd": str(Path.cwd()), "call": "kit.cli:main", "fsize": None,
             "terminal": False}  # fmt: skip
    socket.send_fds(socket.socket(fileno=fd), [json.dumps(order).encode()], [1, 2, theirs.fileno(), 0])
    theirs.close()
    told.recv(32)
    return os.waitstatus_to_exitcode(int(told.recv(32)))


if __name__ == "__main__":
    sys.exit(pass_on(int(sys.argv[1]), sys.argv[2:]))
