"""`kit shell`: opens a shell, or runs one command, in a guest with an arm's kernel."""

from __future__ import annotations

import argparse

from kit.verbs.common import experiment_arguments, named, sandbox_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit shell`."""
    experiment_arguments(verb)
    verb.add_argument("--arm", required=True, metavar="NAME", help="the arm whose kernel to boot")
    verb.add_argument("--cpus", type=int, choices=range(1, 9), metavar="N", help="vCPUs (default: the experiment's)")
    root = "the files in the guest. host: the host's, under a writable overlay, of homes only the current folder"
    root += " (default); home: the homes too; guest: a few programs of it, packed (default for foreign patches)"
    verb.add_argument("--root", choices=("host", "home", "guest"), help=root)
    verb.add_argument("--instrument", default="", help="plain, counting or checking (default: the experiment's first)")
    limit = "end the guest after this time (default: 3600 for a command, no limit for a shell)"
    verb.add_argument("--limit", type=float, metavar="SECONDS", help=limit)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.experiment.reader import read_experiment
    from kit.report.progress import choose
    from kit.run.shell import Wish, shell
    from kit.store.cache import Cache

    exp = read_experiment(named(options.config), options.set)
    command = tuple(options.command)
    wish = Wish(options.arm, command, options.cpus, options.root, options.instrument, options.limit)
    return shell(exp, wish, Cache(), choose(options.verbose))
