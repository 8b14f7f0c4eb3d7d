"""An experiment as keys of its file again: what a run and a bisection both write down, resolved."""

from __future__ import annotations

from typing import Any

from kit.records import Experiment


def shared_keys(exp: Experiment) -> dict[str, Any]:
    """The keys that do not depend on what is compared: `kit.experiment.reader` reads them back to the same."""
    return {
        "toolchain": exp.toolchain,
        "guest": {
            "cpus": list(exp.cpus),
            "memory": f"{exp.memory}M",
            "accel": exp.accel,
            "limit": exp.boot_limit,
            "root": exp.root,
        },
        "workloads": [{w.kind: {**w.params, "name": w.name}} for w in exp.workloads],
        "accept": [{"pattern": p, "why": w} for p, w in exp.accept],
        "limit": exp.limit,
        "instructions": exp.instructions,
        "time": exp.time,
        "seed": exp.seed,
        **({} if exp.order_seed is None else {"order_seed": exp.order_seed}),
    }
