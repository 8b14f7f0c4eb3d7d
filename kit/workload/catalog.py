"""The table of workloads, and the loads for a boot that it makes from an experiment's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from kit.records import WorkloadSpec, to_json
from kit.workload import aim7, custom, exim, forkchain, micro, payload
from kit.workload.kind import Parameters, Workload
from kit.workload.load import Load

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}

WORKLOADS: Mapping[str, Workload] = {
    "fork-chain": Workload(
        forkchain.ForkChain, also={"depth": (WHOLE, {"type": "string", "pattern": "^[0-9]+[.][.][0-9]+$"})}
    ),
    "aim7": Workload(
        aim7.Aim7,
        prepare=aim7.prepare,
        suffix=aim7.suffix,
        said=aim7.said,
        shown=aim7.shown,
        also={"users": (WHOLE,), "mix": (TEXT,)},
    ),
    "exim": Workload(exim.Exim, also={"connections": (WHOLE,)}),
    "micro": Workload(micro.Micro, suffix=micro.suffix, also={"users": (WHOLE,)}),
    "program": Workload(
        custom.CustomProgram,
        prepare=custom.prepare,
        asked=False,  # `kit model` takes a program as a file
        more={"file": {**TEXT, "description": "a file with the program, text or YAML"}},
        either=("text", "file"),
    ),
    "payload": Workload(
        payload.Payload,
        prepare=payload.prepare,
        modelled=False,
        asked=False,
        also={"command": (TEXT,), "command[]": (NUMBER,), "env[]": (NUMBER,)},
    ),
}
"""Every kind of workload by its name in experiments. A new kind is a module and a row here."""


def parse_params(kind: str, params: Mapping[str, Any]) -> Parameters:
    """The checked parameters of a kind of workload. Raises pydantic's ValidationError."""
    return WORKLOADS[kind].params.model_validate(dict(params))


def make_loads(specs: Sequence[WorkloadSpec], seed: int) -> tuple[Load, ...]:
    """The loads of an experiment, in its order; each runs as its own worker in every boot. Cached in the process."""
    return _made(json.dumps([(s.kind, s.name, to_json(s.params)) for s in specs]), seed)


@lru_cache(maxsize=64)
def _made(specs: str, seed: int) -> tuple[Load, ...]:
    return tuple(parse_params(kind, params).load(name, seed) for kind, name, params in json.loads(specs))
