"""`kit test`: kit checks itself."""

from __future__ import annotations

import argparse

from kit.verbs.common import sandbox_argument


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit test`."""
    verb.add_argument("--quick", action="store_true", help="leave out the tests that build and boot kernels")
    verb.add_argument("--record", action="store_true", help="write the counts of real kernels to tests/model/data")
    sandbox_argument(verb)
    verb.add_argument("pytest_args", nargs="*", help="arguments for pytest, after --")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.run.selftest import selftest

    return selftest(options.quick, options.record, options.pytest_args)
