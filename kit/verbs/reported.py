"""`kit report`: run folders in; a report in one of the formats of REPORTS out, or those that every run writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import KitError, UserError
from kit.base.project import command
from kit.report.formats import REPORTS
from kit.report.style import Style
from kit.store.files import write_atomic
from kit.store.runfiles import Files, find_folder, read_files

NONE = "KIT_NO_REPORT"  # if set, runs and bisections write no reports


@dataclass(frozen=True)
class AskedReport:
    """The command line of `kit report`. `below`: the folder of runs. `format` None: write what every run writes, into
    its own folder. `columns` of the terminal, 0 if there is none."""

    runs: Sequence[str]
    below: Path
    format: str | None
    output: Path | None
    columns: int = 0


def report(asked: AskedReport) -> str:
    """The text to print. Raises UserError, MachineError."""
    files = [read_files(find_folder(name, asked.below)) for name in asked.runs]
    if asked.format is None:
        return _written(files, asked)
    text = REPORTS[asked.format].render(files, Style(tester, columns=asked.columns))
    if asked.output is None:
        return text
    _write(asked.output, text)
    return f"{asked.output}\n"


def _written(files: Sequence[Files], asked: AskedReport) -> str:
    if len(files) > 1 or asked.output is not None:
        formats = ", ".join(f"--{name}" for name in REPORTS)
        raise UserError("no format", where="kit report", hint=f"one of {formats}")
    return "".join(f"{path}\n" for path in write_reports(files[0]))


def write_reports(files: Files) -> list[Path]:
    """Writes the reports that every run has into its folder; their paths. Raises MachineError."""
    style, out = Style(tester, beside=True), list[Path]()
    for row in REPORTS.values():
        if row.itself:
            out.append(files.folder / row.file)
            write_atomic(out[-1], row.render([files], style))
    return out


def reports_of(folder: Path) -> str:
    """Writes the reports at the end of a run. Returns a line that says where they are, or why one could not be written
    (the verdict stands); empty if none are wanted."""
    if os.environ.get(NONE):
        return ""
    try:
        paths = write_reports(read_files(folder))
    except KitError as error:
        return f"No report: {error}\n"
    except Exception as error:  # whatever it is, the verdict stands, and so does its exit code
        return f"No report: {type(error).__name__}: {error} (`{command('report', str(folder))}` shows where)\n"
    return f"Report: {', '.join(map(str, paths))}\n"


def tester() -> str:
    """`Name <mail>` from git's configuration; empty if it has none, or without git."""
    name, mail = (_git_says(key) for key in ("user.name", "user.email"))
    return f"{name} <{mail}>" if name and mail else ""


def _git_says(key: str) -> str:
    try:
        done = subprocess.run(["git", "config", "--get", key], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.decode("utf-8", errors="replace").split())


def _write(path: Path, text: str) -> None:
    """Writes a report. Raises UserError if its folder does not exist (mostly a typing error), MachineError."""
    if not path.absolute().parent.is_dir():
        raise UserError("no such folder", where=str(path.absolute().parent))
    if path.is_dir():
        raise UserError("this is a folder; name a file", where=str(path))
    write_atomic(path, text)
