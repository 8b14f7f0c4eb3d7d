"""The verbs: argv in, an exit code out. Each parses, calls, and prints; it imports itself what is slow to import."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from kit.errors import COULD_NOT_RUN, KitError, UserError

INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one verb. Errors of the user's or the machine's are one message on standard error."""
    options = parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = options.call
    try:
        return verb(options)
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        print("\n  ".join(["kit: interrupted", *map(str, interrupt.args)]), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except Exception:  # python's own exit code for it is 1, which would say that a patch is worse
        traceback.print_exc()
        print("kit: this is a mistake in kit itself, not a verdict", file=sys.stderr)
        return COULD_NOT_RUN


def parser() -> argparse.ArgumentParser:
    """The command line of kit."""
    top = argparse.ArgumentParser(
        prog="kit",
        description="Does this patch make the kernel better, and is that consistent and not a fluke?",
        epilog="exit codes: 0 as expected, 1 not as expected, 2 bad input, 3 inconclusive, 4 could not run",
    )
    top.add_argument("--no-install", action="store_true", help="never install system packages, only name them")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="do an experiment and give its verdict")
    _experiment_arguments(run)
    run.add_argument("--json", action="store_true", help="print verdict.json")
    run.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was interrupted")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders are made (default: runs/)")
    run.add_argument("--fresh", action="store_true", help="boot again what earlier runs have booted")
    run.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    run.set_defaults(call=_run)
    check = verbs.add_parser("check", help="check an experiment file and show its plan, without doing it")
    _experiment_arguments(check)
    check.add_argument("--json", action="store_true", help="print the plan as JSON")
    check.add_argument("--keys", action="store_true", help="explain every key of an experiment file")
    check.set_defaults(call=_check)
    test = verbs.add_parser("test", help="check kit itself")
    test.add_argument("--quick", action="store_true", help="leave out the tests that build and boot kernels")
    test.add_argument("--record", action="store_true", help="write what kernels measured to tests/model/data")
    test.add_argument("pytest_args", nargs="*", help="arguments for pytest, after --")
    test.set_defaults(call=_test)
    _model_arguments(verbs.add_parser("model", help="ask the reference model: no kernel is needed"))
    return top


def _model_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("what", choices=("count", "explain", "profiles"), help="acquisitions; each step; the table")
    verb.add_argument("--profile", action="append", default=[], help="a kernel generation; several to compare them")
    verb.add_argument("--program", default="fork-chain", help="fork-chain, aim7, or a file (default: fork-chain)")
    verb.add_argument("--smaps", type=Path, metavar="FILE", help="a /proc/PID/smaps: VMAs at the start")
    verb.add_argument("--depth", help="fork-chain: as 0..8")
    verb.add_argument("--forks", type=int, help="fork-chain: forks in each window")
    verb.add_argument("--vmas", type=int, help="fork-chain: private VMAs")
    verb.add_argument("--mix", help="aim7: a mix")
    verb.add_argument("--users", type=int, help="aim7: users at once")
    verb.add_argument("--jobs", type=int, help="aim7: jobs of each user")
    verb.add_argument("--window", help="explain: only this window")
    verb.add_argument("--steps", action="store_true", help="explain: links, counters and allocations too")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(call=_model)


def _experiment_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, nargs="?", help="an experiment file, as configs/aim7.yaml")
    overrides = "override a key, as guest.cpus=[1]"
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=overrides)


def _run(options: argparse.Namespace) -> int:
    from kit.experiment import run_experiment
    from kit.report.progress import choose
    from kit.report.text import render
    from kit.spec import read_experiment
    from kit.store import Cache

    config = options.config
    if options.resume:
        if config is not None or options.set:
            raise UserError("--resume goes on with what the run's own experiment.yaml says", hint="leave the rest out")
        config = options.resume / "experiment.yaml"
        if not config.is_file():
            raise UserError("not a run that can be resumed: no experiment.yaml in it", where=str(options.resume))
    exp = read_experiment(_named(config), options.set)
    progress = choose(options.verbose)
    result = run_experiment(exp, Cache(), progress, options.runs, options.resume, fresh=options.fresh)
    if options.json:
        print(json.dumps(result.verdict, indent=2))
    else:
        print(render(result.verdict, result.folder), end="")
    return result.exit_code


def _check(options: argparse.Namespace) -> int:
    from kit.check import explain_keys, show_plan
    from kit.spec import read_experiment
    from kit.store import Cache

    if options.keys:
        print(explain_keys())
        return 0
    plan = show_plan(read_experiment(_named(options.config), options.set), Cache())
    print(json.dumps(plan.as_json(), indent=2) if options.json else plan.as_text())
    return 0


def _model(options: argparse.Namespace) -> int:
    from kit import modelverb
    from kit.report.model import counts, profiles

    if options.what == "profiles":
        for name in options.profile:
            print("\n".join(modelverb.profile_cells(name)))
        if not options.profile:
            rows = modelverb.profile_table()
            print(json.dumps(rows, indent=2) if options.json else profiles(rows))
        return 0
    params = {key: getattr(options, key) for key in ("depth", "forks", "vmas", "mix", "users", "jobs")}
    question = modelverb.ask(options.program, params, options.smaps)
    if options.what == "explain":
        profile = options.profile[0] if options.profile else "6.1"
        print("\n".join(modelverb.explain(question, profile, options.window, options.steps)))
        return 0
    rows = modelverb.count(question, options.profile or ["6.1"])
    print(json.dumps(rows, indent=2) if options.json else counts(rows, question.layout == ()))
    return 0


def _test(options: argparse.Namespace) -> int:
    from kit.selftest import selftest

    return selftest(options.quick, options.record, options.pytest_args)


def _named(config: Path | None) -> Path:
    if config is None:
        raise UserError("no experiment named", hint="as in `kit run configs/aim7.yaml`; more are in configs/")
    ours = Path(__file__).resolve().parent.parent / config  # the examples, from wherever kit is called
    return ours if not config.exists() and ours.exists() else config
