"""`kit bisect`: runs the search, shows its progress, and prints its findings or writes them as a mail and a log."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.bisection.job import BisectResult, Narrowed, bisect
from kit.bisection.question import FILE, Question, read_question
from kit.bisection.trials import Trials
from kit.records import Experiment, to_json
from kit.report.bisect import git_log, mail, render_bisect
from kit.report.narrowing import draw
from kit.store.cache import Cache
from kit.store.files import write_atomic
from kit.store.runfiles import resume_command
from kit.store.runfolder import RunFolder


@dataclass(frozen=True)
class Asked:
    """The command line of `kit bisect`. `flags`: good, bad, series. `columns` of the terminal, 0 if there is none."""

    config: Path | None
    overrides: Sequence[str]
    flags: Mapping[str, str | None]
    runs: Path
    resume: Path | None
    log: Path | None
    json: bool
    columns: int = 0


def run(asked: Asked, progress: Progress) -> tuple[str, int, Path]:
    """Runs the bisection; the text to print, the exit code, and the run's folder. Raises UserError, MachineError."""
    question = _question(asked)
    if asked.log is not None and question.series is not None:
        hint = "the tests are in tests.jsonl of the run's folder"
        raise UserError("a series has no commits that git could replay", where="--log", hint=hint)
    if asked.log is not None and not os.access(asked.log.absolute().parent, os.W_OK):
        raise UserError("cannot write: its folder does not exist or is not writable", where=f"--log {asked.log}")

    def watch(state: Narrowed) -> None:
        commits = [c.name for c in state.line.commits]
        seen = [{"index": s.commit, "value": s.value, "why": s.why} for s in state.seen]
        if seen:
            progress.note(draw(commits, state.chances, seen, state.line.good, state.line.bad))

    result = bisect(question, Cache(), progress, asked.runs, asked.resume, watch)
    return _say(result, asked), result.exit_code, result.folder


def _question(asked: Asked) -> Question:
    if asked.resume is None:
        if asked.config is None:
            raise UserError("no experiment named", hint="for example: kit bisect configs/bisect.yaml")
        return read_question(asked.config, asked.overrides, asked.flags)
    if asked.config is not None or asked.overrides or any(asked.flags.values()):
        raise UserError(f"--resume takes everything from the run's own {FILE}", hint="give no other options")
    if not RunFolder(asked.resume).is_bisection:
        hint = "give a run's folder, for example runs/NAME-TIME"
        what = f"not a bisection that can be resumed: no run's {FILE} in it"
        raise UserError(what, where=str(asked.resume), hint=hint)
    return read_question(asked.resume / FILE, (), {})


def _say(result: BisectResult, asked: Asked) -> str:
    """Writes the mail and the log; the text for standard output."""
    found = result.found
    if found["culprit"]:
        write_atomic(result.folder / "mail.txt", mail(found))
    if any(row["sha"] for row in found["commits"]):
        write_atomic(result.folder / "git-bisect.log", git_log(found))
        if asked.log is not None:
            write_atomic(asked.log, git_log(found))
    return (
        json.dumps(to_json(found), indent=2) + "\n"
        if asked.json
        else render_bisect(found, str(result.folder), asked.columns)
    )


def experiment_of(folder: RunFolder) -> Experiment:
    """The experiment of a bisection's boots; the lock that it counts is the first of `locks`. Raises UserError if the
    file is damaged."""
    question = read_question(folder.path / FILE, (), {})
    return replace(question.exp, locks=tuple(dict.fromkeys([question.wanted.lock, *question.exp.locks])))


def progress_of(folder: Path) -> dict[str, Any]:
    """The progress of a bisection that has not ended."""
    return {"tests": len(Trials(folder / "tests.jsonl").done), "resume": resume_command(folder)}
