"""The command line of kit: each verb with its arguments; what a verb does is kit.cli's."""

from __future__ import annotations

import argparse
from pathlib import Path

from kit import __version__

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """The command line of kit."""
    top = argparse.ArgumentParser(
        prog="kit",
        description="Does this patch make the kernel better, and is that consistent and not a fluke?",
        epilog="exit codes: 0 as expected, 1 not as expected, 2 bad input, 3 inconclusive, 4 could not run",
    )
    top.add_argument("--version", action="version", version=f"kit {__version__}")
    top.add_argument("--no-install", action="store_true", help="never install system packages, only name them")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser("run", help="do an experiment and give its verdict")
    _experiment_arguments(run)
    _change_arguments(run)
    run.add_argument("--json", action="store_true", help="print verdict.json")
    run.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run that was interrupted")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders are made (default: runs/)")
    run.add_argument("--fresh", action="store_true", help="boot again what earlier runs have booted")
    run.add_argument("--aa", action="store_true", help="the baseline's kernel in every arm: `same` is right")
    run.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    check = verbs.add_parser("check", help="check an experiment file and show its plan, without doing it")
    _experiment_arguments(check)
    _change_arguments(check)
    check.add_argument("--json", action="store_true", help="print the plan as JSON")
    keys = "explain the keys of an experiment file: all, or one with those in it, as guest or guest.cpus"
    check.add_argument("--keys", nargs="?", const="", metavar="KEY", help=keys)
    check.add_argument("--schema", action="store_true", help="print a JSON schema of experiment files, for editors")
    _bisect_arguments(verbs.add_parser("bisect", help="find the commit or patch that changed a metric"))
    step = verbs.add_parser("step", help="for `git bisect run`: 0 good, 1 bad, 125 neither, 255 stop")
    _experiment_arguments(step)
    step.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    _run_folder_verbs(verbs)
    _shell_arguments(verbs.add_parser("shell", help="a shell, or one command (-- COMMAND), in an arm's kernel"))
    _machine_verbs(verbs)
    completion = verbs.add_parser("completion", help="print a script that completes kit's command line in a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="as in: kit completion bash > FILE")
    _compare_arguments(verbs.add_parser("compare", help="the same statistics for numbers that were measured elsewhere"))
    test = verbs.add_parser("test", help="check kit itself")
    test.add_argument("--quick", action="store_true", help="leave out the tests that build and boot kernels")
    test.add_argument("--record", action="store_true", help="write what kernels measured to tests/model/data")
    test.add_argument("pytest_args", nargs="*", help="arguments for pytest, after --")
    _model_arguments(verbs.add_parser("model", help="ask the reference model: no kernel is needed"))
    return top


def _bisect_arguments(verb: argparse.ArgumentParser) -> None:
    _experiment_arguments(verb)
    verb.add_argument("--good", metavar="REV", help="a revision of the git tree where it is good")
    verb.add_argument("--bad", metavar="REV", help="a revision where it is bad")
    verb.add_argument("--series", metavar="FILE", help="a quilt series or an mbox on the tree, instead of revisions")
    verb.add_argument("--resume", type=Path, metavar="RUN", help="go on with a bisection that was interrupted")
    verb.add_argument("--log", type=Path, metavar="FILE", help="write what `git bisect replay` takes")
    verb.add_argument("--json", action="store_true", help="print bisect.json")
    verb.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders are made (default: runs/)")
    verb.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")


def _run_folder_verbs(verbs: Verbs) -> None:
    show = verbs.add_parser("show", help="show a run's verdict again, how far it came, or one of its boots")
    _run_argument(show)
    boot = "a boot by number or name; without one, the list of all"
    show.add_argument("--boot", nargs="?", const="", metavar="N", help=boot)
    rerun = verbs.add_parser("rerun", help="do one boot of a run again, and compare")
    _run_argument(rerun)
    rerun.add_argument("--boot", required=True, metavar="N", help="a boot by number or name (kit show RUN --boot)")
    rerun.add_argument("--gdb", action="store_true", help="stop the guest before its start, and say how to attach gdb")
    rerun.add_argument("--keep", action="store_true", help="where the guest hangs, leave it for gdb")
    rerun.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")


def _run_argument(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", metavar="RUN", help="a run folder, its name, or `last`")
    verb.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders are (default: runs/)")
    verb.add_argument("--json", action="store_true", help="print JSON")


def _shell_arguments(verb: argparse.ArgumentParser) -> None:
    _experiment_arguments(verb)
    verb.add_argument("--arm", required=True, metavar="NAME", help="whose kernel")
    verb.add_argument("--cpus", type=int, choices=range(1, 9), metavar="N", help="vCPUs (default: the experiment's)")
    root = "host: the host's files under a writable overlay (default); guest: a few programs of the host, packed"
    verb.add_argument("--root", choices=("host", "guest"), default="host", help=root)
    verb.add_argument("--instrument", default="", help="plain, counting or checking (default: the experiment's first)")
    limit = "end the guest after so long (default: 3600 for a command, never for a shell)"
    verb.add_argument("--limit", type=float, metavar="SECONDS", help=limit)
    verb.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")


def _machine_verbs(verbs: Verbs) -> None:
    doctor = verbs.add_parser("doctor", help="what kit needs, and what of it this machine has")
    doctor.add_argument("--kvm", action="store_true", help="try KVM now, by a boot of a cached kernel")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    clean = verbs.add_parser("clean", help="show what the cache holds, or remove some of it")
    what = clean.add_mutually_exclusive_group()
    what.add_argument("--older", metavar="AGE", help="remove what was not used for so long, as 30d")
    keep = "remove least recently used kernels, boots and object folders until no more than this is left, as 10G"
    what.add_argument("--keep-size", metavar="SIZE", help=keep)
    what.add_argument("--all", action="store_true", help="remove everything")
    clean.add_argument("--yes", action="store_true", help="do not ask (with --all)")
    clean.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    clean.add_argument("--json", action="store_true", help="print JSON")


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


def _compare_arguments(verb: argparse.ArgumentParser) -> None:
    side = (
        "a file of a benchmark's results, CSV, JSON, a folder of runs, RUN:ARM, -, or NAME=n,mean,sd as 10,104.9,14.8%%"
    )
    verb.add_argument("sides", nargs="+", metavar="A B", help=f"the baseline, and what is compared with it: {side}")
    verb.add_argument("--history", action="store_true", help="many files in order: where did a metric change?")
    better = "more, less, or METRIC=more: what is better, where the unit does not say it; may be given again"
    verb.add_argument("--better", action="append", default=[], metavar="WORD", help=better)
    verb.add_argument("--paired", action="store_true", help="the values of A and B belong together, one by one")
    pattern = "only metrics like this, as *ops*; several may be given"
    verb.add_argument("--metric", action="append", default=[], metavar="PATTERN", help=pattern)
    verb.add_argument("--limit", default="1%", help="differences up to this do not matter (default: 1%%)")
    verb.add_argument("--alpha", default="0.05", help="chance of a false verdict (default: 0.05)")
    verb.add_argument("--json", action="store_true", help="print JSON")


def _experiment_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, nargs="?", help="an experiment file, as configs/aim7.yaml")
    overrides = "override a key, as guest.cpus=[1]"
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=overrides)


def _change_arguments(verb: argparse.ArgumentParser) -> None:
    change = verb.add_argument_group("a change of your own", "its arms become `without` and `with` it")
    tree = "kernel source instead of the experiment's, as git:/path/to/linux@v6.1"
    change.add_argument("--tree", metavar="TREE", help=tree)
    commits = "the commits of a branch; of --tree's repository, else of the one here"
    change.add_argument("--range", metavar="BASE..HEAD", help=commits)
    change.add_argument("--dirty", action="store_true", help="what the work tree has and HEAD has not")
    patch = "a patch, a mail, an mbox or a quilt series; - reads standard input; several are applied in order"
    change.add_argument("--patch", action="append", default=[], metavar="FILE", help=patch)
