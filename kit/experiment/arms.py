"""Arms resolved: an experiment in; for each arm its tree, the files that its series changes, and its kernels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.kernel.build import BuildInput
from kit.kernel.config import Config, read_fragments
from kit.kernel.content import content_id
from kit.kernel.options import fit, has_overlay, has_pvh, has_tinyconfig
from kit.kernel.ownconfig import with_own
from kit.kernel.patch import Applied, Patch, apply_series, read_file, read_patches
from kit.kernel.shims import shims_for
from kit.kernel.toolchain import Toolchain
from kit.kernel.tree import Tree, resolve_tree
from kit.kernel.trust import are_own
from kit.records import ArmSpec, Experiment, KernelSpec
from kit.records.arches import ARCHES
from kit.store.cache import Cache
from kit.workload.catalog import parse_params
from kit.workload.kind import MESSAGES, USERLAND

NEWEST = "99"  # a version that has every option
TINY = "tiny"  # left out without tinyconfig: of old kernels, and of an experiment with a configuration of its own
FRAGMENTS: Mapping[str, tuple[str, ...]] = {
    "plain": ("common", "plain"),
    "counting": ("common", TINY, "counting"),
    "checking": ("common", TINY, "checking"),
}
"""Instrument → fragments under configs/kernel/, merged in this order; the architecture's own come after the first."""
BEFORE = (USERLAND, MESSAGES)
"""Of what workloads ask for, that which is merged before the instrument's own; guests with the host's files: USERLAND.
"""


def of_arch(parts: Sequence[str], arch: str) -> tuple[str, ...]:
    """The fragments, with those of the architecture inserted after the first."""
    return (parts[0], *ARCHES[arch].fragments, *parts[1:])


def fragments(exp: Experiment, instrument: str) -> tuple[str, ...]:
    """The fragments of an experiment's kernels for an instrument."""
    *shared, own = (f for f in of_arch(FRAGMENTS[instrument], exp.arch) if f != TINY or not exp.config)
    wanted = {part for w in exp.workloads for part in parse_params(w.kind, w.params).fragments()}
    wanted |= {USERLAND} if exp.root != "guest" else set()
    return (*shared, *(f for f in BEFORE if f in wanted), own, *sorted(wanted - {*BEFORE}))


@dataclass(frozen=True)
class ResolvedArm:
    """An arm with everything that its kernels are made of. `changed`: path → content, None: deleted."""

    spec: ArmSpec
    tree: Tree
    patches: tuple[tuple[Patch, tuple[Applied, ...]], ...]
    changed: Mapping[str, bytes | None]
    builds: Mapping[str, BuildInput]  # by instrument


def read_series(arm: ArmSpec) -> list[Patch]:
    """The arm's patches, parsed; a file may hold several mails. Raises UserError with file and line."""
    patches: list[Patch] = []
    for ref in arm.series:
        data = read_file(ref.path)
        found = [patch for _, patch in read_patches(ref.path, data, reverse=ref.reverse, strip=ref.strip)]
        patches += reversed(found) if ref.reverse else found
    return patches


def resolve_arms(
    exp: Experiment, instruments: Sequence[str], tools: Toolchain, configs: Path, cache: Cache, progress: Progress
) -> list[ResolvedArm]:
    """Fetches trees, applies series in memory, and determines every kernel to build. Nothing is built yet.

    Raises UserError for a patch that does not apply, MachineError if a tree cannot be fetched."""
    series = {arm.name: read_series(arm) for arm in exp.arms}  # read them all before anything is downloaded
    for instrument in instruments:
        config_of(exp, instrument, NEWEST, configs)
    trees: dict[str, Tree] = {}
    out = []
    for arm in exp.arms:
        if arm.tree not in trees:
            trees[arm.tree] = resolve_tree(arm.tree, cache, progress)
        tree = trees[arm.tree]
        changed, record = apply_series(series[arm.name], tree.entry)
        asked = {i: config_of(exp, i, tree.version, configs) for i in instruments}
        own = are_own([ref.path for ref in arm.series])
        builds = {i: build_input(exp, arm, i, tree, changed, asked[i], tools, own=own) for i in instruments}
        out.append(ResolvedArm(arm, tree, tuple((p, tuple(a)) for p, a in record), changed, builds))
    return out


def config_of(exp: Experiment, instrument: str, version: str, configs: Path) -> Config:
    """The configuration of an instrument's kernel of that version, on top of the user's own if there is one. Raises
    UserError for a fragment that cannot be read, and for a kernel too old for `guest: {root: host}`."""
    if exp.root != "guest" and not has_overlay(version):
        raise UserError(
            f"Linux {version} has no overlay file system (it came with 3.18): guests cannot use the host's files",
            hint="use `guest: {root: guest}`, or `kit shell --root guest`",
        )
    missing = [*([] if has_pvh(version) else ["pvh"]), *([] if has_tinyconfig(version) else [TINY])]
    names = [f for f in fragments(exp, instrument) if f not in missing]
    needed = [configs / "kernel" / f"{f}.config" for f in names]
    config = (
        with_own(exp.config, needed, configs / "kernel" / "own.config", ARCHES[exp.arch])
        if exp.config
        else read_fragments(needed)
    )
    return replace(fit(config, version), target=config.target, base=config.base)


def build_input(
    exp: Experiment,
    arm: ArmSpec,
    instrument: str,
    tree: Tree,
    changed: Mapping[str, bytes | None],
    config: Config,
    tools: Toolchain,
    *,
    own: bool,
) -> BuildInput:
    """What to build for one kernel of an arm. `changed`: path → content after its series, None: deleted; `own`: whether
    that is of the tree's trust (kit/kernel/trust.py)."""
    series = tuple(
        (path, content_id(content))
        for path, content in sorted(changed.items())
        if content_id(content)
        != content_id(tree.entry(path))  # a file that ends up unchanged is not part of the key
    )
    shims = shims_for(tree.version, tools.versions)
    spec = KernelSpec(
        arm.name, instrument, exp.arch, arm.tree, tree.key, tree.workspace, series, config.key, tools.name, shims.keys
    )
    return BuildInput(spec, tree, changed, config, shims, foreign=bool(series) and not own)
