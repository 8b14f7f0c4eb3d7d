"""The verbs: argv in, an exit code out. Each parses, calls, and prints; it imports itself what is slow to import."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kit.arguments import parser
from kit.errors import BAD_INPUT, COULD_NOT_RUN, NOT_AS_EXPECTED, KitError, UserError, step_code
from kit.project import PROJECT

TYPE_CHECKING = False  # typing's own costs 7 ms of every start
if TYPE_CHECKING:
    from typing import Any

    from kit.changes import Change
    from kit.upkeep import Entry


DEFAULT = "configs/change.yaml"  # the experiment of a change that comes without one
INTERRUPTED = 130
DEADLY = (signal.SIGTERM, signal.SIGHUP)
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
    ended_by: list[int] = []
    try:
        with ending(ended_by):
            return VERBS[options.verb](options)
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        by = f" by {signal.Signals(ended_by[-1]).name}" if ended_by else ""
        with suppress(OSError):  # the terminal may be the one that went away
            print("\n  ".join([f"kit: interrupted{by}", *map(str, interrupt.args)]), file=sys.stderr)
        return 128 + ended_by[-1] if ended_by else INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except OSError as error:
        if error.errno not in DISKS_FAULTS:
            return _own_mistake(options)
        where = error.filename or "standard output, or a file"
        print(f"kit: {where}: {error.strerror}: free space, or rights to it", file=sys.stderr)
        return COULD_NOT_RUN
    except Exception:
        return _own_mistake(options)


@contextmanager
def ending(ended_by: list[int]) -> Iterator[None]:
    """SIGTERM (a cancelled job, systemd) and SIGHUP (a closed terminal) end a verb as Ctrl-C does: with the word how to
    go on. Which came is added to `ended_by`. One that was ignored before (nohup) stays so."""

    def end(number: int, frame: object) -> None:
        ended_by.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [n for n in DEADLY if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        if len(options.profile) > 1:
            raise UserError("one profile is explained at a time", where="--profile")
        profile = options.profile[0] if options.profile else "6.1"
        said = modelverb.explain(question, profile, options.window, options.steps)
        print(json.dumps({"profile": profile, "lines": said}, indent=2) if options.json else "\n".join(said))
        return 0
    rows = modelverb.count(question, options.profile or ["6.1"])
    print(json.dumps(rows, indent=2) if options.json else counts(rows, question.layout == (), question.left_out))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from kit.compareverb import Asked, compare
    from kit.historyverb import AskedHistory, history
    from kit.report.compare import render_compare
    from kit.report.history import render_history
    from kit.schema import fraction

    limit, alpha = (_share(getattr(options, name), f"--{name}", fraction) for name in ("limit", "alpha"))
    better, metrics, sides = tuple(options.better), tuple(options.metric), tuple(options.sides)
    if options.history:
        if options.paired:
            raise UserError("a history has no pairs", where="--paired")
        shown, code = history(AskedHistory(sides, limit, alpha, better, metrics))
        text = render_history
    elif len(sides) == 2:
        shown, code = compare(Asked(*sides, limit, alpha, better, metrics, options.paired))
        text = render_compare
    else:
        raise UserError(f"two sides are compared, not {len(sides)}", where="kit compare", hint="--history takes many")
    print(json.dumps(shown, indent=2) + "\n" if options.json else _fitted(text(shown)), end="")
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


VERBS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "check": _check,
    "bisect": _bisect,
    "step": _step,
    "show": _show,
    "rerun": _rerun,
    "shell": _shell,
    "doctor": _doctor,
    "clean": _clean,
    "completion": _completion,
    "compare": _compare,
    "test": _test,
    "model": _model,
}


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
        raise UserError("no experiment named", hint="as in configs/aim7.yaml; more are in configs/")
    ours = PROJECT / config  # the examples, from wherever kit is called
    return ours if not config.exists() and ours.exists() else config
