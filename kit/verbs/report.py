"""`kit report`: reports on runs, in one of the formats of kit.report.formats."""

from __future__ import annotations

import argparse
from pathlib import Path

from kit.base.streams import put
from kit.report.formats import REPORTS
from kit.verbs.common import columns, fitted, runs_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit report`."""
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder, its name, or `last`; several: side by side")
    runs_argument(verb)
    written = " and ".join(report.file for report in REPORTS.values() if report.itself)
    form = verb.add_argument_group("formats", f"printed; without one, {written} are written into the run's folder")
    only = form.add_mutually_exclusive_group()
    for name, row in REPORTS.items():
        only.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=row.about)
    form.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there instead of printing it")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.verbs.reported import AskedReport, report

    printed = options.output is None
    width = columns() if printed else 0
    text = report(AskedReport(options.run, options.runs, options.format, options.output, width))
    if printed and options.format not in (None, "text"):
        put(text)
    else:
        print(fitted(text) if printed and options.format else text, end="")
    return 0
