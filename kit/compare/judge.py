"""`kit compare A B`: two sides that were measured anywhere in, a verdict with its comparisons as plain data out.

A is the baseline. A metric without a direction is shown and decides nothing; if none has one, that is bad input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kit.base.errors import INCONCLUSIVE, NOT_AS_EXPECTED, OK, UserError
from kit.base.words import join, percent, several
from kit.evidence.time import HARDWARE, rates
from kit.experiment.reader import read_experiment
from kit.outside import VALUE, Outside, read_sides
from kit.outside.directions import directions, rules_of
from kit.records import LESS, MORE, Boot, Comparison, Experiment, Outcome, Verdict, to_json
from kit.run.runner import load_boots
from kit.stats.combine import combined
from kit.stats.groups import Couple, Group
from kit.stats.unpaired import compare_all, tests_of
from kit.store.runfolder import RunFolder
from kit.wording.phrase import how_much, how_sure, seen

SCHEMA = 1
NAMED = 5  # metrics in a message
EXIT = {Verdict.BETTER: OK, Verdict.SAME: OK, Verdict.WORSE: NOT_AS_EXPECTED, Verdict.INCONCLUSIVE: INCONCLUSIVE}
METHODS = {
    "Mann-Whitney": "Mann and Whitney's ranks",
    "Wilcoxon": "Wilcoxon's signed ranks of pairs",
    "Welch": "Welch's t on logarithms",
    "Poisson": "Poisson's counts",
    "equal": "equal values",
}


@dataclass(frozen=True)
class Asked:
    """What the command line says. `better`: words as `more`, `METRIC=less`; `metrics`: patterns, none for all; `limit`
    and `alpha` are fractions; `paired`: the values of A and B belong together one by one."""

    baseline: str
    arm: str
    limit: float
    alpha: float
    better: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    paired: bool = False


@dataclass(frozen=True)
class Sides:
    """Both sides as read. `void`: why their numbers must not decide, if so; `paired`: they have blocks, or pairs."""

    base: Outside
    arm: Outside
    void: str = ""
    paired: bool = False


def compare(asked: Asked) -> tuple[dict[str, Any], int]:
    """The comparison and its exit code. Raises UserError."""
    sides = _sides(asked)
    deciding, beside = _couples(asked, sides)
    base, arm, void = sides.base, sides.arm, sides.void
    names = (asked.arm, asked.baseline) if arm.name == base.name else (arm.name, base.name)
    comparisons, remarks = compare_all(deciding, names, asked.limit, asked.alpha)
    shown, more = compare_all(beside, names, asked.limit, asked.alpha)
    verdict = Verdict.INCONCLUSIVE if void else combined(c.said or Verdict.INCONCLUSIVE for c in comparisons)
    notes = [*remarks, *more, *_notes(asked, sides, beside)]
    out = {
        "schema": SCHEMA,
        "verdict": verdict,
        "sentence": sentence(verdict, comparisons, names, asked, void),
        "baseline": names[1],
        "arm": names[0],
        "alpha": asked.alpha,
        "limit": asked.limit,
        "method": _method(deciding, asked.alpha),
        "comparisons": _with_tests(comparisons, deciding, asked.alpha),
        "shown": _with_tests(shown, beside, asked.alpha),
        "notes": list(dict.fromkeys(notes)),
    }
    return out, EXIT[verdict]


def _method(couples: Sequence[Couple], alpha: float) -> str:
    used = list(dict.fromkeys(METHODS[t.name] for t in tests_of(couples, alpha)))
    counted = sum(not c.constant for c in couples)
    return join(used) + (f", Holm over {counted} metrics" if counted > 1 else "")


def _with_tests(comparisons: Sequence[Comparison], couples: Sequence[Couple], alpha: float) -> list[dict[str, Any]]:
    """As JSON, with the test that was used."""
    tests = tests_of(couples, alpha)
    return [to_json(c) | {"test": t.name} for c, t in zip(comparisons, tests, strict=True)]


def _sides(asked: Asked) -> Sides:
    """Both, each an arm of a run of kit or something else. Raises UserError."""
    texts = (asked.baseline, asked.arm)
    places = [_run_of(t) for t in texts]
    others = read_sides([t for t, p in zip(texts, places, strict=True) if p is None])
    found = [_run(*place, t) if place else (others.pop(0), "") for t, place in zip(texts, places, strict=True)]
    (base, why), (arm, why_too) = found
    blocks = places[0] is not None and places[1] is not None and places[0][0].path == places[1][0].path
    return Sides(base, arm, why_too or why, asked.paired or blocks)


def _run_of(text: str) -> tuple[RunFolder, str] | None:
    """The run of kit and the arm that a side names; None where it is something else."""
    path, _, arm = text.rpartition(":")
    for folder, name in ((Path(text), ""), (Path(path), arm)):
        if str(folder) != "." and (folder / "experiment.yaml").is_file():
            return RunFolder(folder), name
    return None


def _run(folder: RunFolder, arm: str, text: str) -> tuple[Outside, str]:
    """An arm of a run of kit: what each of its time boots did, by window and number of vCPUs; and why it must not
    decide, if so. Raises UserError."""
    exp = read_experiment(folder.path / "experiment.yaml", [])
    boots = [b for b in load_boots(folder) if b.evidence == "time" and b.outcome is Outcome.OK]
    arms = list(dict.fromkeys(b.arm for b in boots))
    if not boots:
        raise UserError("no boot of this run measured time", where=text, hint="evidence: [time] in its experiment")
    if arm not in arms:
        hint = f"as in {folder.path}:{arms[0]}; it has {join(arms)}"
        raise UserError(f"no such arm: {arm}" if arm else "which arm of this run?", where=text, hint=hint)
    emulated = {b.accel for b in boots} - set(HARDWARE)
    void = f"{folder.path.name} was measured under emulation, which is no evidence of hardware" if emulated else ""
    return _measured(exp, arm, [b for b in boots if b.arm == arm]), void


def _measured(exp: Experiment, arm: str, boots: Sequence[Boot]) -> Outside:
    values: dict[str, list[float]] = {}
    blocks: dict[str, list[int]] = {}
    for boot in boots:
        for window, rate in rates(exp, boot).items():
            metric = f"{window}, {several(boot.cpus, 'vCPU')}, per minute or second"
            values.setdefault(metric, []).append(rate)
            blocks.setdefault(metric, []).append(boot.block)
    groups = {m: Group.of(v) for m, v in values.items()}
    return Outside(arm, groups, dict.fromkeys(groups, True), (), {m: tuple(b) for m, b in blocks.items()})


def _couples(asked: Asked, sides: Sides) -> tuple[list[Couple], list[Couple]]:
    """The metrics that both sides have: those with a direction, and the others. Raises UserError."""
    base, arm = sides.base, sides.arm
    shared = [m for m in base.groups if m in arm.groups]
    if not shared:
        hint = f"one has {_few(list(base.groups))}, the other {_few(list(arm.groups))}"
        raise UserError("no metric in common", where=f"{asked.baseline} and {asked.arm}", hint=hint)
    wanted = [m for m in shared if not asked.metrics or any(fnmatch(m, p) for p in asked.metrics)]
    if not wanted:
        raise UserError(f"no metric is like {join(asked.metrics)}", where="--metric", hint=f"there are {_few(shared)}")
    more = directions(rules_of(asked.better), wanted, (base, arm))
    if all(m is None for m in more.values()):
        does = "does" if len(wanted) == 1 else "do"
        hint = f"--better {_quoted(wanted[0])}=more, or =less; --better more for all of them"
        raise UserError(f"is higher or lower better? {_few(wanted)} {does} not say", where=asked.arm, hint=hint)
    couples = [_couple(m, more[m], asked, sides) for m in wanted]
    return [c for c in couples if c.direction], [c for c in couples if not c.direction]


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name


def _couple(metric: str, more: bool | None, asked: Asked, sides: Sides) -> Couple:
    arm, base = sides.arm.groups[metric], sides.base.groups[metric]
    direction = "" if more is None else MORE if more else LESS
    if not sides.paired:
        return Couple(metric, "", direction, arm, base)
    if metric in sides.arm.blocks and metric in sides.base.blocks:
        arm, base = _in_common(metric, sides)
    if not arm.values or not base.values:
        raise UserError(f"{metric}: a summary has no pairs", where="--paired", hint="each run's own value is wanted")
    lacking = [n for side in (sides.base, sides.arm) for n in side.notes if "left out" in n and metric in n]
    if lacking and not sides.arm.blocks:
        raise UserError(f"pairs are not known any more: {lacking[0]}", where="--paired", hint="take both runs out")
    if arm.n != base.n:
        what = f"{metric}: {several(base.n, 'value')} in {asked.baseline} and {arm.n} in {asked.arm} are no pairs"
        raise UserError(what, where="--paired", hint="as many in both, in the same order; or without --paired")
    return Couple(metric, "", direction, arm, base, paired=True)


def _in_common(metric: str, sides: Sides) -> tuple[Group, Group]:
    """The values of the blocks that both arms of a run have."""
    arm, base = (dict(zip(s.blocks[metric], s.groups[metric].values, strict=True)) for s in (sides.arm, sides.base))
    both = sorted(arm.keys() & base.keys())
    return Group.of([arm[b] for b in both]), Group.of([base[b] for b in both])


def _few(names: Sequence[str]) -> str:
    left = len(names) - NAMED
    return join([*names[:NAMED], several(left, "other")] if left > 0 else names)


def _notes(asked: Asked, sides: Sides, beside: Sequence[Couple]) -> list[str]:
    base, arm = sides.base, sides.arm
    only = [
        f"only {text} has {_few(lone)}: not compared"
        for text, mine, other in ((asked.baseline, base, arm), (asked.arm, arm, base))
        if (lone := [m for m in mine.groups if m not in other.groups])
    ]
    open_ = [c.metric for c in beside]
    said = f"{_few(open_)}: shown only, nobody says whether more is better (--better METRIC=more)"
    return [*only, *([said] if open_ else []), *_own_notes(asked, base, arm)]


def _own_notes(asked: Asked, base: Outside, arm: Outside) -> list[str]:
    """What the readers say; which side, where the sides differ in it."""
    both = [n for n in base.notes if n in arm.notes]
    mine = [
        f"{text}: {n}" for text, side in ((asked.baseline, base), (asked.arm, arm)) for n in side.notes if n not in both
    ]
    return [*both, *mine]


def sentence(
    verdict: Verdict, comparisons: Sequence[Comparison], names: tuple[str, str], asked: Asked, void: str
) -> str:
    """One sentence: what changed, by how much, how sure, on how many runs, and what would have been seen."""
    telling = [c for c in comparisons if c.said is verdict] or list(comparisons)
    far = max(telling, key=_size)
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


def _size(c: Comparison) -> float:
    """How far a comparison is from no change; from nothing to something is farthest."""
    return abs(c.ratio - 1) if c.ratio is not None else float("inf")
