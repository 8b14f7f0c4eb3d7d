"""`kit matrix`: an experiment over trees, toolchains, configurations, machines or any other keys."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kit.base.errors import UserError
from kit.verbs.common import (
    change_arguments,
    change_of,
    columns,
    experiment_arguments,
    fitted,
    named,
    runs_argument,
    sandbox_argument,
    verbose_argument,
)

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.records import Experiment


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit matrix`."""
    experiment_arguments(verb)
    over = "a key and its values, for example tree=[debian:6.1,debian:6.12]; with several, each combination is run"
    verb.add_argument("--over", action="append", default=[], metavar="KEY=[…]", help=over)
    change_arguments(verb)
    verb.add_argument("--json", action="store_true", help="print matrix.json")
    verb.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with a matrix that was interrupted")
    runs_argument(verb)
    verb.add_argument("--fresh", action="store_true", help="take no boots of earlier runs from the cache")
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.experiment.reader import read_experiment
    from kit.report.matrix import render_matrix
    from kit.report.progress import choose
    from kit.run.matrix import axis_of, begin, go_on
    from kit.store.cache import Cache
    from kit.store.eviction import scratch

    folder, change = options.resume, change_of(options)
    if folder is not None and (options.config is not None or options.set or options.over or change is not None):
        raise UserError("--resume takes everything from the matrix's own folder", hint="give no other options")
    if folder is None:
        axes = [axis_of(text) for text in options.over]
        if not axes:
            raise UserError("no key to go over", where="kit matrix", hint="--over tree=[debian:6.1,debian:6.12]")
        with scratch() as inbox:

            def read(sets: Sequence[str]) -> Experiment:
                return read_experiment(named(options.config, change), [*options.set, *sets], change, inbox)

            folder = begin(axes, read, options.runs)
    done = go_on(folder, Cache(), choose(options.verbose), fresh=options.fresh)
    shown = render_matrix(done.found, folder, columns())
    print(json.dumps(done.found, indent=2) + "\n" if options.json else fitted(shown), end="")
    return done.exit_code
