"""The job `run`: takes an experiment; builds, boots and judges; leaves verdict.json in a run folder."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from kit.base.errors import NOT_AS_EXPECTED
from kit.base.progress import Progress
from kit.base.project import PROJECT, command
from kit.evidence import EVIDENCE, identical
from kit.experiment.arms import ResolvedArm, resolve_arms
from kit.experiment.writer import shared_keys
from kit.kernel.build import refuse_unheld
from kit.kernel.ownconfig import said
from kit.records import Boot, Exercised, Experiment, KindVerdict, Outcome, PatchRef, to_json
from kit.run import coverage, steps
from kit.run.plan import instruments
from kit.run.provenance import provenance
from kit.run.runner import Engine, LocalRunner, Runner
from kit.run.schedule import Work
from kit.run.workplace import Workplace, workplace
from kit.stats.attribution import Attribution, attribute
from kit.stats.verdict import Judgement, judge
from kit.store.cache import Cache
from kit.store.files import read_json, write_atomic, write_json
from kit.store.runfolder import RunFolder
from kit.wording.sentence import sentence

SCHEMA = 1
SEEDS = 2**32


@dataclass(frozen=True)
class RunResult:
    """The result of a run; `verdict` is the content of verdict.json."""

    folder: Path
    verdict: dict[str, Any]
    exit_code: int


def run_experiment(
    exp: Experiment, cache: Cache, progress: Progress, runs: Path, resume: Path | None = None, *, fresh: bool = False,
    engine: Engine = LocalRunner,
) -> RunResult:
    """Runs an experiment, or the rest of one (`resume`: its run folder). `fresh`: ignore cached boots; always so for
    A/A, where an arm would be compared with its own record. If the experiment gives no seed for the order of boots, one
    is drawn here and recorded: a fixed order would favour the same arm in every run.

    Raises UserError for bad input before anything is built, MachineError if the machine fails, KeyboardInterrupt with
    the command that resumes the run.
    """
    start = time.monotonic()
    exp = replace(exp, order_seed=secrets.randbelow(SEEDS)) if exp.order_seed is None else exp
    with workplace(cache, progress, exp.toolchain) as place:
        arms = resolve_arms(exp, instruments(exp), place.tools, PROJECT / "configs", cache, progress)
        if engine is LocalRunner:
            refuse_unheld([build for arm in arms for build in arm.builds.values()], cache)
        folder = RunFolder(resume) if resume else RunFolder.create(runs, exp.name, time.strftime("%Y%m%d-%H%M%S"))
        with place.at(folder):
            job = _Job(exp, arms, engine(place, fresh=fresh or exp.aa), place, start, fresh=fresh)
            return _interruptible(job)


def _interruptible(job: _Job) -> RunResult:
    try:
        return job.run()
    except KeyboardInterrupt:
        again = ["--fresh"] if job.fresh and not job.exp.aa else []
        raise KeyboardInterrupt(f"go on with: {command('run', '--resume', str(job.folder.path), *again)}") from None


class _Job:
    """One run. Its steps in order are the methods that `run` calls."""

    def __init__(
        self,
        exp: Experiment,
        arms: Sequence[ResolvedArm],
        runner: Runner,
        place: Workplace,
        start: float,
        *,
        fresh: bool,
    ) -> None:
        self.fresh = fresh
        self.exp, self.arms, self.runner, self.tools = exp, arms, runner, place.tools
        self.folder, self.progress = place.folder, place.progress
        self.work = Work(exp, arms, runner, place)
        place.spare(("boots", boot.key) for boot in self.work.boots)
        for build in (b for arm in arms for b in arm.builds.values()):
            place.spare_kernel(build)
        self.exercised: list[Exercised] = []
        self.start = start

    def run(self) -> RunResult:
        write_experiment(self.exp, self.folder.path)
        origin = provenance(self.exp, self.arms, self.tools, self.runner.host, self.runner.guest_key, self.folder.path)
        write_json(self.folder.path / "provenance.json", origin)
        self._announce(origin)

        def tell_accel() -> None:
            origin["accel"] = {"used": self.work.accel, "why": self.work.why}
            write_json(self.folder.path / "provenance.json", origin)

        self.work.run(tell_accel)
        for arm, instrument in self.work.unbooted:
            origin["arms"][arm]["kernels"][instrument]["booted"] = False
        self._tell_config(origin)
        write_json(self.folder.path / "provenance.json", origin)
        if not self.work.hopeless:
            self._exercise()
        return self._judge(origin)

    def _announce(self, origin: dict[str, Any]) -> None:
        for name, arm in origin["arms"].items():
            for patch in arm["patches"]:
                blobs = ", ".join(f"{b['path']} {b['before'][:12]} → {b['after'][:12]}" for b in patch["blobs"])
                exact = {True: "exactly the blobs of its index line", False: "not the blobs of its index line"}
                said = exact.get(patch["exact"], "its index line names no blobs")
                self.progress.note(f"{name}: {patch['file']} ({said}): {blobs}")
                for note in patch["notes"]:
                    self.progress.note(f"{name}: {patch['file']}: {note}")

    def _tell_config(self, origin: dict[str, Any]) -> None:
        """Reports and records which options of the user's own configuration were changed."""
        for instrument in instruments(self.exp) if self.exp.config else ():
            kernel = self.work.kernels.get((self.exp.baseline, instrument))
            found = read_json(Path(kernel.image).parent / "changes.json") if kernel else None
            if isinstance(found, dict):
                origin.setdefault("configuration", {})[instrument] = found
                for line in said(found):
                    self.progress.note(f"{instrument}: {line}")

    def _exercise(self) -> None:
        """Finds which changed code ran, for arms whose code differs from the baseline's."""
        base, built, kernels = self.exp.baseline, instruments(self.exp), self.work.kernels
        jobs = {arm.spec.name: arm for arm in self.arms}
        for arm in self.exp.arms:
            here = next((i for i in built if {(arm.name, i), (base, i)} <= kernels.keys()), None)
            if arm.name == base or here is None or not self._ends(arm.name):
                continue
            kernel, baseline = kernels[arm.name, here], kernels[base, here]
            twin = arm.name in self.work.identical.get(here, ())
            if kernel.key == baseline.key or (twin and kernel.image_sha256 != baseline.image_sha256):
                continue  # the same sources, or only line numbers differ
            pair = coverage.Pair(kernel, jobs[arm.name].builds[here], baseline, jobs[base].builds[here])
            found = coverage.exercised(self.exp, arm.name, pair, self.runner, self.progress)
            self.exercised.append(found)
            if found.why:
                self.progress.note(f"{arm.name}: which of its changes ran is not known: {found.why}")

    def _ends(self, arm: str) -> bool:
        """Whether a boot of the arm ended well. For an arm that hangs, one more boot would only run into its limit."""
        mine = [b for b in self.work.boots if b.arm == arm]
        return not mine or any(b.outcome is Outcome.OK for b in mine)

    def _judge(self, origin: dict[str, Any]) -> RunResult:
        done, same = self.work.boots, self.work.identical
        for instrument, arm in ((i, a) for i, arms in same.items() for a in arms):
            origin["arms"][arm]["kernels"][instrument]["booted"] = False
        attribution = attribute(self.exp, done, self.work.build_faults)
        kinds = [identical.judge(kind, self.exp, done, same) for kind in self.exp.evidence]
        judgement = judge(self.exp, kinds, attribution, self.exercised)
        found = self._steps() if self.exp.steps else []
        if any(step["fails"] for step in found) and not self.exp.expect:
            judgement = replace(judgement, expected=False, exit_code=NOT_AS_EXPECTED)
        verdict = verdict_json(self.exp, judgement, kinds, attribution, done, origin, self.exercised)
        if found:
            verdict["steps"] = found
            verdict["sentence"] += f" Step by step: {steps.said(found)}."
        verdict["seconds"] = self._seconds()
        write_json(self.folder.path / "verdict.json", verdict)
        return RunResult(self.folder.path, verdict, judgement.exit_code)

    def _steps(self) -> list[dict[str, Any]]:
        work = self.work
        return steps.rows(self.exp, work.boots, work.identical, work.build_faults, work.kernels)

    def _seconds(self) -> dict[str, float]:
        """Where this run's wall time went: commands (make above all), guests, both at once, and kit itself."""
        total = time.monotonic() - self.start
        guests, commands, busy = self.runner.guest_seconds, self.progress.command_seconds, self.progress.busy
        own = max(total - busy.seconds, 0.0)
        spent = {"total": total, "commands": commands, "guests": guests, "both": busy.both, "own": own}
        return {name: round(seconds, 2) for name, seconds in spent.items()}


