"""`kit compare`: compares numbers that were measured elsewhere, and prints the verdict."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from kit.base.errors import UserError
from kit.verbs.common import fitted


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit compare`."""
    side = (
        "a file of a benchmark's results, CSV, JSON, a folder of runs, RUN:ARM, -, or NAME=n,mean,sd as 10,104.9,14.8%%"
    )
    verb.add_argument("sides", nargs="+", metavar="A B", help=f"the baseline, and what is compared with it: {side}")
    verb.add_argument("--history", action="store_true", help="many files in order: where did a metric change?")
    better = "more, less, or METRIC=more: which is better, if the unit does not tell; may be repeated"
    verb.add_argument("--better", action="append", default=[], metavar="WORD", help=better)
    verb.add_argument("--paired", action="store_true", help="the values of A and B belong together, one by one")
    pattern = "only metrics that match, for example *ops*; may be repeated"
    verb.add_argument("--metric", action="append", default=[], metavar="PATTERN", help=pattern)
    verb.add_argument("--limit", default="1%", help="differences up to this do not matter (default: 1%%)")
    verb.add_argument("--alpha", default="0.05", help="chance of a false verdict (default: 0.05)")
    verb.add_argument("--json", action="store_true", help="print JSON")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.compare.history import AskedHistory, history
    from kit.compare.judge import Asked, compare
    from kit.experiment.schema import fraction
    from kit.report.compare import render_compare
    from kit.report.history import render_history

    limit, alpha = (_share(getattr(options, name), f"--{name}", fraction) for name in ("limit", "alpha"))
    better, metrics, sides = tuple(options.better), tuple(options.metric), tuple(options.sides)
    if options.history:
        if options.paired:
            raise UserError("a history has no pairs", where="--paired")
        shown, code = history(AskedHistory(sides, limit, alpha, better, metrics))
        text = render_history
    elif len(sides) == 2:
        shown, code = compare(Asked(*sides, limit, alpha, better, metrics, options.paired))
        text = render_compare
    else:
        raise UserError(f"two sides are needed, not {len(sides)}", where="kit compare", hint="--history takes many")
    print(json.dumps(shown, indent=2) + "\n" if options.json else fitted(text(shown)), end="")
    return code


def _share(text: str, where: str, read: Callable[[object], float]) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise UserError(str(error), where=where) from error
