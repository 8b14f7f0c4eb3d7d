"""Every workload by name: parameters from an experiment in, loads for a boot out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.records import WorkloadSpec
from kit.workload.aim7 import Aim7
from kit.workload.custom import CustomProgram
from kit.workload.forkchain import ForkChain
from kit.workload.load import Load
from kit.workload.payload import Payload

Params = ForkChain | Aim7 | CustomProgram | Payload
WORKLOADS: Mapping[str, type[ForkChain] | type[Aim7] | type[CustomProgram] | type[Payload]] = {
    "fork-chain": ForkChain,
    "aim7": Aim7,
    "program": CustomProgram,
    "payload": Payload,
}


def parse_params(kind: str, params: Mapping[str, Any]) -> Params:
    """Checked parameters. Raises pydantic's ValidationError."""
    return WORKLOADS[kind].model_validate(dict(params))


def make_loads(specs: Sequence[WorkloadSpec], seed: int) -> tuple[Load, ...]:
    """The loads of an experiment, in its order; each is a worker of its own in every boot."""
    return tuple(parse_params(s.kind, s.params).load(s.name, seed) for s in specs)
