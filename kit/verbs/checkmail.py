"""`kit check-mail`: a mail on standard input, the checks that b4 shows on standard output."""

from __future__ import annotations

import argparse
import sys

from kit.base.project import PROJECT
from kit.verbs.common import DEFAULT, experiment_arguments, named, runs_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """What stands behind `kit check-mail`."""
    experiment_arguments(verb)
    tree = "kernel source instead of the experiment's, as git:. for the repository here"
    verb.add_argument("--tree", metavar="TREE", help=tree)
    series = "check the whole series that b4 has under review, whatever mail stands for it"
    verb.add_argument("--series", action="store_true", help=series)
    verb.add_argument("--run", action="store_true", help="do the experiment, too; else: could it be done?")
    runs_argument(verb)
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
