"""`kit history`: the runs of a folder, what changed over them, and which tests flip."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit history`."""
    verb.add_argument("folder", type=Path, nargs="?", default=Path("runs"), help="a folder of runs (default: runs/)")
    pattern = "only metrics like this, as *fork-chain*; may be given again"
    verb.add_argument("--metric", action="append", default=[], metavar="PATTERN", help=pattern)
    verb.add_argument(
        "--html", type=Path, metavar="FOLDER", help="write a static site there: index, runs, history, flakes"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.verbs.historied import AskedRuns, as_json, as_text, look, write_site

    asked = AskedRuns(options.folder, options.metric, options.html)
    seen = look(asked)
    if options.html is not None:
        print(write_site(seen, asked)[0])
    elif options.json:
        print(json.dumps(as_json(seen), indent=2))
    else:
        print(as_text(seen), end="")
    return 0
