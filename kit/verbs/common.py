"""What several verbs share: arguments, the experiment and the change that they name, and text fitted to a terminal."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from kit.base.errors import UserError
from kit.base.project import PROJECT

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from kit.experiment.change import Change

ASCII_ROOM = 4  # columns
DEFAULT = "configs/change.yaml"  # the experiment for a change that is given without one


def experiment_arguments(verb: argparse.ArgumentParser) -> None:
    """An experiment file, and --set."""
    verb.add_argument("config", type=Path, nargs="?", help="an experiment file, for example configs/aim7.yaml")
    overrides = "override a key, for example guest.cpus=[1]"
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=overrides)


def change_arguments(verb: argparse.ArgumentParser) -> None:
    """--tree, --range, --dirty and --patch."""
    change = verb.add_argument_group("a change of your own", "the arms become `without` and `with` it")
    tree = "kernel source instead of the experiment's, for example git:/path/to/linux@v6.1"
    change.add_argument("--tree", metavar="TREE", help=tree)
    commits = "the commits of a branch, in the repository of --tree or of the current folder"
    change.add_argument("--range", metavar="BASE..HEAD", help=commits)
    change.add_argument("--dirty", action="store_true", help="the uncommitted changes of the work tree")
    patch = "a patch, a mail, an mbox or a quilt series; - reads standard input; may be repeated, applied in order"
    change.add_argument("--patch", action="append", default=[], metavar="FILE", help=patch)
    each = "every patch, or every commit of the range: each against the one before, and against the base"
    change.add_argument("--each", action="store_true", help=each)


def run_argument(verb: argparse.ArgumentParser) -> None:
    """A run folder, where it is, and --json."""
    verb.add_argument("run", metavar="RUN", help="a run folder, its name, or `last`")
    runs_argument(verb)
    verb.add_argument("--json", action="store_true", help="print JSON")


def runs_argument(verb: argparse.ArgumentParser) -> None:
    """--runs."""
    verb.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders are (default: runs/)")


def report_argument(verb: argparse.ArgumentParser) -> None:
    """--no-report."""
    verb.add_argument("--no-report", action="store_true", help="write no report.html and junit.xml (KIT_NO_REPORT=1)")


def sandbox_argument(verb: argparse.ArgumentParser) -> None:
    """--no-sandbox."""
    text = "build without a sandbox: a tree's Makefile can then read and change all that you can (KIT_NO_SANDBOX=1)"
    verb.add_argument("--no-sandbox", action="store_true", help=text)


def verbose_argument(verb: argparse.ArgumentParser) -> None:
    """-v."""
    verb.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")


def columns() -> int:
    """The columns of the terminal on standard output, 0 if it is none; fewer where ASCII replacements take room."""
    if not sys.stdout.isatty():
        return 0
    return shutil.get_terminal_size().columns - (0 if sys.stdout.encoding.lower().startswith("utf") else ASCII_ROOM)


def fitted(text: str) -> str:
    """The text folded to the terminal on standard output; unchanged if that is not a terminal."""
    from kit.base.streams import shown
    from kit.report.text import wrapped

    return wrapped(shown(text), columns()) if sys.stdout.isatty() else text


def change_of(options: argparse.Namespace) -> Change | None:
    """The change that the options name; None if they name neither a change nor a tree."""
    from kit.experiment.change import Change

    change = Change(options.tree, options.range, options.dirty, tuple(options.patch), options.each)
    return change if change.is_one or change.each or change.tree is not None else None


def named(config: Path | None, change: Change | None = None) -> Path:
    """The experiment file to read. kit's own files are found from any folder. Raises UserError if none is named."""
    if config is None and change is not None and change.is_one:
        return PROJECT / DEFAULT
    if config is None:
        raise UserError("no experiment named", hint="for example configs/aim7.yaml; more are in configs/")
    ours = PROJECT / config
    return ours if not config.exists() and ours.exists() else config
