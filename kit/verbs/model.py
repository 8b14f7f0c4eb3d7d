"""`kit model`: the reference model asked, its answer printed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kit.base.errors import NOT_AS_EXPECTED, UserError

WHAT = "acquisitions; each step; the table of kernels; every interleaving, held to the rules"


def arguments(verb: argparse.ArgumentParser) -> None:
    """What stands behind `kit model`."""
    verb.add_argument("what", choices=("count", "explain", "profiles", "explore"), help=WHAT)
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
    verb.add_argument("--tasks", type=int, default=2, choices=(1, 2, 3), help="explore: tasks at once (default: 2)")
    verb.add_argument("--start", default="write P", help='explore: as "write P, fork P, exit P"')
    verb.add_argument("--task", action="append", default=[], help='explore: one task of a scene, as "exit P.1"')
    verb.add_argument("--random", type=int, metavar="N", help="explore: N random schedules of larger scenes")
    verb.add_argument("--seed", type=int, default=1, help="explore: the first schedule's seed (default: 1)")
    verb.add_argument("--json", action="store_true", help="print JSON")


def do(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code."""
    from kit.report.model import counts, profiles
    from kit.workload import modelled

    if options.what == "profiles":
        if options.profile:
            told = {name: list(modelled.profile_cells(name)) for name in options.profile}
            print(json.dumps(told, indent=2) if options.json else "\n".join(x for said in told.values() for x in said))
        else:
            rows = modelled.profile_table()
            print(json.dumps(rows, indent=2) if options.json else profiles(rows))
        return 0
    if options.what == "explore":
        return _explore(options)
    params = {key: getattr(options, key) for key in ("depth", "forks", "vmas", "mix", "users", "jobs")}
    question = modelled.ask(options.program, params, options.smaps)
    if options.what == "explain":
        if len(options.profile) > 1:
            raise UserError("one profile is explained at a time", where="--profile")
        profile = options.profile[0] if options.profile else "6.1"
        said = modelled.explain(question, profile, options.window, options.steps)
        print(json.dumps({"profile": profile, "lines": said}, indent=2) if options.json else "\n".join(said))
        return 0
    rows = modelled.count(question, options.profile or ["6.1"])
    print(json.dumps(rows, indent=2) if options.json else counts(rows, question.layout == (), question.left_out))
    return 0


def _explore(options: argparse.Namespace) -> int:
    """What breaks a rule: exit code 1 if anything does."""
    from kit.model.errors import ModelError
    from kit.model.explore import asked
    from kit.report import explore

    names = options.profile or ["6.1"]
    try:
        if options.task:
            rows = [asked.scene(name, options.start, options.task) for name in names]
        elif options.random:
            seeds = range(options.seed, options.seed + options.random)
            rows = [asked.schedules(name, seeds) for name in names]
        else:
            rows = [asked.whole(name, options.tasks) for name in names]
    except ModelError as error:
        raise UserError(str(error)) from error
    print(json.dumps([explore.data(row) for row in rows], indent=2) if options.json else explore.text(rows))
    return NOT_AS_EXPECTED if any(row["findings"] for row in rows) else 0
