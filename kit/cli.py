"""The verbs: argv in, an exit code out."""

from __future__ import annotations

import argparse
import sys

from kit.errors import KitError


def main(argv: list[str] | None = None) -> int:
    """Run one verb; prints errors of the user's or the machine's as one message."""
    parser = argparse.ArgumentParser(prog="kit")
    verbs = parser.add_subparsers(dest="verb", required=True)
    test = verbs.add_parser("test", help="check kit itself")
    test.add_argument("--quick", action="store_true", help="leave out the tests that boot kernels")
    test.add_argument("--record", action="store_true", help="write down what the tests measured")
    test.add_argument("pytest_args", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args(argv)
    from kit.selftest import selftest

    try:
        return selftest(options.quick, options.record, options.pytest_args)
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return error.exit_code
