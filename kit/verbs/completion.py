"""`kit completion`: prints a script that completes kit's command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit completion`."""
    verb.add_argument("shell", choices=("bash", "zsh", "fish"), help="for example: kit completion bash > FILE")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    import shtab

    from kit.verbs.table import parser

    top = parser()
    waiting = [top]
    while waiting:
        for action in waiting.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
            elif action.type is Path or action.dest == "run":
                folder = action.dest in ("run", "runs", "resume")
                vars(action)["complete"] = shtab.DIRECTORY if folder else shtab.FILE
    print(shtab.complete(top, shell=options.shell))
    return 0
