"""Each step of a series against the one before: the boots of a run in, a row for each step out.

A step is judged as an experiment of two arms, by the same rules as the whole, on the boots that were done anyway. The
one before is the last step that could be built and booted: after a patch that does not build, the next one is judged
against what stood before both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.base.errors import NOT_AS_EXPECTED
from kit.evidence import EVIDENCE, identical
from kit.kernel import compilerwarnings
from kit.records import Boot, Experiment, Kernel
from kit.stats.attribution import attribute
from kit.stats.verdict import judge
from kit.store.files import read_json
from kit.wording.sentence import sentence


def rows(
    exp: Experiment,
    done: Sequence[Boot],
    same: identical.Identical,
    build_faults: Mapping[str, str],
    kernels: Mapping[tuple[str, str], Kernel],
) -> list[dict[str, Any]]:
    """A row for each arm but the baseline, in the experiment's order: its verdict against the one before. `same`: as in
    `identical.judge`; `build_faults`: arm → the compiler's errors; `kernels`: by arm and instrument."""
    out, before = [], exp.baseline
    for arm in exp.arms:
        if arm.name == exp.baseline:
            continue
        step = replace(exp, baseline=before, arms=(exp.arm(before), arm), expect={})
        boots = _boots(exp, before, done, same) + _boots(exp, arm.name, done, same)
        faults = {name: said for name, said in build_faults.items() if name in (before, arm.name)}
        attribution = attribute(step, boots, faults)
        kinds = [identical.judge(kind, step, boots, _same(exp, before, arm.name, same)) for kind in exp.evidence]
        judged = judge(step, kinds, attribution)
        out.append(
            {
                "arm": arm.name,
                "against": before,
                "verdict": judged.verdict,
                "sentence": sentence(step, judged, kinds, attribution),
                "fails": judged.exit_code == NOT_AS_EXPECTED,
                "evidence": {kind.kind: kind.verdict for kind in kinds},
                "built": arm.name not in build_faults,
                "warnings": _new_warnings(before, arm.name, kernels),
            }
        )
        if arm.name not in build_faults and not any(f.arm == arm.name for f in attribution.broken):
            before = arm.name
    return out


def _new_warnings(before: str, arm: str, kernels: Mapping[tuple[str, str], Kernel]) -> list[str] | None:
    """What the compiler warns of since the one before, in the kernels of the first instrument that both have; None if
    that is not known."""
    for instrument in dict.fromkeys(instrument for _, instrument in kernels):
        pair = [kernels.get((name, instrument)) for name in (before, arm)]
        known = [read_json(Path(k.image).with_name(compilerwarnings.FILE)) for k in pair if k is not None]
        if len(known) == len(pair) and all(isinstance(one, dict) for one in known):
            return compilerwarnings.new(*known)
    return None


def said(found: Sequence[Mapping[str, Any]]) -> str:
    """How many steps have which verdict, and the name of each that fails."""
    words = [str(row["verdict"] or "could not run") for row in found]
    parts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
    named = [f"{row['arm']} is {row['verdict']}" for row in found if row["fails"]]
    return "; ".join([", ".join(parts), *named])


def _boots(exp: Experiment, arm: str, done: Sequence[Boot], same: identical.Identical) -> list[Boot]:
    """An arm's boots; of evidence for which it has the baseline's code, and so no boots, those of the baseline."""
    out = [boot for boot in done if boot.arm == arm]
    if arm == exp.baseline:
        return out
    shared = {kind for kind in exp.evidence if any(arm in same.get(i, ()) for i in EVIDENCE[kind].instruments)}
    return out + [replace(b, arm=arm) for b in done if b.arm == exp.baseline and b.evidence in shared]


def _same(exp: Experiment, before: str, arm: str, same: identical.Identical) -> dict[str, list[str]]:
    """Instrument → the step, if both have the baseline's code, and so each other's."""
    return {i: [arm] for i, arms in same.items() if {before, arm} <= {exp.baseline, *arms}}
