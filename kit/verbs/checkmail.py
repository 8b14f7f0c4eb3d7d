"""`kit check-mail`: reads a mail on standard input and prints the checks for b4."""

from __future__ import annotations

import argparse
import sys

from kit.base.project import PROJECT
from kit.verbs.common import DEFAULT, experiment_arguments, named, runs_argument, sandbox_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit check-mail`."""
    experiment_arguments(verb)
    tree = "kernel source instead of the experiment's, for example git:. for the repository here"
    verb.add_argument("--tree", metavar="TREE", help=tree)
    series = "check the whole series that b4 has under review, whichever of its mails is given"
    verb.add_argument("--series", action="store_true", help=series)
    verb.add_argument("--run", action="store_true", help="run the experiment; without it, only check that it could run")
    runs_argument(verb)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.progress import choose
    from kit.store.cache import Cache
    from kit.verbs.mailchecked import AskedMail, check_mail

    config = named(options.config or PROJECT / DEFAULT)
    asked = AskedMail(config, options.set, options.tree, options.series, options.run, options.runs)
    print(check_mail(asked, sys.stdin.buffer.read(), Cache(), choose(options.verbose)), end="")
    return 0
