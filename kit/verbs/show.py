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
    from kit.report.formats import REPORTS
    from kit.report.style import Style
    from kit.run import recorded
    from kit.store.cache import Cache
    from kit.store.runfiles import files_in
    from kit.verbs import bisected

    folder = recorded.find_run(options.run, options.runs)
    shown: Any
    text: Callable[[Any], str]
    if options.boot:
        exp = (bisected if folder.is_bisection else recorded).experiment_of(folder)
        shown, text = recorded.boot_shown(folder, recorded.find_boot(folder, options.boot), exp), report.render_boot
    elif options.boot is not None:
        shown, text = recorded.boot_rows(folder), report.render_boots
    elif (files := files_in(folder.path)) is not None:
        ended, style = [files], Style(columns=columns())
        shown, text = files.content[1], lambda _: fitted(REPORTS["text"].render(ended, style))
    elif folder.is_bisection:
        shown, text = bisected.progress_of(folder.path), report.render_search
    else:
        shown, text = recorded.progress_of(folder, Cache()), report.render_progress
    print(json.dumps(shown, indent=2) + "\n" if options.json else text(shown), end="")
    return 0
