"""A run folder read as plain data: the path in; what `kit run` or `kit bisect` wrote there out. Changes nothing.

Nothing here computes or imports the statistics, so that a report starts quickly.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError, UserError
from kit.base.project import command
from kit.store.files import read_json
from kit.store.journal import Journal
from kit.store.runfolder import EXPERIMENT, QUESTION, RunFolder
from kit.store.yamltext import BadYamlError, value_of

VERDICT, FOUND = "verdict.json", "bisect.json"
SCHEMA = 1
_STAMP = re.compile(r"-(\d{8}-\d{6})(?:-\d+)?$")  # of a folder's name
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Left:
    """The folder of a run or a bisection."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    @property
    def started(self) -> float:
        """When it began, in seconds since 1970."""
        return started(self.folder)

    @cached_property
    def patches(self) -> dict[str, str]:
        """File name → text of the patches that were copied beside the experiment, or the question."""
        return _texts(self.folder / "patches")


@dataclass(frozen=True)
class RunFiles(_Left):
    """The folder of a run. `verdict` is verdict.json."""

    verdict: Row

    @property
    def content(self) -> tuple[str, Row]:
        """The name of the file that says what was found, and what stands in it."""
        return VERDICT, self.verdict

    @cached_property
    def boots(self) -> tuple[Row, ...]:
        """The records of boots.jsonl in order. Raises MachineError for a line that is not the record of a boot."""
        return tuple(_records(self.folder))

    @cached_property
    def experiment(self) -> Row:
        """experiment.yaml; empty if it is missing or damaged."""
        return _yaml(self.folder / EXPERIMENT)

    def excerpt(self, console: str) -> str:
        """The whole text of a console's log, empty if it is missing. `console` as in the records."""
        return _text(self.folder / console.partition(":")[0])


def patch_place(index: int) -> str:
    """What tests.jsonl calls a place on the line of a patch series; 0 is the tree without any patch."""
    return f"patch{index:03d}"


@dataclass(frozen=True)
class BisectionFiles(_Left):
    """The folder of a bisection. `found` is bisect.json."""

    found: Row

    @property
    def content(self) -> tuple[str, Row]:
        """As of a run."""
        return FOUND, self.found

    @cached_property
    def trials(self) -> tuple[Row, ...]:
        """The tests in the order in which they were done."""
        return tuple(row for _, row in Journal(self.folder / "tests.jsonl").read() if isinstance(row, dict))

    @cached_property
    def experiment(self) -> Row:
        """bisect.yaml; empty if it is missing or damaged."""
        return _yaml(self.folder / QUESTION)


Files = RunFiles | BisectionFiles


def find_folder(name: str, runs: Path) -> Path:
    """The path that `RunFolder.find` finds. Raises UserError if there is none."""
    return RunFolder.find(name, runs).path


def read_files(folder: Path) -> Files:
    """Reads a folder. Raises UserError if it has no verdict yet, MachineError if the verdict is damaged."""
    files = files_in(folder)
    if files is None:
        hint = f"go on with: {resume_command(folder)}"
        raise UserError("no verdict yet, so nothing to report", where=str(folder), hint=hint)
    return files


def files_in(folder: Path) -> Files | None:
    """As `read_files`; None if there is no verdict yet."""
    is_run = RunFolder(folder).is_run
    path = folder / (VERDICT if is_run else FOUND)
    if not path.exists():
        return None
    value = read_json(path)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        hint = f"to write it again from the records: {resume_command(folder)}"
        raise MachineError(f"not of schema {SCHEMA}, or damaged", where=str(path), hint=hint)
    return RunFiles(folder, value) if is_run else BisectionFiles(folder, value)


def resume_command(folder: Path) -> str:
    """The command that resumes the run or bisection."""
    return command("run" if RunFolder(folder).is_run else "bisect", "--resume", str(folder))


def started(folder: Path) -> float:
    """When a run began, by its folder's name, else by its experiment's mtime. In seconds since 1970; 0 if unknown."""
    if stamp := _STAMP.search(folder.name):
        try:
            return time.mktime(time.strptime(stamp[1], "%Y%m%d-%H%M%S"))
        except ValueError:
            pass
    known = [folder / n for n in (EXPERIMENT, QUESTION) if (folder / n).exists()]
    return known[0].stat().st_mtime if known else 0.0


def _records(folder: Path) -> Iterator[Row]:
    path = RunFolder(folder)
    for number, record in path.numbered_boots():
        if not isinstance(record, dict) or not {"arm", "evidence", "outcome"} <= record.keys():
            hint = "delete the line; --resume then does the boot again"
            raise MachineError("not the record of a boot", where=f"{path.boots}:{number}", hint=hint)
        yield record


def _yaml(path: Path) -> Row:
    try:
        value = value_of(_text(path))
    except BadYamlError:
        return {}
    return value if isinstance(value, dict) else {}


def _texts(folder: Path) -> dict[str, str]:
    return {p.name: _text(p) for p in sorted(folder.glob("*")) if p.is_file()}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
