"""The verbs: argv in, an exit code out. Each parses, calls, and prints; it imports itself what is slow to import."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from kit.errors import BAD_INPUT, COULD_NOT_RUN, NOT_AS_EXPECTED, KitError, UserError, step_code
from kit.project import PROJECT

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from typing import Any

    from kit.changes import Change
    from kit.upkeep import Entry

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT = "configs/change.yaml"  # the experiment of a change that comes without one
INTERRUPTED = 130
DISKS_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EACCES, errno.EPERM)


def main(argv: list[str] | None = None) -> int:
    """Runs one verb. Errors of the user's or the machine's are one message on standard error."""
    given = sys.argv[1:] if argv is None else argv
    if next((a for a in given if not a.startswith("-")), "") == "step":
        return _as_step(given)
    return _guarded(_parse(given))


def _as_step(given: list[str]) -> int:
    """`kit step` with the exit codes of `git bisect run`."""
    try:
        options = parser().parse_args(given)
    except SystemExit as end:  # argparse says 2 of what it does not know: for git that would be bad
        return step_code(int(end.code or 0))
    return step_code(_guarded(options))


def _guarded(options: argparse.Namespace) -> int:
    """A verb's exit code, or that of its error."""
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
    except OSError as error:
        if error.errno not in DISKS_FAULTS:
            return _own_mistake(options)
        print(f"kit: {error.filename or 'a file'}: {error.strerror}: free space, or rights to it", file=sys.stderr)
        return COULD_NOT_RUN
    except Exception:
        return _own_mistake(options)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """What `kit shell` runs stands behind `--`: argparse takes no second group of positional arguments."""
    verb = next((a for a in arguments if not a.startswith("-")), "")
    cut = arguments.index("--") if verb == "shell" and "--" in arguments else len(arguments)
    options = parser().parse_args(arguments[:cut])
    options.command = arguments[cut + 1 :]
    return options


