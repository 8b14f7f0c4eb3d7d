"""`kit clean`: prints what the cache holds, or removes some of it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from kit.base.errors import UserError

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from kit.store.eviction import Entry


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit clean`."""
    what = verb.add_mutually_exclusive_group()
    what.add_argument("--older", metavar="AGE", help="remove what was not used for this long, for example 30d")
    keep = "remove the least recently used kernels, boots and object folders until no more than this is left (10G)"
    what.add_argument("--keep-size", metavar="SIZE", help=keep)
    what.add_argument("--all", action="store_true", help="remove everything")
    verb.add_argument("--yes", action="store_true", help="do not ask (with --all)")
    verb.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    verb.add_argument("--json", action="store_true", help="print JSON")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from dataclasses import asdict

    from kit.report.machine import render_cache, render_removed
    from kit.store import eviction
    from kit.store.cache import Cache

    cache = Cache()
    found = eviction.entries(cache)
    chosen = _chosen(options, found)
    if chosen is None:
        shown = [asdict(e) for e in found]
        text = render_cache(str(cache.root), found, eviction.size_limit())
        print(json.dumps(shown, indent=2) + "\n" if options.json else text, end="")
        return 0
    if not options.dry_run:
        _confirm(options, cache.root)
        eviction.sweep(cache)
    done = eviction.Removed(tuple(chosen), ()) if options.dry_run else eviction.remove(cache, chosen)
    text = render_removed(done, dry=options.dry_run)
    print(json.dumps(asdict(done), indent=2) + "\n" if options.json else text, end="")
    return 0


def _chosen(options: argparse.Namespace, found: list[Entry]) -> list[Entry] | None:
    """What the options ask to remove; None where they ask for nothing."""
    from kit.store import eviction

    if options.all:
        return found
    if options.older is not None:
        return eviction.older_than(found, eviction.parse_age(options.older, "--older"))
    if options.keep_size is not None:
        return eviction.beyond(found, eviction.parse_size(options.keep_size, "--keep-size"))
    return None


def _confirm(options: argparse.Namespace, where: Path) -> None:
    """Raises UserError unless everything may go."""
    if not options.all or options.yes:
        return
    if sys.stdin.isatty() and input(f"remove all of {where}? [y/N] ").strip().lower() in ("y", "yes"):
        return
    raise UserError("nothing was removed", where="--all", hint="--yes removes without asking")
