"""Where a run's results come from: everything that decided them, as plain JSON, written before the first build."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit import __version__
from kit.base.project import command
from kit.experiment.arms import ResolvedArm
from kit.kernel.patch import Applied, Patch
from kit.kernel.shims import shims_shown
from kit.kernel.toolchain import Toolchain
from kit.records import Experiment
from kit.vm.kvm import HostFacts


def provenance(
    exp: Experiment, arms: Sequence[ResolvedArm], tools: Toolchain, host: HostFacts, guest_key: str, folder: Path
) -> dict[str, Any]:
    """Trees, blobs, patches, configurations, tools, host, and the command that does it again."""
    return {
        "kit": __version__,
        "reproduce": command("run", str(folder / "experiment.yaml")),
        "command": shlex.join(sys.argv),
        "arms": {arm.spec.name: _arm(arm) for arm in arms},
        "toolchain": tools.name,
        "qemu": host.qemu,
        "guest": guest_key,
        "host": {
            "cpu": host.cpu,
            "cores": len(os.sched_getaffinity(0)),
            "kernel": host.release,
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", "") if _has_os_release() else "",
            "python": platform.python_version(),
        },
        "seed": exp.seed,
        "order_seed": exp.orders,
    }


def _has_os_release() -> bool:
    return Path("/etc/os-release").exists() or Path("/usr/lib/os-release").exists()


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
        # True: every blob before and after is the one that the patch's index line names.
        "exact": all(exact) if exact and None not in exact else (False if False in exact else None),
        "blobs": [{"path": a.path, "before": a.before, "after": a.after, "offsets": list(a.offsets)} for a in applied],
        "notes": remarks(patch, applied),
    }


def remarks(patch: Patch, applied: Sequence[Applied]) -> list[str]:
    """What there is to say of how a patch was read and applied, first of all which hunks stood elsewhere."""
    shifts = [
        f"hunk {n} of {a.path} stands {abs(offset)} lines further {'down' if offset > 0 else 'up'}"
        for a in applied
        for n, offset in enumerate(a.offsets, 1)
        if offset
    ]
    return [line.encode("utf-8", "backslashreplace").decode() for line in (*shifts, *patch.notes)]