def _own_mistake(options: argparse.Namespace) -> int:
    """Says so. Python's own exit code for it is 1, which would say that a patch is worse."""
    traceback.print_exc()
    print("kit: this is a mistake in kit itself, not a verdict", file=sys.stderr)
    return BAD_INPUT if options.verb == "step" else COULD_NOT_RUN  # a step stops there


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
    run.add_argument("--aa", action="store_true", help="the baseline's kernel in every arm: `same` is right")
    run.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    run.set_defaults(call=_run)
    check = verbs.add_parser("check", help="check an experiment file and show its plan, without doing it")
    _experiment_arguments(check)
    check.add_argument("--json", action="store_true", help="print the plan as JSON")
    keys = "explain the keys of an experiment file: all, or one with those in it, as guest or guest.cpus"
    check.add_argument("--keys", nargs="?", const="", metavar="KEY", help=keys)
    check.add_argument("--schema", action="store_true", help="print a JSON schema of experiment files, for editors")
    check.set_defaults(call=_check)
    _bisect_arguments(verbs.add_parser("bisect", help="find the commit or patch that changed a metric"))
    step = verbs.add_parser("step", help="for `git bisect run`: 0 good, 1 bad, 125 neither, 255 stop")
    _experiment_arguments(step)
    step.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    step.set_defaults(call=_step)
    _run_folder_verbs(verbs)
    _shell_arguments(verbs.add_parser("shell", help="a shell, or one command (-- COMMAND), in an arm's kernel"))
    _machine_verbs(verbs)
    completion = verbs.add_parser("completion", help="print a script that completes kit's command line in a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="as in: kit completion bash > FILE")
    completion.set_defaults(call=_completion)
    _compare_arguments(verbs.add_parser("compare", help="the same statistics for numbers that were measured elsewhere"))
    test = verbs.add_parser("test", help="check kit itself")
    test.add_argument("--quick", action="store_true", help="leave out the tests that build and boot kernels")
    test.add_argument("--record", action="store_true", help="write what kernels measured to tests/model/data")
    test.add_argument("pytest_args", nargs="*", help="arguments for pytest, after --")
    test.set_defaults(call=_test)
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
    verb.set_defaults(call=_bisect)


def _run_folder_verbs(verbs: Verbs) -> None:
    show = verbs.add_parser("show", help="show a run's verdict again, how far it came, or one of its boots")
    _run_argument(show)
    boot = "a boot by number or name; without one, the list of all"
    show.add_argument("--boot", nargs="?", const="", metavar="N", help=boot)
    show.set_defaults(call=_show)
    rerun = verbs.add_parser("rerun", help="do one boot of a run again, and compare")
    _run_argument(rerun)
    rerun.add_argument("--boot", required=True, metavar="N", help="a boot by number or name (kit show RUN --boot)")
    rerun.add_argument("--gdb", action="store_true", help="stop the guest before its start, and say how to attach gdb")
    rerun.add_argument("--keep", action="store_true", help="where the guest hangs, leave it for gdb")
    rerun.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run")
    rerun.set_defaults(call=_rerun)


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
    verb.set_defaults(call=_shell)


def _machine_verbs(verbs: Verbs) -> None:
    doctor = verbs.add_parser("doctor", help="what kit needs, and what of it this machine has")
    doctor.add_argument("--kvm", action="store_true", help="try KVM now, by a boot of a cached kernel")
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(call=_doctor)
    clean = verbs.add_parser("clean", help="show what the cache holds, or remove some of it")
    what = clean.add_mutually_exclusive_group()
    what.add_argument("--older", metavar="AGE", help="remove what was not used for so long, as 30d")
    keep = "remove least recently used kernels, boots and object folders until no more than this is left, as 10G"
    what.add_argument("--keep-size", metavar="SIZE", help=keep)
    what.add_argument("--all", action="store_true", help="remove everything")
    clean.add_argument("--yes", action="store_true", help="do not ask (with --all)")
    clean.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    clean.add_argument("--json", action="store_true", help="print JSON")
    clean.set_defaults(call=_clean)


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


def _compare_arguments(verb: argparse.ArgumentParser) -> None:
    side = "CSV, JSON, Go benchmarks, lkp's stats.json or result folder, RUN:ARM, or NAME=n,mean,sd as 10,104.9,14.8%%"
    verb.add_argument("baseline", metavar="A", help=f"the baseline: {side}")
    verb.add_argument("arm", metavar="B", help="what is compared with it, likewise")
    verb.add_argument("--better", choices=("more", "less"), help="what is better (default: by each metric's unit)")
    pattern = "only metrics like this, as *ops*; several may be given"
    verb.add_argument("--metric", action="append", default=[], metavar="PATTERN", help=pattern)
    verb.add_argument("--limit", default="1%", help="differences up to this do not matter (default: 1%%)")
    verb.add_argument("--alpha", default="0.05", help="chance of a false verdict (default: 0.05)")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(call=_compare)


def _experiment_arguments(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("config", type=Path, nargs="?", help="an experiment file, as configs/aim7.yaml")
    overrides = "override a key, as guest.cpus=[1]"
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=overrides)
    change = verb.add_argument_group("a change of your own", "its arms become `without` and `with` it")
    tree = "kernel source instead of the experiment's, as git:/path/to/linux@v6.1"
    change.add_argument("--tree", metavar="TREE", help=tree)
    commits = "the commits of a branch; of --tree's repository, else of the one here"
    change.add_argument("--range", metavar="BASE..HEAD", help=commits)
    change.add_argument("--dirty", action="store_true", help="what the work tree has and HEAD has not")
    patch = "a patch, a mail, an mbox or a quilt series; - reads standard input; several are applied in order"
    change.add_argument("--patch", action="append", default=[], metavar="FILE", help=patch)


def _run(options: argparse.Namespace) -> int:
    from kit.experiment import run_experiment
    from kit.report.progress import choose
    from kit.report.text import render
    from kit.spec import read_experiment
    from kit.store import Cache
    from kit.upkeep import scratch

    config = options.config
    if options.resume:
        if config is not None or options.set or options.aa or _change(options) is not None:
            raise UserError("--resume goes on with what the run's own experiment.yaml says", hint="leave the rest out")
        config = options.resume / "experiment.yaml"
        if not config.is_file():
            raise UserError("not a run that can be resumed: no experiment.yaml in it", where=str(options.resume))
    progress = choose(options.verbose)
    sets = [*options.set, *(["aa=true"] if options.aa else [])]
    with scratch() as inbox:
        change = None if options.resume else _change(options)
        exp = read_experiment(_named(config, change), sets, change, inbox)
        result = run_experiment(exp, Cache(), progress, options.runs, options.resume, fresh=options.fresh)
    if options.json:
        print(json.dumps(result.verdict, indent=2))
    else:
        print(_fitted(render(result.verdict, result.folder)), end="")
    return result.exit_code


def _bisect(options: argparse.Namespace) -> int:
    from kit.bisectverb import Asked, run
    from kit.report.progress import choose

    flags = {"good": options.good, "bad": options.bad, "series": options.series}
    config = None if options.config is None else _named(options.config)
    asked = Asked(config, options.set, flags, options.runs, options.resume, options.log, options.json)
    text, code = run(asked, choose(options.verbose))
    print(text if options.json else _fitted(text), end="")
    return code


def _step(options: argparse.Namespace) -> int:
    from kit.report.progress import choose
    from kit.search.question import read_question
    from kit.step import step
    from kit.store import Cache

    question = read_question(_named(options.config), options.set, {}, whole=False)
    return step(question, Path.cwd(), Cache(), choose(options.verbose))


def _check(options: argparse.Namespace) -> int:
    from kit import keys
    from kit.check import show_plan
    from kit.spec import read_experiment
    from kit.store import Cache
    from kit.upkeep import scratch

    if options.keys is not None:
        found = keys.find(options.keys)
        print(json.dumps(keys.as_json(found), indent=2) if options.json else keys.as_text(found))
        return 0
    if options.schema:
        print(keys.schema_text(), end="")
        return 0
    with scratch() as inbox:
        change = _change(options)
        exp = read_experiment(_named(options.config, change), options.set, change, inbox)
        plan = show_plan(exp, Cache())
    print(json.dumps(plan.as_json(), indent=2) if options.json else plan.as_text())
    return 0


def _model(options: argparse.Namespace) -> int:
    from kit import modelverb
    from kit.report.model import counts, profiles

    if options.what == "profiles":
        if options.profile:
            told = {name: list(modelverb.profile_cells(name)) for name in options.profile}
            print(json.dumps(told, indent=2) if options.json else "\n".join(x for said in told.values() for x in said))
        else:
            rows = modelverb.profile_table()
            print(json.dumps(rows, indent=2) if options.json else profiles(rows))
        return 0
    params = {key: getattr(options, key) for key in ("depth", "forks", "vmas", "mix", "users", "jobs")}
    question = modelverb.ask(options.program, params, options.smaps)
    if options.what == "explain":
        profile = options.profile[0] if options.profile else "6.1"
        said = modelverb.explain(question, profile, options.window, options.steps)
        print(json.dumps({"profile": profile, "lines": said}, indent=2) if options.json else "\n".join(said))
        return 0
    rows = modelverb.count(question, options.profile or ["6.1"])
    print(json.dumps(rows, indent=2) if options.json else counts(rows, question.layout == ()))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from kit.compareverb import Asked, compare
    from kit.report.compare import render_compare
    from kit.schema import fraction

    limit, alpha = (_share(getattr(options, name), f"--{name}", fraction) for name in ("limit", "alpha"))
    shown, code = compare(
        Asked(options.baseline, options.arm, limit, alpha, options.better or "", tuple(options.metric))
    )
    print(json.dumps(shown, indent=2) + "\n" if options.json else _fitted(render_compare(shown)), end="")
    return code


def _share(text: str, where: str, read: Callable[[object], float]) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise UserError(str(error), where=where) from error


def _show(options: argparse.Namespace) -> int:
    from kit import recorded
    from kit.bisectverb import find_bisection, show_bisection
    from kit.report import recorded as report
    from kit.report.text import render
    from kit.store import Cache

    bisection = find_bisection(options.run, options.runs)
    if bisection is not None and options.boot is None:
        print(show_bisection(bisection, as_json=options.json), end="")
        return 0
    folder = recorded.find_run(options.run, options.runs)
    shown: Any
    text: Callable[[Any], str]
    if options.boot:
        exp = recorded.experiment_of(folder)
        shown, text = recorded.boot_shown(folder, recorded.find_boot(folder, options.boot), exp), report.render_boot
    elif options.boot is not None:
        shown, text = recorded.boot_rows(folder), report.render_boots
    elif (verdict := recorded.verdict_of(folder)) is not None:
        shown, text = verdict, lambda found: _fitted(render(found, folder.path))
    else:
        shown, text = recorded.progress_of(folder, Cache()), report.render_progress
    print(json.dumps(shown, indent=2) + "\n" if options.json else text(shown), end="")
    return 0


def _rerun(options: argparse.Namespace) -> int:
    from kit.recorded import find_run
    from kit.report.progress import choose
    from kit.report.recorded import render_rerun
    from kit.rerun import rerun
    from kit.store import Cache

    progress = choose(options.verbose)
    folder = find_run(options.run, options.runs)
    again = rerun(
        folder, options.boot, Cache(), progress, gdb=options.gdb, keep=options.keep, say=progress.note
    ).as_json()
    print(json.dumps(again, indent=2) + "\n" if options.json else render_rerun(again), end="")
    return 0 if again["same"] else NOT_AS_EXPECTED


def _shell(options: argparse.Namespace) -> int:
    from kit.report.progress import choose
    from kit.shell import Wish, shell
    from kit.spec import read_experiment
    from kit.store import Cache

    exp = read_experiment(_named(options.config), options.set)
    command = tuple(options.command)
    wish = Wish(options.arm, command, options.cpus, options.root, options.instrument, options.limit)
    return shell(exp, wish, Cache(), choose(options.verbose))


def _doctor(options: argparse.Namespace) -> int:
    from kit.doctor import examine
    from kit.report.machine import render_doctor
    from kit.report.progress import choose
    from kit.store import Cache

    found = examine(Cache(), choose(False), str(PROJECT), try_kvm=options.kvm)
    shown = found.as_json()
    print(json.dumps(shown, indent=2) + "\n" if options.json else render_doctor(shown), end="")
    return found.exit_code


def _clean(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from kit import upkeep
    from kit.report.machine import render_cache, render_removed
    from kit.store import Cache

    cache = Cache()
    found = upkeep.entries(cache)
    chosen = _chosen(options, found)
    if chosen is None:
        shown = [asdict(e) for e in found]
        text = render_cache(str(cache.root), found, upkeep.size_limit())
        print(json.dumps(shown, indent=2) + "\n" if options.json else text, end="")
        return 0
    if not options.dry_run:
        _confirm(options, cache.root)
        upkeep.sweep(cache)
    done = upkeep.Removed(tuple(chosen), ()) if options.dry_run else upkeep.remove(cache, chosen)
    text = render_removed(done, dry=options.dry_run)
    print(json.dumps(asdict(done), indent=2) + "\n" if options.json else text, end="")
    return 0


def _chosen(options: argparse.Namespace, found: list[Entry]) -> list[Entry] | None:
    """What the options ask to remove; None where they ask for nothing."""
    from kit import upkeep

    if options.all:
        return found
    if options.older is not None:
        return upkeep.older_than(found, upkeep.parse_age(options.older, "--older"))
    if options.keep_size is not None:
        return upkeep.beyond(found, upkeep.parse_size(options.keep_size, "--keep-size"))
    return None


def _confirm(options: argparse.Namespace, where: Path) -> None:
    """Raises UserError unless everything may go."""
    if not options.all or options.yes:
        return
    if sys.stdin.isatty() and input(f"remove all of {where}? [y/N] ").strip().lower() in ("y", "yes"):
        return
    raise UserError("nothing was removed", where="--all", hint="with --yes it is not asked")


def _completion(options: argparse.Namespace) -> int:
    import shtab

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


def _test(options: argparse.Namespace) -> int:
    from kit.selftest import selftest

    return selftest(options.quick, options.record, options.pytest_args)


def _fitted(text: str) -> str:
    """Folded to the terminal that it is printed on; as it is where it goes elsewhere."""
    from kit.report.text import wrapped

    return wrapped(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def _change(options: argparse.Namespace) -> Change | None:
    """The change that the options name; None where they name neither one nor a tree."""
    from kit.changes import Change

    change = Change(options.tree, options.range, options.dirty, tuple(options.patch))
    return change if change.is_one or change.tree is not None else None


def _named(config: Path | None, change: Change | None = None) -> Path:
    if config is None and change is not None and change.is_one:
        return PROJECT / DEFAULT
    if config is None:
        raise UserError("no experiment named", hint="as in `kit run configs/aim7.yaml`; more are in configs/")
    ours = PROJECT / config  # the examples, from wherever kit is called
    return ours if not config.exists() and ours.exists() else config
