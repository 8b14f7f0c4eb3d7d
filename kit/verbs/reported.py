"""`kit report`: run folders in; a report in one of the formats of REPORTS out, or those that a run writes by itself."""

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

NONE = "KIT_NO_REPORT"  # set: runs and bisections write none by themselves


@dataclass(frozen=True)
class AskedReport:
    """The command line of `kit report`. No `format`: what a run writes by itself, into its own folder.
    `columns`: of the terminal, 0 where there is none."""

    runs: Sequence[str]
    below: Path
    format: str | None
    output: Path | None
    columns: int = 0


def report(asked: AskedReport) -> str:
    """What is to be printed. Raises UserError, MachineError."""
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
    """Writes into a run's folder what every run has by itself; the paths."""
    style, out = Style(tester, beside=True), list[Path]()
    for row in REPORTS.values():
        if row.itself:
            out.append(files.folder / row.file)
            write_atomic(out[-1], row.render([files], style))
    return out


def reports_of(folder: Path) -> str:
    """At the end of a run: writes its reports, and says where; empty where none are wanted. A report that cannot be
    written takes nothing from the verdict: why is said instead."""
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
    """`Name <mail>` as git has it, empty where it has none, or there is no git."""
    name, mail = (_git_says(key) for key in ("user.name", "user.email"))
    return f"{name} <{mail}>" if name and mail else ""


def _git_says(key: str) -> str:
    try:
        done = subprocess.run(["git", "config", "--get", key], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.decode("utf-8", errors="replace").split())


def _write(path: Path, text: str) -> None:
    """Raises UserError where the folder is not there: a typing error more often than a disk's."""
    if not path.absolute().parent.is_dir():
        raise UserError("no such folder", where=str(path.absolute().parent))
    if path.is_dir():
        raise UserError("a folder, and a file is wanted", where=str(path))
    write_atomic(path, text)
