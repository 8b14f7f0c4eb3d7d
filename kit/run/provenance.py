"""The provenance of a run's results: everything that decided them, as plain JSON, written before the first build."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kit import __version__
from kit.base.errors import KitError
from kit.base.project import IS_CLONE, PROJECT, command
from kit.experiment.arms import ResolvedArm
from kit.kernel.git import Repository
from kit.kernel.patch import Applied, Patch
from kit.kernel.shims import shims_shown
from kit.kernel.toolchain import Toolchain
from kit.records import Experiment
from kit.setup import packages
from kit.vm.kvm import HostFacts


def provenance(
    exp: Experiment, arms: Sequence[ResolvedArm], tools: Toolchain, host: HostFacts, guest_key: str, folder: Path
) -> dict[str, Any]:
    """The content of provenance.json: trees, blobs, patches, configurations, tools, host, and the command to reproduce
    the run."""
    return {
        **of_kit("run", str(folder / "experiment.yaml")),
        "arms": {arm.spec.name: _arm(arm) for arm in arms},
        "guest": guest_key,
        **of_host(tools, host),
        "seed": exp.seed,
        "order_seed": exp.orders,
    }


def of_kit(*again: str) -> dict[str, Any]:
    """The version of kit, the command line, and the command to reproduce it (kit's arguments are `again`)."""
    return {
        "kit": __version__,
        "kit_commit": commit_of(PROJECT) if IS_CLONE else "",
        "reproduce": command(*again),
        "command": shlex.join(sys.argv),
    }


@cache
def commit_of(clone: Path) -> str:
    """The commit of a clone, with `-dirty` if its files differ; "" if git does not know it. Asked once: what runs is
    what was loaded."""
    try:
        repository = Repository.open(clone)
        if repository.root != clone.resolve():  # the clone was unpacked inside another repository
            return ""
        return repository.described()
    except KitError:
        return ""


def of_host(tools: Toolchain, host: HostFacts) -> dict[str, Any]:
    """The toolchain, QEMU and the host."""
    return {
        "toolchain": tools.name,
        "qemu": host.qemu,
        "host": {
            "cpu": host.cpu,
            "cores": len(os.sched_getaffinity(0)),
            "kernel": host.release,
            "system": packages.system_name(),
            "python": platform.python_version(),
        },
    }


def _arm(arm: ResolvedArm) -> dict[str, Any]:
    return {
        "tree": {
            "ref": arm.tree.ref,
            "key": arm.tree.key,
            "version": arm.tree.version,
            "about": arm.tree.about,
        },
        "patches": [_patch(patch, applied) for patch, applied in arm.patches],
        "profile": arm.spec.profile,
        "kernels": {i: {"key": b.spec.key, "config": b.config.key} for i, b in arm.builds.items()},
        "shims": shims_shown(next(iter(arm.builds.values())).shims) if arm.builds else [],
    }


def _patch(patch: Patch, applied: Sequence[Applied]) -> dict[str, Any]:
    exact = [a.exact for a in applied]
    return {
        "file": Path(patch.name).name,
        "subject": patch.subject,
        "sha256": patch.sha256,
        "reversed": patch.reverse,
        # True: all blobs before and after are those of the patch's index lines; False: one is not; None: not known.
        "exact": all(exact) if exact and None not in exact else (False if False in exact else None),
        "blobs": [{"path": a.path, "before": a.before, "after": a.after, "offsets": list(a.offsets)} for a in applied],
        "notes": remarks(patch, applied),
    }


def remarks(patch: Patch, applied: Sequence[Applied]) -> list[str]:
    """Remarks on how a patch was read and applied; first the hunks that were found at other lines."""
    shifts = [
        f"hunk {n} of {a.path} applies {abs(offset)} lines further {'down' if offset > 0 else 'up'}"
        for a in applied
        for n, offset in enumerate(a.offsets, 1)
        if offset
    ]
    return [line.encode("utf-8", "backslashreplace").decode() for line in (*shifts, *patch.notes)]
