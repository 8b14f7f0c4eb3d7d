"""A resolved experiment back as keys of its file: those that both a run and a bisection write down."""

from __future__ import annotations

from typing import Any

from kit.records import Experiment


def shared_keys(exp: Experiment) -> dict[str, Any]:
    """The keys that do not depend on the arms. `kit.experiment.reader` reads them back to equal values."""
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
