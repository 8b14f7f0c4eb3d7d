"""A run's change as a question for a bisection: which of its parts, applied one after the other, changes the metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.base.streams import shown
from kit.bisection.line import Source
from kit.bisection.pieces import Part, parts
from kit.experiment.arms import read_series
from kit.experiment.writer import shared_keys
from kit.kernel.patch import apply_series
from kit.kernel.tree import resolve_tree
from kit.records import ArmSpec, At, Experiment, Verdict, to_json
from kit.report.numbers import Number, numbers
from kit.run.recorded import experiment_of
from kit.run.runner import load_boots
from kit.store.cache import Cache
from kit.store.files import read_json
from kit.store.runfolder import RunFolder
from kit.workload.catalog import make_loads

KINDS = ("count", "instructions", "time")  # the first of these whose verdict the arm has changed is measured
NAME = 30  # characters of a patch's file, at most


def question_of(folder: RunFolder, arm: str | None, place: Path, cache: Cache, progress: Progress) -> Path:
    """Writes the parts of an arm's change as a series, and the question about them, into `place`; the question's file.

    Raises UserError if the run has not ended, if the arm changed nothing that a bisection can measure, or if its change
    cannot be taken apart; MachineError if a tree cannot be fetched.
    """
    verdict = read_json(folder.path / "verdict.json")
    if folder.is_bisection or not isinstance(verdict, dict):
        raise UserError("not a run that has ended", where=str(folder.path), hint="kit show says how far it came")
    exp = experiment_of(folder)
    name = _arm(exp, arm)
    wanted, at = _metric(exp, name, verdict, folder)
    start, found = _taken_apart(exp, name, cache, progress)
    if len(found) < 2:
        raise UserError(f"{name} has one part only", where=str(folder.path), hint=found[0].where if found else "")
    progress.note(f"{name}: {len(found)} parts, tested by {wanted['evidence']}{f' in {at.workload}' if at else ''}")
    keys = shared_keys(exp)
    if at is not None:
        keys["guest"] = {**keys["guest"], "cpus": [at.cpus]}
        keys["workloads"] = [w for w in keys["workloads"] if next(iter(w.values()))["name"] == at.workload]
    value = {
        "name": f"{exp.name[:30]}-parts",
        "tree": start,
        "config": list(exp.config),
        **keys,
        "budget": {"blocks": exp.blocks, "minutes": exp.minutes},
        "bisect": {**wanted, "series": str(_write(found, place))},
    }
    out = place / "parts.yaml"
    out.write_text(yaml.safe_dump(to_json(value), sort_keys=False), encoding="utf-8")
    return out


def _arm(exp: Experiment, wanted: str | None) -> str:
    others = [a.name for a in exp.arms if a.name != exp.baseline]
    if wanted is None and len(others) == 1:
        return others[0]
    if wanted not in others:
        what = f"no arm is called {wanted}" if wanted else f"the run has {len(others)} arms beside the baseline"
        raise UserError(what, hint=f"--arm {' or '.join(others)}")
    return wanted


def _metric(
    exp: Experiment, arm: str, verdict: Mapping[str, Any], folder: RunFolder
) -> tuple[dict[str, Any], At | None]:
    """The keys of `bisect:` for what changed most, and the place where it did; no place for a splat."""
    splats = [s for b in load_boots(folder) if b.arm == arm for s in b.splats]
    if any(fault["arm"] == arm for fault in verdict["splats"]["broken"]):
        if not splats:
            raise UserError(f"{arm} has no splat that could be sought", hint=f"kit show {folder.path}")
        return {"evidence": "splat", "pattern": re.escape(splats[0].kind)}, None
    moved = [n for n in numbers(verdict) if n.comparison.arm == arm and n.decides and n.kind in KINDS]
    moved = [n for n in moved if n.verdict in (Verdict.BETTER, Verdict.WORSE) and _window(exp, n) is not None]
    if not moved:
        what = f"{arm} is neither better nor worse in {', '.join(KINDS)}: there is nothing to blame a part for"
        raise UserError(what, where=str(folder.path))
    most = min(moved, key=lambda n: (KINDS.index(n.kind), -_size(n)))
    at = most.comparison.at
    keys = {"evidence": most.kind, "window": _window(exp, most), "direction": "either"}
    return keys | ({"lock": at.lock} if at.lock else {}), at


def _size(number: Number) -> float:
    ratio = number.comparison.ratio
    return abs(math.log(ratio)) if ratio else math.inf


def _window(exp: Experiment, number: Number) -> str | None:
    """The window of a comparison; None for one over several."""
    at = number.comparison.at
    infos = (info for load in make_loads(exp.workloads, exp.seed) for info in load.windows)
    same = (i for i in infos if (i.at.workload, i.at.users, i.at.depth) == (at.workload, at.users, at.depth))
    return next((info.name for info in same), None)


def _taken_apart(exp: Experiment, arm: str, cache: Cache, progress: Progress) -> tuple[str, list[Part]]:
    """The tree where the parts begin, and the parts: from the side without patches to the other."""
    sides = [exp.arm(exp.baseline), exp.arm(arm)]
    if all(side.series for side in sides):
        what = f"{exp.baseline} and {arm} both have patches: their parts have no tree to begin on"
        raise UserError(what, hint="make the baseline a tree without patches")
    first, last = sides if not sides[0].series else sides[::-1]
    old, new = (_source(side, cache, progress) for side in (first, last))
    paths = {*new.changed}
    if first.tree != last.tree:
        if old.tree.files is None or new.tree.files is None:
            raise UserError(f"{first.tree} and {last.tree} are different trees", hint="kit bisect takes a git history")
        either = {*old.tree.files, *new.tree.files}
        paths |= {p for p in either if old.tree.files.get(p) != new.tree.files.get(p)}
    return first.tree, parts({p: old.read(p) for p in paths}, {p: new.read(p) for p in paths})


def _source(arm: ArmSpec, cache: Cache, progress: Progress) -> Source:
    tree = resolve_tree(arm.tree, cache, progress)
    return Source(tree, apply_series(read_series(arm), tree.entry)[0])


def part_of(folder: Path) -> str:
    """The patch of the part that was found, for people; empty if none was."""
    found = read_json(folder / "bisect.json")
    if not isinstance(found, dict) or not found["culprit"]:
        return ""
    text = (folder / "patches" / found["culprit"]["name"]).read_text(encoding="utf-8", errors="replace")
    return f"\n{shown(text.partition('---' + chr(10))[2])}"


def _write(found: list[Part], place: Path) -> Path:
    """A quilt series of the parts."""
    names = []
    for number, part in enumerate(found, 1):
        name = f"{number:02d}-{re.sub('[^A-Za-z0-9._]+', '-', part.where)[-NAME:].strip('-')}.patch"
        (place / name).write_bytes(f"Subject: {part.subject}\n\n---\n".encode() + part.patch)
        names.append(name)
    series = place / "series"
    series.write_text("\n".join(names) + "\n", encoding="utf-8")
    return series
