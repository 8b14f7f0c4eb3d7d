"""`kit bisect`: finds the commit that changed a metric, and prints it."""

from __future__ import annotations

import argparse
from pathlib import Path

from kit.verbs.common import (
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
    """Adds the options of `kit bisect`."""
    experiment_arguments(verb)
    verb.add_argument("--good", metavar="REV", help="a good revision of the git tree")
    verb.add_argument("--bad", metavar="REV", help="a bad revision")
    verb.add_argument("--series", metavar="FILE", help="a quilt series or an mbox on the tree, instead of revisions")
    verb.add_argument("--resume", type=Path, metavar="RUN", help="go on with a bisection that was interrupted")
    verb.add_argument("--log", type=Path, metavar="FILE", help="write a log for `git bisect replay`")
    verb.add_argument("--json", action="store_true", help="print bisect.json")
    runs_argument(verb)
    report_argument(verb)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.progress import choose
    from kit.verbs.bisected import Asked, run
    from kit.verbs.reported import reports_of

    flags = {"good": options.good, "bad": options.bad, "series": options.series}
    config = None if options.config is None else named(options.config)
    asked = Asked(config, options.set, flags, options.runs, options.resume, options.log, options.json, columns())
    text, code, folder = run(asked, choose(options.verbose))
    written = "" if options.no_report else reports_of(folder)
    print(text if options.json else fitted(text + written), end="")
    return code
