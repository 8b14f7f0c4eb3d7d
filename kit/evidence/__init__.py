"""The kinds of evidence, one module each: which kernels and boots a kind wants, and how it judges its boots."""

from __future__ import annotations

from collections.abc import Mapping

from kit.evidence import (
    aim7,
    callers,
    callertables,
    callgraph,
    callgraphtables,
    check,
    count,
    counttables,
    instructions,
    model,
    scatter,
    time,
)
from kit.evidence.kind import Evidence
from kit.evidence.reading import Metric

EVIDENCE: Mapping[str, Evidence] = {
    model.KIND: Evidence((), model.boots, model.judge, title=f"Predicted ({model.KIND})", tables=counttables.predicted),
    count.KIND: Evidence(
        (count.INSTRUMENT,),
        count.boots,
        count.judge,
        stop=count.stop,
        pilot=scatter.PILOT,
        exact=True,
        title=f"Counts that differ between boots of one arm, by the statistics of boots ({count.KIND})",
        tables=counttables.counted,
        bisected={
            "count": Metric(
                count.INSTRUMENT,
                "acquisitions",
                count.read,
                count.KIND,
                predicted=True,
                what="lock",
                example="anon_vma",
                said="acquisitions of {what}{where}",
            )
        },
    ),
    instructions.KIND: Evidence(
        (instructions.INSTRUMENT,),
        instructions.boots,
        instructions.judge,
        exact=True,
        accel=instructions.ACCEL,
        accel_why="time is the number of instructions",
        conf={"idle": "1"},  # windows tell how long CPUs had nothing to do
        seconds=40.0,
        repeats=instructions.repeats,
        limit=instructions.limit,
        title=f"Instructions per job on one vCPU, means over layouts of memory ({instructions.KIND})",
        subject=instructions.KIND,
        bisected={
            "instructions": Metric(
                instructions.INSTRUMENT,
                "instructions",
                instructions.read,
                instructions.KIND,
                within=instructions.limit,
                said="instructions{where}",
            )
        },
    ),
    callgraph.KIND: Evidence(
        (instructions.INSTRUMENT,),
        callgraph.boots,
        callgraph.judge,
        exact=True,
        accel=instructions.ACCEL,
        accel_why="QEMU's plugin follows one vCPU",
        conf={"idle": "1"},  # as the guests of `instructions`, to execute the same
        watched=callgraph.KIND,
        seconds=120.0,
        repeats=instructions.repeats,
        limit=instructions.limit,
        title=f"Instructions by function, all together ({callgraph.KIND})",
        subject=instructions.KIND,
        tables=callgraphtables.function_tables,
    ),
    callers.KIND: Evidence(
        (callers.INSTRUMENT,),
        callers.boots,
        callers.judge,
        exact=True,
        accel=callers.ACCEL,
        accel_why="QEMU's plugin follows one vCPU",
        watched=callers.KIND,
        seconds=40.0,
        title=f"Acquisitions by call chain ({callers.KIND})",
        tables=callertables.caller_tables,
        bisected={
            "callers": Metric(
                callers.INSTRUMENT,
                "acquisitions",
                callers.read,
                callers.KIND,
                what="lock",
                example="anon_vma",
                said="acquisitions of {what}{where}, by call chain",
            )
        },
    ),
    check.KIND: Evidence(
        (check.INSTRUMENT,),
        check.boots,
        check.judge,
        conf={"swap": "1"},
        title=f"Splats ({check.KIND})",
        bisected={
            "splat": Metric(
                check.INSTRUMENT,
                "",
                check.read,
                check.KIND,
                exact=False,
                yes_no=True,
                clean=True,
                what="pattern",
                example="anon_vma_clone",
                said="splats like {what!r}",
            )
        },
    ),
    time.KIND: Evidence(
        (time.INSTRUMENT,),
        time.boots,
        time.judge,
        stop=time.stop,
        timed=True,
        seconds=30.0,
        repeats=time.repeats,
        tables=aim7.table,
        title=f"Speed ({time.KIND})",
        void_title="EMULATED {}: the time of an interpreter, not of hardware; shown, decides nothing",
        bisected={
            "time": Metric(time.INSTRUMENT, "ms", time.read, time.KIND, exact=False, said="{emulated}time{where}")
        },
    ),
}
"""Every kind by its name in experiments. A new one is a module, a row here, and its keys (kit.experiment.schema)."""
