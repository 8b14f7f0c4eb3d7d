"""`kit rerun`: does one boot of a run again, and prints what differs."""

from __future__ import annotations

import argparse
import json

from kit.base.errors import NOT_AS_EXPECTED
from kit.verbs.common import run_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit rerun`."""
    run_argument(verb)
    verb.add_argument("--boot", required=True, metavar="N", help="a boot by number or name (kit show RUN --boot)")
    gdb = "stop the guest before its first instruction, and print how to attach gdb"
    verb.add_argument("--gdb", action="store_true", help=gdb)
    verb.add_argument("--keep", action="store_true", help="if the guest hangs, leave it for gdb")
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.progress import choose
    from kit.report.recorded import render_rerun
    from kit.run.recorded import find_run
    from kit.run.rerun import rerun
    from kit.store.cache import Cache

    progress = choose(options.verbose)
    folder = find_run(options.run, options.runs)
    again = rerun(
        folder, options.boot, Cache(), progress, gdb=options.gdb, keep=options.keep, say=progress.note
    ).as_json()
    print(json.dumps(again, indent=2) + "\n" if options.json else render_rerun(again), end="")
    return 0 if again["same"] else NOT_AS_EXPECTED
