"""UnixBench's report (byte-unixbench 5.1, `Run`): each test's result and the index, by number of copies."""

from __future__ import annotations

import re

from kit.outside.cells import number_in
from kit.outside.found import MORE, Datum, Label, Reading
from kit.outside.source import Source

BANNER = re.compile(r"\s*BYTE UNIX Benchmarks|System Benchmarks Index")
COPIES = re.compile(r".*running (\d+) parallel cop(?:y|ies) of tests")
TEST = re.compile(r"(\S.*?)\s+([\d.]+) (\w+)\s+\([\d.]+ s, \d+ samples\)")
SCORE = re.compile(r"System Benchmarks Index Score(?: \(Partial Only\))?\s+([\d.]+)")


def is_unixbench(source: Source) -> bool:
    """Whether it is output of UnixBench."""
    return any(BANNER.match(line) for line in source.lines) and any(TEST.match(line) for line in source.lines)


def read_unixbench(source: Source) -> Reading:
    """Reads it. Every number is a rate or a score: more is better. Each report in the text is a run.

    Raises UserError.
    """
    copies: tuple[Label, ...] = ()
    data = []
    for number, line in enumerate(source.lines, 1):
        where = f"{source.name}:{number}"
        if found := COPIES.match(line):
            copies = (Label("copies", f"copies={found[1]}"),)
        elif found := TEST.match(line):
            data.append(Datum(f"{found[1]} {found[3]}", (number_in(found[2], where),), found[3], MORE, copies))
        elif found := SCORE.match(line):
            data.append(Datum("System Benchmarks Index Score", (number_in(found[1], where),), "", MORE, copies))
    return Reading(tuple(data))
