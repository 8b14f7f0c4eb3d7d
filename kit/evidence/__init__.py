"""The kinds of evidence, one module each: which kernels and boots a kind wants, and boots → its verdict."""

from __future__ import annotations

from collections.abc import Mapping

from kit.evidence import check, count, instructions, model, scatter, time
from kit.evidence.kind import Evidence

EVIDENCE: Mapping[str, Evidence] = {
    model.KIND: Evidence((), model.boots, model.judge),
    count.KIND: Evidence(
        (count.INSTRUMENT,), count.boots, count.judge, stop=count.stop, pilot=scatter.PILOT, exact=True
    ),
    instructions.KIND: Evidence(
        (instructions.INSTRUMENT,),
        instructions.boots,
        instructions.judge,
        exact=True,
        accel=instructions.ACCEL,
        conf={"idle": "1"},  # windows tell how long CPUs had nothing to do
        seconds=40.0,
        repeats=instructions.repeats,
        limit=instructions.limit,
    ),
    check.KIND: Evidence((check.INSTRUMENT,), check.boots, check.judge, conf={"swap": "1"}),
    time.KIND: Evidence(
        (time.INSTRUMENT,), time.boots, time.judge, stop=time.stop, timed=True, seconds=30.0, repeats=time.repeats
    ),
}
"""Every kind by its name in experiments. A new one is a module, a row here, and its keys (kit.schema)."""
