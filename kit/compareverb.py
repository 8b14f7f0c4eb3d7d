"""`kit compare A B`: two sides that were measured anywhere in, a verdict with its comparisons as plain data out.

A is the baseline. The statistics are those of noisy evidence, for groups without blocks: kit.stats.unpaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kit.errors import INCONCLUSIVE, NOT_AS_EXPECTED, OK, UserError
from kit.evidence.time import HARDWARE, rates
from kit.outside import VALUE, Outside, direction_of, read_outside
from kit.records import Comparison, Outcome, Verdict, to_json
from kit.runner import load_boots
from kit.spec import read_experiment
from kit.stats.noisy import overall
from kit.stats.paired import LESS, MORE
from kit.stats.phrase import how_much, how_sure, seen
from kit.stats.unpaired import Couple, Group, compare_all
from kit.stats.words import join, percent, several
from kit.store import RunFolder

SCHEMA = 1
NAMED = 5  # metrics in a message
EXIT = {Verdict.BETTER: OK, Verdict.SAME: OK, Verdict.WORSE: NOT_AS_EXPECTED, Verdict.INCONCLUSIVE: INCONCLUSIVE}


@dataclass(frozen=True)
class Asked:
    """What the command line says. `better`: `more`, `less`, or empty for what each metric's unit says; `metrics`:
    patterns, none for all; `limit` and `alpha` are fractions."""

    baseline: str
    arm: str
    limit: float
    alpha: float
    better: str = ""
    metrics: tuple[str, ...] = ()


def compare(asked: Asked) -> tuple[dict[str, Any], int]:
    """The comparison and its exit code. Raises UserError."""
    base, base_void = _side(asked.baseline)
    arm, arm_void = _side(asked.arm)
    couples, unjudged = _couples(asked, base, arm)
    names = (asked.arm, asked.baseline) if arm.name == base.name else (arm.name, base.name)
    comparisons, remarks = compare_all(couples, names, asked.limit, asked.alpha)
    void = arm_void or base_void
    verdict = Verdict.INCONCLUSIVE if void else overall(c.said or Verdict.INCONCLUSIVE for c in comparisons)
    shown = {
        "schema": SCHEMA,
        "verdict": verdict,
        "sentence": sentence(verdict, comparisons, names, asked, void),
        "baseline": names[1],
        "arm": names[0],
        "alpha": asked.alpha,
        "limit": asked.limit,
        "method": "Welch's t on logarithms" + (", Holm over all metrics" if len(comparisons) > 1 else ""),
        "comparisons": to_json(comparisons),
        "notes": [*remarks, *_notes(base, arm, unjudged)],
    }
    return shown, EXIT[verdict]


def _side(text: str) -> tuple[Outside, str]:
    """One side; and why its numbers must not decide, if so."""
    path, _, arm = text.rpartition(":")
    for folder, name in ((Path(text), ""), (Path(path), arm)):
        if str(folder) != "." and (folder / "experiment.yaml").is_file():
            return _run(RunFolder(folder), name, text)
    return read_outside(text), ""


def _run(folder: RunFolder, arm: str, text: str) -> tuple[Outside, str]:
    """An arm of a run of kit: what each of its time boots did, by window and number of vCPUs."""
    exp = read_experiment(folder.path / "experiment.yaml", [])
    boots = [b for b in load_boots(folder) if b.evidence == "time" and b.outcome is Outcome.OK]
    arms = list(dict.fromkeys(b.arm for b in boots))
    if not boots:
        raise UserError("no boot of this run measured time", where=text, hint="evidence: [time] in its experiment")
    if arm not in arms:
        hint = f"as in {folder.path}:{arms[0]}; it has {join(arms)}"
        raise UserError(f"no such arm: {arm}" if arm else "which arm of this run?", where=text, hint=hint)
    values: dict[str, list[float]] = {}
    for boot in (b for b in boots if b.arm == arm):
        for window, rate in rates(exp, boot).items():
            values.setdefault(f"{window}, {several(boot.cpus, 'vCPU')}, per minute or second", []).append(rate)
    emulated = {b.accel for b in boots} - set(HARDWARE)
    void = f"{folder.path.name} was measured under emulation, which is no evidence of hardware" if emulated else ""
    return Outside(arm, {m: Group.of(v) for m, v in values.items()}), void


def _couples(asked: Asked, base: Outside, arm: Outside) -> tuple[list[Couple], list[str]]:
    """The metrics that both sides have; and those whose direction is unknown."""
    shared = [m for m in base.groups if m in arm.groups]
    if not shared:
        hint = f"one has {_few(list(base.groups))}, the other {_few(list(arm.groups))}"
        raise UserError("no metric in common", where=f"{asked.baseline} and {asked.arm}", hint=hint)
    wanted = [m for m in shared if not asked.metrics or any(fnmatch(m, p) for p in asked.metrics)]
    if not wanted:
        raise UserError(f"no metric is like {join(asked.metrics)}", where="--metric", hint=f"there are {_few(shared)}")
    more = {m: asked.better == "more" if asked.better else direction_of(m) for m in wanted}
    if all(m is None for m in more.values()):
        hint = "--better more, or --better less"
        raise UserError(f"is more or less of it better? {_few(wanted)} does not say", where=asked.arm, hint=hint)
    couples = [
        Couple(m, "", MORE if more[m] else LESS, arm.groups[m], base.groups[m]) for m in wanted if more[m] is not None
    ]
    return couples, [m for m in wanted if more[m] is None]


def _few(names: Sequence[str]) -> str:
    left = len(names) - NAMED
    return join([*names[:NAMED], several(left, "other")] if left > 0 else names)


def _notes(base: Outside, arm: Outside, unjudged: Sequence[str]) -> list[str]:
    one_sided = [m for m in (*base.groups, *arm.groups) if (m in base.groups) != (m in arm.groups)]
    left_out = list(dict.fromkeys((*base.left_out, *arm.left_out)))
    said = [
        (unjudged, "neither unit nor name says whether more is better (--better)"),
        (one_sided, "only one side has it"),
        (left_out, "values of 0 or less, so no ratio"),
    ]
    return [f"not compared: {_few(names)}: {why}" for names, why in said if names]


def sentence(
    verdict: Verdict, comparisons: Sequence[Comparison], names: tuple[str, str], asked: Asked, void: str
) -> str:
    """One sentence: what changed, by how much, how sure, on how many runs, and what would have been seen."""
    telling = [c for c in comparisons if c.said is verdict] or list(comparisons)
    far = max(telling, key=lambda c: abs((c.ratio or 1) - 1))
    runs = f"{several(far.n, 'run')} against {far.baseline_n}"
    facts = f"{how_much(far).removeprefix(f'{VALUE} ')} ({how_sure(far, asked.alpha)}; {runs})"
    of = f" in {len(telling)} of {len(comparisons)} metrics, most of all" if len(comparisons) > 1 else ":"
    arm, baseline = names
    if void:
        return f"Inconclusive: {void}; {facts}."
    if verdict is Verdict.INCONCLUSIVE:
        neither = f"neither a difference nor sameness within {percent(asked.limit)} is shown"
        return f"Inconclusive: {neither}{of} {facts}; {seen(far)}."
    if verdict is Verdict.SAME:
        least = f"no difference larger than {percent(asked.limit)}"
        return f"{arm} and {baseline} are the same: {least}{of.removesuffix(':')}{';' if of == ':' else ''} {facts}."
    return f"{arm} is {verdict} than {baseline}{of} {facts}; {seen(far)}."
