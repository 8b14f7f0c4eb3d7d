"""AIM VII and reaim (osdldb): tables of runs, with jobs per minute and real time by number of tasks.

The formats are the report columns of AIM suite VII (`Tasks Jobs/Min JTI Real CPU Jobs/sec/task`) and of reaim (`Num
Parent Child Child Jobs per ...`), as lkp-tests reads them.
"""

from __future__ import annotations

import re

from kit.outside.cells import number_in
from kit.outside.found import LESS, MORE, NOBODY, Datum, Reading
from kit.outside.source import Source

REAIM = re.compile(r"\s*Num\s+Parent\s+Child\s+Child\s+Jobs per")
AIM = re.compile(r"\s*Tasks\s+[Jj]obs/[Mm]in\s+JTI\s+[Rr]eal\s+CPU")
ROW = re.compile(r"\s*\d+(?:\s+-?[\d.]+){4,}\s*$")
MOST = re.compile(r"\s*Max Jobs per Minute\s+([\d.]+)")
REAIM_COLUMNS = (
    ("parent time", "s", LESS),
    ("child system time", "s", NOBODY),
    ("child user time", "s", NOBODY),
    ("jobs per minute", "jobs/min", MORE),
)
AIM_COLUMNS = (
    ("jobs per minute", "jobs/min", MORE),
    ("JTI", "", NOBODY),
    ("real time", "s", LESS),
    ("CPU time", "s", NOBODY),
)


def is_aim(source: Source) -> bool:
    """Whether the text is output of AIM7 or reaim."""
    return any(REAIM.match(line) or AIM.match(line) for line in source.lines)


def read_aim(source: Source) -> Reading:
    """Reads it. Each table in the text is a run. Raises UserError for a cell that is no number."""
    columns: tuple[tuple[str, str, str], ...] = ()
    data = []
    for number, line in enumerate(source.lines, 1):
        where = f"{source.name}:{number}"
        if REAIM.match(line):
            columns = REAIM_COLUMNS
        elif AIM.match(line):
            columns = AIM_COLUMNS
        elif columns and ROW.match(line):
            tasks, *cells = line.split()
            data += [
                Datum(f"{tasks} tasks, {name}", (number_in(cell, where),), unit, better)
                for (name, unit, better), cell in zip(columns, cells, strict=False)
            ]
        elif found := MOST.match(line):
            data.append(Datum("most jobs per minute", (number_in(found[1], where),), "jobs/min", MORE))
    return Reading(tuple(data))
