"""`kit model`: asks the reference model and prints its answer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from kit.base.errors import NOT_AS_EXPECTED, UserError

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.model.explore.findings import Finding
    from kit.model.reading.compared import Reading
    from kit.model.steps import Profile

WHAT = (
    "count: acquisitions; explain: each step; profiles: the kernel generations; explore: check the rules in every"
    " interleaving; read: steps from C source"
)
FILE = "mm/rmap.c"


def arguments(verb: argparse.ArgumentParser) -> None:
    """Adds the options of `kit model`."""
    verb.add_argument("what", choices=("count", "explain", "profiles", "explore", "read"), help=WHAT)
    verb.add_argument("tree", nargs="?", type=Path, help="read, explore, count: a tree whose mm/rmap.c is read")
    verb.add_argument("--patch", type=Path, metavar="FILE", help="read, explore, count: a patch that is read")
    verb.add_argument("--profile", action="append", default=[], help="a kernel generation; several to compare them")
    verb.add_argument("--program", default="fork-chain", help="a workload, or a file (default: fork-chain)")
    verb.add_argument("--smaps", type=Path, metavar="FILE", help="a /proc/PID/smaps: VMAs at the start")
    verb.add_argument("--depth", help="fork-chain: depths, for example 0..8")
    verb.add_argument("--forks", type=int, help="fork-chain: forks in each window")
    verb.add_argument("--vmas", type=int, help="fork-chain: private VMAs")
    verb.add_argument("--mix", help="aim7: a mix")
    verb.add_argument("--users", type=int, help="aim7: users at once")
    verb.add_argument("--jobs", type=int, help="aim7: jobs of each user")
    sets = "any workload: set one of its keys, for example users=[1, 2]"
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=sets)
    verb.add_argument("--window", help="explain: only this window")
    verb.add_argument("--steps", action="store_true", help="explain: links, counters and allocations too")
    tasks = "explore: tasks at once (default: 2, a few seconds a profile; 3: minutes)"
    verb.add_argument("--tasks", type=int, default=2, choices=(1, 2, 3), help=tasks)
    start = 'explore: the operations before the tasks, for example "write P, fork P, exit P"'
    verb.add_argument("--start", default="write P", help=start)
    task = 'explore: the operations of one task of a scene, for example "exit P.1"; may be repeated'
    verb.add_argument("--task", action="append", default=[], help=task)
    verb.add_argument("--random", type=int, metavar="N", help="explore: N random schedules of larger scenes")
    verb.add_argument("--seed", type=int, default=1, help="explore: the first schedule's seed (default: 1)")
    emit = "explore: write the first finding that a guest can do as a program (kit run: a workload `program`)"
    verb.add_argument("--emit", type=Path, metavar="FILE", help=emit)
    promela = "explore: write the scene of --task as Promela, for spin -a"
    verb.add_argument("--promela", type=Path, metavar="FILE", help=promela)
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
    read = _read(options)
    if options.what == "read":
        return _tell(read, options.json)
    if options.what == "explore":
        return _explore(options, read)
    params = {key: getattr(options, key) for key in ("depth", "forks", "vmas", "mix", "users", "jobs")}
    question = modelled.ask(options.program, {**params, **modelled.assigned(options.set)}, options.smaps)
    if options.what == "explain":
        if len(options.profile) > 1:
            raise UserError("one profile is explained at a time", where="--profile")
        profile = options.profile[0] if options.profile else "6.1"
        said = modelled.explain(question, profile, options.window, options.steps)
        print(json.dumps({"profile": profile, "lines": said}, indent=2) if options.json else "\n".join(said))
        return 0
    wanted: list[str | Profile] = [*options.profile]
    rows = modelled.count(question, [*wanted, read.profile] if read else wanted or ["6.1"])
    print(json.dumps(rows, indent=2) if options.json else counts(rows, question.layout == (), question.said))
    return 0


def _explore(options: argparse.Namespace, read: Reading | None) -> int:
    """Prints what breaks a rule; the exit code is 1 if anything does. Raises UserError."""
    from kit.model.errors import ModelError
    from kit.model.explore import asked
    from kit.model.variants import known
    from kit.report import explore

    try:
        kernels = [known(name) for name in options.profile or ([] if read else ["6.1"])]
        kernels += [read.profile] if read else []
        if options.promela is not None:
            return _promela(options, kernels)
        if options.task:
            rows = [asked.scene(kernel, options.start, options.task) for kernel in kernels]
        elif options.random:
            seeds = range(options.seed, options.seed + options.random)
            rows = [asked.schedules(kernel, seeds) for kernel in kernels]
        else:
            rows = [asked.whole(kernel, options.tasks) for kernel in kernels]
    except ModelError as error:
        raise UserError(str(error)) from error
    print(json.dumps([explore.data(row) for row in rows], indent=2) if options.json else explore.text(rows))
    for function, statements in (read.unknown if read else {}).items():
        print(f"{function}: not understood, so not looked at: {'; '.join(statements)}", file=sys.stderr)
    if options.emit is not None:
        _emit(options.emit, [finding for row in rows for finding in row["findings"]])
    return NOT_AS_EXPECTED if any(row["findings"] for row in rows) else 0


def _promela(options: argparse.Namespace, kernels: Sequence[Profile]) -> int:
    """Writes one scene of one kernel for SPIN. Raises UserError, ModelError."""
    from kit.model.explore import asked
    from kit.model.promela.text import promela

    if not options.task or len(kernels) != 1:
        raise UserError("one scene of one profile is written: name it with --task", where="--promela")
    _write(options.promela, promela(kernels[0], [asked.read_scene(options.start, options.task)]))
    print(f"Written to {options.promela}. SPIN: spin -a {options.promela} && gcc -DSAFETY -DNOREDUCE -DVECTORSZ=4096")
    print("  -o pan pan.c && ./pan -n -c0 -E: no line `assertion violated` is no finding")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", where=str(path)) from error


def _emit(path: Path, findings: Sequence[Finding]) -> None:
    """Writes the first finding that a guest can do as a program. Raises UserError where there is none."""
    from kit.model.errors import ModelError
    from kit.model.explore.emitted import emitted

    said: list[str] = []
    for finding in findings:
        try:
            program = emitted(finding)
        except ModelError as error:
            said.append(f"{finding.rule}: {error}")
            continue
        _write(path, program.text())
        told = f"written to {path}: {finding.rule}; in an experiment: workloads: [{{program: {{file: {path}}}}}]"
        print(told, file=sys.stderr)
        return
    raise UserError("; ".join(said) or "nothing was found, so there is nothing to write", where="--emit")


def _read(options: argparse.Namespace) -> Reading | None:
    """What a tree or a patch says, if one is named. Raises UserError."""
    from kit.kernel.debian import makefile_series
    from kit.model.errors import ModelError
    from kit.model.reading.compared import read_patch, read_source

    if options.tree is None and options.patch is None:
        return None
    source = None if options.tree is None else _text(options.tree / FILE if options.tree.is_dir() else options.tree)
    version = "" if options.tree is None else makefile_series(options.tree)
    try:
        if options.patch is not None:
            return read_patch(_text(options.patch), options.patch.name, source, version)
        return read_source(source or "", str(options.tree), version)
    except ModelError as error:
        raise UserError(str(error)) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        hint = "a folder with a kernel's source, or its mm/rmap.c; unpacked trees are in ~/.cache/kit/trees"
        raise UserError(f"cannot read: {error.strerror}", where=str(path), hint=hint) from error


def _tell(read: Reading | None, as_json: bool) -> int:
    """Prints each function beside the profile's; the exit code is 1 if a statement that may lock is not understood."""
    from kit.model.reading.compared import data, told

    if read is None:
        raise UserError("name a tree, or --patch FILE", where="kit model read")
    print(json.dumps(data(read), indent=2) if as_json else "\n".join(told(read)))
    return NOT_AS_EXPECTED if read.unknown else 0
