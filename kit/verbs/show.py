"""`kit show`: prints a recorded run, boot or bisection."""

from __future__ import annotations

import argparse
import json

from kit.verbs.common import columns, fitted, run_argument

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit show`."""
    run_argument(verb)
    boot = "a boot by number or name; without N, the list of boots"
    verb.add_argument("--boot", nargs="?", const="", metavar="N", help=boot)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report import recorded as report
    from kit.report.text import render
    from kit.run import recorded
    from kit.store.cache import Cache
    from kit.verbs import bisected

    folder = recorded.find_run(options.run, options.runs)
    if folder.is_bisection and options.boot is None:
        found = bisected.show_bisection(folder.path, as_json=options.json, columns=columns())
        print(found if options.json else fitted(found), end="")
        return 0
    shown: Any
    text: Callable[[Any], str]
    if options.boot:
        exp = (bisected if folder.is_bisection else recorded).experiment_of(folder)
        shown, text = recorded.boot_shown(folder, recorded.find_boot(folder, options.boot), exp), report.render_boot
    elif options.boot is not None:
        shown, text = recorded.boot_rows(folder), report.render_boots
    elif (verdict := recorded.verdict_of(folder)) is not None:
        shown, text = verdict, lambda found: fitted(render(found, folder.path, columns()))
    else:
        shown, text = recorded.progress_of(folder, Cache()), report.render_progress
    print(json.dumps(shown, indent=2) + "\n" if options.json else text(shown), end="")
    return 0
