"""`kit blame-hunk`: finds the part of a patch that carries the verdict of a run."""

from __future__ import annotations

import argparse

from kit.verbs.common import columns, fitted, report_argument, run_argument, sandbox_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit blame-hunk`."""
    run_argument(verb)
    verb.add_argument("--arm", metavar="ARM", help="the arm whose change is taken apart; default: the only one")
    report_argument(verb)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.progress import choose
    from kit.run.recorded import find_run
    from kit.store.cache import Cache
    from kit.store.eviction import scratch
    from kit.verbs.bisected import Asked, run
    from kit.verbs.blamed import part_of, question_of
    from kit.verbs.reported import reports_of

    progress = choose(options.verbose)
    folder = find_run(options.run, options.runs)
    with scratch() as place:
        config = question_of(folder, options.arm, place, Cache(), progress)
        asked = Asked(config, (), {}, options.runs, None, None, options.json, columns())
        text, code, found = run(asked, progress)
    written = "" if options.no_report else reports_of(found)
    print(text if options.json else fitted(text + written) + part_of(found), end="")
    return code