def verdict_json(
    exp: Experiment,
    judgement: Judgement,
    kinds: Sequence[KindVerdict],
    attribution: Attribution,
    done: Sequence[Boot],
    origin: dict[str, Any],
    exercised: Sequence[Exercised] = (),
) -> dict[str, Any]:
    """The content of verdict.json (kit.contracts.verdictfile). `verdict` is null if nothing could be run."""
    good = [b for b in done if b.outcome is Outcome.OK]
    return {
        "schema": SCHEMA,
        "name": exp.name,
        "verdict": judgement.verdict,
        "sentence": sentence(exp, judgement, kinds, attribution, exercised),
        "expected": judgement.expected,
        "exit_code": judgement.exit_code,
        "aa": exp.aa,
        "disagreements": judgement.disagree,
        "evidence": {k.kind: k.as_json() for k in kinds},
        "arms": {a.name: {"baseline": a.name == exp.baseline, "profile": a.profile} for a in exp.arms},
        "boots": {"ok": len(good), "failed": len(done) - len(good), "reused": sum(bool(b.reused) for b in done)},
        "splats": to_json(
            {"broken": attribution.broken, "could_not_run": attribution.could_not_run, "once": attribution.once}
        ),
        "exercised": [to_json(w) for w in exp.workloads],
        "functions": [{**to_json(e), "idle": e.idle} for e in exercised],
        "provenance": origin,
        "limits": {"difference": exp.limit, **_own_limits(exp)},
    }


