"""A run's folder: what a run read, did and found. Each boot is on disk before the next begins."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError, UserError
from kit.store.files import locked, machine_errors
from kit.store.journal import Journal

EXPERIMENT, QUESTION = "experiment.yaml", "bisect.yaml"  # the file that makes a folder one of a run or a bisection
LAST = "last"


class RunFolder:
    """`runs/<name>-<time>/`, of a run or a bisection."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_run(self) -> bool:
        """Whether `kit run` made it."""
        return (self.path / EXPERIMENT).is_file()

    @property
    def is_bisection(self) -> bool:
        """Whether `kit bisect` made it. (Other folders, such as configs/, have a bisect.yaml too, and a copy of a
        folder may lack what is empty.)"""
        beside = ("console", "tests.jsonl", "bisect.json")
        return (self.path / QUESTION).is_file() and any((self.path / name).exists() for name in beside)

    @property
    def is_any(self) -> bool:
        """Whether it is either."""
        return self.is_run or self.is_bisection

    @classmethod
    def find(cls, name: str, runs: Path, lacks: str = f"{EXPERIMENT} or {QUESTION}") -> RunFolder:
        """The folder of the run or bisection with that path or name; `last`: the one in `runs` that was started or
        resumed last.

        Raises UserError if there is none; `lacks` names the file that the message says is missing.
        """
        if name == LAST:
            files = [p for file in (EXPERIMENT, QUESTION) for p in runs.glob(f"*/{file}") if cls(p.parent).is_any]
            if not files:
                raise UserError("there is no run yet", where=str(runs), hint="--runs names another folder of runs")
            return cls(max(files, key=lambda p: p.stat().st_mtime_ns).parent)
        for folder in map(cls, (Path(name), runs / name)):
            if folder.is_any:
                return folder
        what = f"no {lacks} in it" if Path(name).is_dir() else "no such folder"
        raise UserError(f"not a run: {what}", where=name, hint=f"`{LAST}` is the newest run in {runs}")

    @classmethod
    def create(cls, base: Path, name: str, stamp: str) -> RunFolder:
        """Makes a new folder; a number is added if two runs start in the same second. Raises MachineError."""
        for extra in ["", *(f"-{n}" for n in range(2, 100))]:
            path = base / f"{name}-{stamp}{extra}"
            with machine_errors(path, "--runs names another folder"):
                base.mkdir(parents=True, exist_ok=True)
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                (path / "console").mkdir()
                return cls(path)
        raise MachineError("cannot make a run folder", where=str(base))

    @property
    def boots(self) -> Path:
        """The path of boots.jsonl."""
        return self.path / "boots.jsonl"

    def console(self, name: str) -> Path:
        """The path of a boot's console log."""
        return self.path / "console" / f"{name}.log"

    def raw(self, console: Path) -> Path:
        """The path of the results as the guest sent them, of the boot with that console log."""
        return console.with_suffix(".results")

    def append_boot(self, record: Any) -> None:
        """Appends a line to boots.jsonl and syncs it to disk."""
        Journal(self.boots).append(record)

    def read_boots(self) -> list[Any]:
        """The recorded boots in order. A line that a kill cut off is skipped."""
        return [record for _, record in self.numbered_boots()]

    def numbered_boots(self) -> list[tuple[int, Any]]:
        """The recorded boots, each with its line number, from 1."""
        return Journal(self.boots).read()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Locks the folder for this process. Raises MachineError if another one works on the same run."""
        try:
            with machine_errors(self.path / "lock"):
                held = locked(self.path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait until it ends"
            raise MachineError("another kit process works on this run", where=str(self.path), hint=hint) from None
        try:
            yield
        finally:
            os.close(held)

    def is_held(self) -> bool:
        """Whether a process works on this run now."""
        try:
            held = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(held)
        return False
