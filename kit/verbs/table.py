"""Every verb of kit, and the parser for all of them. A verb is a module of this folder and a row here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from kit import __version__
from kit.verbs import (
    bisect,
    blamehunk,
    check,
    checkmail,
    clean,
    compare,
    completion,
    doctor,
    help,
    history,
    matrix,
    model,
    report,
    rerun,
    run,
    shell,
    show,
    step,
    test,
)

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from types import ModuleType

VERBS: Mapping[str, tuple[ModuleType, str]] = {
    "run": (run, "run an experiment and give its verdict"),
    "check": (check, "check an experiment file and show its plan, without running it"),
    "bisect": (bisect, "find the commit or patch that changed a metric"),
    "matrix": (matrix, "run an experiment over trees, toolchains, machines or any other keys"),
    "blame-hunk": (blamehunk, "find the part of a run's patch that carries its verdict"),
    "step": (step, "for `git bisect run`: 0 good, 1 bad, 125 neither, 255 stop"),
    "show": (show, "show a run's verdict again, how far it came, or one of its boots"),
    "report": (report, "write a report of a run, or of several: for people, for a CI, or for a mailing list"),
    "history": (history, "the runs of a folder: what changed over them, and which tests flip"),
    "rerun": (rerun, "do one boot of a run again, and compare"),
    "check-mail": (checkmail, "for b4: check a patch from a mail on standard input, print the checks as JSON"),
    "shell": (shell, "open a shell, or run one command (-- COMMAND), in an arm's kernel"),
    "doctor": (doctor, "show what kit needs, and whether this machine has it"),
    "clean": (clean, "show what the cache holds, or remove some of it"),
    "completion": (completion, "print a script that completes kit's command line in a shell"),
    "compare": (compare, "compare numbers that were measured elsewhere, by the same statistics"),
    "test": (test, "check kit itself"),
    "model": (model, "ask the reference model: no kernel is needed"),
    "help": (help, "show a page: experiment files, verdicts, evidence and more"),
}


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The command line of kit. `verb`: the only one whose arguments are needed; None: those of all."""
    top = argparse.ArgumentParser(
        prog="kit",
        description="Does this patch make the kernel better, and is that consistent and not a fluke?",
        epilog="exit codes: 0 as expected, 1 not as expected, 2 bad input, 3 inconclusive, 4 could not run."
        " kit help lists the pages.",
    )
    top.add_argument("--version", action="version", version=f"kit {__version__}")
    top.add_argument("--no-install", action="store_true", help="never install system packages, only name them")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (module, about) in VERBS.items():
        own = verbs.add_parser(name, help=about)
        if verb in (None, name):
            module.arguments(own)
    return top


def doing(verb: str) -> Callable[[argparse.Namespace], int]:
    """The function that runs a verb: parsed arguments in, an exit code out."""
    found: Callable[[argparse.Namespace], int] = VERBS[verb][0].do
    return found
