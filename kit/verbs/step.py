"""`kit step`: judges the checked-out commit, for `git bisect run`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kit.verbs.common import experiment_arguments, named, sandbox_argument, verbose_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit step`."""
    experiment_arguments(verb)
    sandbox_argument(verb)
    verbose_argument(verb)


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.bisection.question import read_question
    from kit.bisection.step import step
    from kit.report.progress import choose
    from kit.store.cache import Cache

    question = read_question(named(options.config), options.set, {}, whole=False)
    return step(question, Path.cwd(), Cache(), choose(options.verbose))