def _own_limits(exp: Experiment) -> dict[str, float]:
    """Kind of evidence → its limit, where that is not the experiment's."""
    limits = {kind: EVIDENCE[kind].limit(exp) for kind in exp.evidence}
    return {kind: limit for kind, limit in limits.items() if limit != exp.limit}


def write_experiment(exp: Experiment, folder: Path) -> None:
    """Writes experiment.yaml as resolved, and copies the patches beside it, so that the folder can be run by itself."""
    arms: dict[str, Any] = {}
    copies = folder / "patches"
    for arm in exp.arms:
        series = [_copy_patch(ref, copies) for ref in arm.series]
        arms[arm.name] = {"series": series, "profile": arm.profile, "tree": arm.tree}
    value = {
        "name": exp.name,
        "tree": exp.arms[0].tree,
        "config": [_copy_config(part, i, folder) for i, part in enumerate(exp.config)],
        "baseline": exp.baseline,
        "arms": arms,
        **({"steps": True} if exp.steps else {}),
        **shared_keys(exp),
        "evidence": list(exp.evidence),
        "locks": list(exp.locks),
        "expect": dict(exp.expect),
        "alpha": exp.alpha,
        "budget": {
            "blocks": exp.blocks,
            "least": exp.least,
            "stopping": "sequential" if exp.sequential else "fixed",
            "minutes": exp.minutes,
        },
        "aa": exp.aa,
    }
    write_atomic(folder / "experiment.yaml", yaml.safe_dump(to_json(value), sort_keys=False))


def _copy_config(part: str, number: int, folder: Path) -> str:
    """Copies a part of the user's configuration beside the experiment if it is a file; its name there."""
    source, copies = Path(part), folder / "config"
    if not source.is_file() or source.parent == copies:
        return f"config/{source.name}" if source.parent == copies else part
    copies.mkdir(exist_ok=True)
    name = f"{number}-{source.name.lstrip('.')}"
    shutil.copyfile(source, copies / name)
    return f"config/{name}"


def _copy_patch(ref: PatchRef, copies: Path) -> dict[str, Any]:
    source = Path(ref.path)
    if source.parent != copies:
        copies.mkdir(exist_ok=True)
        others = [p for p in copies.glob(f"*{source.name}") if p.read_bytes() == source.read_bytes()]
        target = others[0] if others else copies / f"{len(list(copies.iterdir())) + 1:02d}-{source.name}"
        if not others:
            shutil.copyfile(source, target)
        ref = replace(ref, path=str(target))
    return {"patch": f"patches/{Path(ref.path).name}", "reverse": ref.reverse, "strip": ref.strip}
