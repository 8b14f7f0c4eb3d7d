"""`kit check`: an experiment in, its plan (kernels, boots, estimated time) out. Nothing is built or booted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kit.base.progress import Progress
from kit.base.project import PROJECT
from kit.base.words import several
from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.experiment.arms import NEWEST, config_of, read_series
from kit.kernel.debian import OBJECTS_BYTES, UNPACKED_BYTES, cached_debian
from kit.kernel.patch import apply_series
from kit.kernel.shims import shims_for, shims_shown
from kit.kernel.toolchain import TOOLCHAINS, jobs, tool_versions
from kit.kernel.tree import tree_before_fetch, version_before_fetch
from kit.records import ArmSpec, BootSpec, Experiment
from kit.run.plan import Plan, instruments
from kit.run.provenance import remarks
from kit.store.cache import Cache
from kit.store.files import read_json
from kit.vm.kvm import cannot_open
from kit.workload.catalog import WORKLOADS, make_loads
from kit.workload.load import ramp_limit

# Measured on two idle cores, Debian 12, gcc 12, Linux 6.1 (tests/bench/README.md); shown only as an estimate.
FIRST_BUILD_CORE_SECONDS = 420.0
NEXT_BUILD_SECONDS = 10.0
FETCH_SECONDS = 60.0


SHOWN_BLOCKS = 3  # blocks listed of a kind that has many


@dataclass(frozen=True)
class PlanShown:
    """What an experiment would do at most. `seconds` is an estimate."""

    name: str
    kernels: tuple[dict[str, Any], ...]
    boots: tuple[dict[str, Any], ...]
    windows: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]
    shims: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {
            "name": self.name,
            "kernels": list(self.kernels),
            "boots": list(self.boots),
            "windows": list(self.windows),
            "seconds_estimated": self.seconds,
            "notes": list(self.notes),
            "shims": list(self.shims),
        }

    def as_text(self) -> str:
        """For a terminal."""
        lines = [f"{self.name}: the experiment file is good.", ""]
        lines += [*self._kernels_and_boots(), ""] if self.kernels else ["no kernel is built, nothing is booted", ""]
        lines += [f"{several(len(self.windows), 'window')} in each boot: {', '.join(self.windows)}", ""]
        lines.append(f"about {self.seconds / 60:.0f} min when nothing is in the cache (an estimate for this machine)")
        return "\n".join([*lines, *self.notes])

    def _kernels_and_boots(self) -> Iterator[str]:
        by = {"llvm": ", built by clang and lld"}.get(self.kernels[0]["toolchain"], "")
        yield f"{several(len(self.kernels), 'kernel')}{by}:"
        for k in self.kernels:
            series = ", ".join(k["series"]) or "no patch"
            role = ", baseline" if k["baseline"] else ""
            profile = k["profile"] or "none (no prediction)"
            yield f"  {k['arm']} ({k['instrument']}{role}): {k['tree']}, {series}; profile {profile}"
        for tree in self.shims:
            yield f"  {tree['version']} is too old for this machine's compiler, make or perl; shims outside the tree:"
            for row in tree["rows"]:
                yield f"    {row['name']}: {row['why']} (kernels before {row['before']})"
        yield ""
        most = " at most" if any(b["at_most"] for b in self.boots) else ""
        yield f"{several(len(self.boots), 'boot')}{most}, in this order:"
        for kind, block in dict.fromkeys((b["evidence"], b["block"]) for b in self.boots):
            mine = [b for b in self.boots if b["evidence"] == kind]
            if block >= SHOWN_BLOCKS and mine[-1]["block"] > SHOWN_BLOCKS:
                if block == SHOWN_BLOCKS:
                    early = ", unless it is decided before" if mine[0]["at_most"] else ""
                    yield f"  {kind}, blocks {block} to {mine[-1]['block']}: the same in other orders{early}"
                continue
            inside = ", ".join(f"{b['arm']}/{b['cpus']}" for b in mine if b["block"] == block)
            yield f"  {kind}, {f'block {block}' if block >= 0 else 'to warm up'} (arm/vCPUs): {inside}"


def show_plan(exp: Experiment, cache: Cache) -> PlanShown:
    """The plan of an experiment. Reads its patches and fragments; downloads, builds and boots nothing.

    Raises UserError for a patch or a fragment that cannot be read.
    """
    patched = [line for arm in exp.arms for line in _applied(arm, cache)]
    wanted = instruments(exp)
    for instrument in wanted:
        config_of(exp, instrument, NEWEST, PROJECT / "configs")
    names = {(arm.name, i): f"{arm.name}/{i}" for arm in exp.arms for i in wanted}
    plan = Plan.of(exp, Site(names, _accel(exp), "guest"))
    loads = make_loads(exp.workloads, exp.seed)
    missing = [v for v in _debian_versions(exp) if cached_debian(v, cache) is None]
    booted = sum(EVIDENCE[s.evidence].seconds + ramp_limit(s.program) for s in plan.sure)
    seconds = FETCH_SECONDS * len(missing) + min(booted, exp.minutes * 60)
    for first, following in (build_seconds(cache, instrument, exp.toolchain) for instrument in wanted):
        seconds += first + following * (len(exp.arms) - 1)
    size = (UNPACKED_BYTES + OBJECTS_BYTES) / 1e9
    notes = [_more(kind, exp.blocks) for kind in exp.evidence if 0 < EVIDENCE[kind].pilot < exp.blocks]
    notes += [f"debian:{v} is not in the cache: about 140 MB to download, {size:.1f} GB of disk" for v in missing]
    return PlanShown(
        exp.name,
        tuple(_kernels(exp, wanted)),
        tuple(_boot(s) for s in plan.sure),
        tuple(w.name for load in loads for w in load.windows),
        seconds,
        (*notes, *(f"{w.name}: {said}" for w in exp.workloads if (said := WORKLOADS[w.kind].said(w.params))), *patched),
        tuple(_shims(exp)) if wanted else (),
    )


def _applied(arm: ArmSpec, cache: Cache) -> list[str]:
    """Applies an arm's series in memory, as a run would, if its tree is in the cache; remarks about it.

    Raises UserError for a patch that cannot be read or does not apply.
    """
    patches = read_series(arm)
    tree = tree_before_fetch(arm.tree, cache) if patches else None
    if tree is None:
        return [f"{arm.name}: {arm.tree} is not in the cache, so its patches were not tried"] if patches else []
    record = apply_series(patches, tree.entry)[1]
    return [f"{arm.name}: {Path(p.name).name}: {note}" for p, applied in record for note in remarks(p, applied)]


def _boot(spec: BootSpec) -> dict[str, Any]:
    place = {"arm": spec.arm, "cpus": spec.machine.cpus, "block": spec.block, "evidence": spec.evidence}
    return {**place, "at_most": EVIDENCE[spec.evidence].many}


def _more(kind: str, blocks: int) -> str:
    pilot = EVIDENCE[kind].pilot
    return f"{kind}: if boots of an arm differ, up to {blocks} boots of each arm with those vCPUs instead of {pilot}"


def _accel(exp: Experiment) -> str:
    """The accelerator to assume: with KVM, `time` can decide and so wants more boots."""
    return exp.accel if exp.accel != "auto" else "tcg" if cannot_open() else "kvm"


def build_seconds(cache: Cache, instrument: str, toolchain: str) -> tuple[float, float]:
    """Seconds for the (first, each following) kernel of an instrument: the longest build recorded in the cache, and the
    median of the others; if none is recorded, figures measured elsewhere."""
    records = [read_json(path) for path in (cache.root / "kernels").glob("*/kernel.json")]
    specs = [(r.get("spec", {}), float(r.get("seconds", 0))) for r in records if isinstance(r, dict)]
    mine = [(str(s.get("toolchain", "")), took) for s, took in specs if s.get("instrument") == instrument]
    took = sorted(seconds for tools, seconds in mine if ("clang" in tools) == (toolchain == "llvm"))
    if not took:
        return FIRST_BUILD_CORE_SECONDS / jobs(), NEXT_BUILD_SECONDS
    return took[-1], median(took[:-1]) if len(took) > 1 else NEXT_BUILD_SECONDS


def _shims(exp: Experiment) -> Iterator[dict[str, Any]]:
    """The shims that this toolchain needs for each old tree, the same for all arms of the tree."""
    tools = tool_versions(Progress(), TOOLCHAINS[exp.toolchain][0])
    trees = dict.fromkeys(arm.tree for arm in exp.arms)
    for version in dict.fromkeys(map(version_before_fetch, trees)):
        if rows := shims_shown(shims_for(version, tools)) if version else []:
            yield {"version": f"Linux {version}", "rows": rows}


def _debian_versions(exp: Experiment) -> list[str]:
    return sorted({arm.tree.removeprefix("debian:") for arm in exp.arms if arm.tree.startswith("debian:")})


def _kernels(exp: Experiment, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    for instrument in wanted:
        for arm in exp.arms:
            yield {
                "arm": arm.name,
                "instrument": instrument,
                "toolchain": exp.toolchain,
                "baseline": arm.name == exp.baseline,
                "tree": arm.tree,
                "series": [("reversed " if p.reverse else "") + p.path.rsplit("/", 1)[-1] for p in arm.series],
                "profile": arm.profile,
            }
