"""`kit run`: runs an experiment and prints its verdict."""

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
    report_argument,
    runs_argument,
    sandbox_argument,
    verbose_argument,
)


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit run`."""
    experiment_arguments(verb)
    change_arguments(verb)
    verb.add_argument("--json", action="store_true", help="print verdict.json")
    verb.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was interrupted")
    runs_argument(verb)
    verb.add_argument("--fresh", action="store_true", help="take no boots of earlier runs from the cache")
    verb.add_argument("--aa", action="store_true", help="A/A: the baseline's kernel in every arm; expects `same`")
    report_argument(verb)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.experiment.reader import read_experiment
    from kit.report.progress import choose
    from kit.report.text import render
    from kit.run.job import run_experiment
    from kit.store.cache import Cache
    from kit.store.eviction import scratch
    from kit.verbs.reported import reports_of

    config = options.config
    if options.resume:
        if config is not None or options.set or options.aa or change_of(options) is not None:
            what = "--resume takes everything from the run's own experiment.yaml"
            raise UserError(what, hint="give no other options")
        config = options.resume / "experiment.yaml"
        if not config.is_file():
            raise UserError("not a run that can be resumed: no experiment.yaml in it", where=str(options.resume))
    progress = choose(options.verbose)
    sets = [*options.set, *(["aa=true"] if options.aa else [])]
    with scratch() as inbox:
        change = None if options.resume else change_of(options)
        exp = read_experiment(named(config, change), sets, change, inbox)
        result = run_experiment(exp, Cache(), progress, options.runs, options.resume, fresh=options.fresh)
    written = "" if options.no_report else reports_of(result.folder)
    if options.json:
        print(json.dumps(result.verdict, indent=2))
    else:
        print(fitted(render(result.verdict, result.folder, columns()) + written), end="")
    return result.exit_code
