"""The question of a bisection: a file with a `bisect:` section in; the experiment, the metric and the ends out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kit.base.errors import UserError
from kit.evidence import EVIDENCE
from kit.evidence.bisected import METRICS
from kit.experiment.reader import check_source, find_path
from kit.experiment.schema import BisectModel
from kit.experiment.writer import shared_keys
from kit.experiment.yamlfile import Source
from kit.kernel.quilt import is_series, own_names, read_series
from kit.records import Experiment, to_json
from kit.store.files import write_atomic
from kit.store.runfolder import QUESTION
from kit.workload.catalog import make_loads

FILE = QUESTION
SCHEME = "git:"


@dataclass(frozen=True)
class Question:
    """`exp`: machine, workloads and accepted splats; `tree` as the file names it; `series`: the file, None for git."""

    exp: Experiment
    wanted: BisectModel
    tree: str
    series: Path | None

    @property
    def exact(self) -> bool:
        """Whether a test is assumed to give the same value each time."""
        auto = METRICS[self.wanted.evidence].exact
        return auto if self.wanted.search == "auto" else self.wanted.search == "exact"

    @property
    def within(self) -> float:
        """Values that differ by no more than this share count as the same. Numbers of instructions differ a little
        between kernels that do the same, since their layout in memory differs."""
        return METRICS[self.wanted.evidence].within(self.exp)

    @property
    def yes_no(self) -> bool:
        """Whether a test says only good or bad."""
        return METRICS[self.wanted.evidence].yes_no

    @property
    def direction(self) -> str:
        """The direction as in kit.search.exact: "" for either."""
        return "" if self.wanted.direction == "either" else self.wanted.direction


def read_question(
    path: Path, overrides: Sequence[str], flags: Mapping[str, str | None], *, whole: bool = True
) -> Question:
    """Reads and checks the file. `flags` (good, bad, series) replace those of its `bisect:` section. Without `whole`
    the file need not name ends or a series.

    Raises UserError with file and line.
    """
    source = Source(path)
    for assignment in overrides:
        source.override(assignment)
    if not isinstance(source.data.get("bisect") or {}, dict):
        raise UserError("bisect: a mapping of keys is wanted", where=source.where(("bisect",)))
    source.data["bisect"] = {} if source.data.get("bisect") is None else source.data["bisect"]
    for key, value in flags.items():
        if value is not None:
            source.override(f"bisect.{key}={json.dumps(value, ensure_ascii=False)}", f"--{key} {value}")
    series = _series(source.data["bisect"].get("series"), source)
    exp, model = check_source(source)
    assert model.bisect is not None
    wanted = model.bisect
    if whole:
        _check_ends(wanted, model.tree, series, source)
    _check(exp, wanted, source)
    return Question(replace(exp, arms=()), wanted, _tree(exp, series), series)


def _tree(exp: Experiment, series: Path | None) -> str:
    """The experiment's tree; without its revision if it is a git tree to bisect."""
    tree = exp.arm(exp.baseline).tree
    return tree.rpartition("@")[0] if series is None and tree.startswith(SCHEME) else tree


def _series(name: object, source: Source) -> Path | None:
    if not isinstance(name, str):  # none, or what is no path at all
        return None
    path = find_path(name, source)
    if path is not None and path.is_dir():
        path = path / "series"
    if path is None or not path.is_file():
        where = source.where(("bisect", "series"))
        raise UserError(f"no such series: {name}", where=where, hint="a quilt `series` file, or an mbox")
    return path


def _check_ends(wanted: BisectModel, tree: str, series: Path | None, source: Source) -> None:
    """Raises UserError unless the ends or a series are given, and not both."""
    where = source.where(("bisect",))
    if series is not None and (wanted.good or wanted.bad):
        raise UserError("a series has its own ends: good and bad are for a git tree", where=where)
    if series is None and not tree.startswith(SCHEME):
        hint = "`series: FILE` for patches on this tree, or `tree: git:/path/to/linux` with good and bad"
        raise UserError(f"nothing to bisect: {tree} is one tree", where=where, hint=hint)
    if series is None and not (wanted.good and wanted.bad):
        missing = " and ".join(k for k in ("good", "bad") if not getattr(wanted, k))
        raise UserError(f"{missing} not given", where=where, hint="as in: kit bisect CONFIG --good v6.0 --bad v6.1")


def _check(exp: Experiment, wanted: BisectModel, source: Source) -> None:
    """Raises UserError if the evidence needs a key that is missing, or a workload's windows are not the same each time.
    """
    where = source.where(("bisect",))
    metric = METRICS[wanted.evidence]
    if metric.what and not getattr(wanted, metric.what):
        hint = f'as in {metric.what}: "{metric.example}"'
        raise UserError(f"evidence {wanted.evidence} needs a {metric.what}", where=where, hint=hint)
    ramps = [load.name for load in make_loads(exp.workloads, exp.seed) if load.ramp is not None]
    if ramps and EVIDENCE[metric.evidence].timed:
        what = f"{ramps[0]}: a faster kernel has more windows in a ramp, not less time"
        raise UserError(what, where=where, hint="users: [1, 4], or another kind of evidence")


def write_question(question: Question, folder: Path, ends: tuple[str, str] | None) -> None:
    """bisect.yaml as resolved, its patches copied beside it; `ends`: the full ids of a git line."""
    exp, wanted = question.exp, question.wanted.model_dump(exclude_defaults=True)
    if question.series is not None:
        wanted["series"] = _copy_series(question.series, folder / "patches")
    if ends is not None:
        wanted["good"], wanted["bad"] = ends
    value: dict[str, Any] = {
        "name": exp.name,
        "tree": question.tree,
        "config": list(exp.config),
        **shared_keys(exp),
        "budget": {"blocks": exp.blocks, "minutes": exp.minutes},
        "bisect": wanted,
    }
    write_atomic(folder / FILE, yaml.safe_dump(to_json(value), sort_keys=False))


def _copy_series(path: Path, target: Path) -> str:
    """Copies a series into `target`; the path of its file relative to the run's folder."""
    if path.parent == target:
        return f"patches/{path.name}"
    target.mkdir(exist_ok=True)
    if not is_series(path):
        write_atomic(target / path.name, path.read_bytes())
        return f"patches/{path.name}"
    lines, entries = [], read_series(path)
    for name, entry in zip(own_names(entries), entries, strict=True):
        write_atomic(target / name, entry.path.read_bytes())
        options = [f"-p{entry.strip}"] * (entry.strip != 1) + ["-R"] * entry.reverse
        lines.append(" ".join([name, *options]))
    write_atomic(target / "series", "\n".join(lines) + "\n")
    return "patches/series"
