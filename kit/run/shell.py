"""`kit shell`: runs a shell, or one command, in a guest with an arm's kernel, and returns its exit code."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import Literal

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.base.project import PROJECT
from kit.experiment.arms import FRAGMENTS, ResolvedArm, resolve_arms
from kit.kernel.trust import are_own
from kit.records import ArmSpec, Experiment, Machine
from kit.run import bootrequest
from kit.run.plan import instruments
from kit.run.runner import LocalRunner
from kit.run.workplace import Workplace, workplace
from kit.store.cache import Cache
from kit.store.eviction import scratch
from kit.store.runfolder import RunFolder
from kit.vm.session import Session, size_of
from kit.vm.splats import classify, first_fatal
from kit.workload.load import SESSION
from kit.workload.payload import PATH, Payload
from kit.workload.results import ResultsError, read_session

TOOLS = (
    *("bash", "cat", "chmod", "cp", "date", "dd", "dmesg", "echo", "env", "find", "free", "grep", "head", "id", "kill"),
    *("less", "ls", "mkdir", "mount", "mv", "ps", "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "stty", "tail"),
    *("taskset", "time", "top", "true", "tty", "uname", "uptime", "vi", "wc", "which", "xargs", "yes"),
)
"""The programs that are packed with `--root guest`, if this machine has them."""
COMMAND_SECONDS = 3600.0  # default limit for a command; a shell has none
SIGNALLED = 128  # plus the signal's number: a shell's exit code for a program ended by a signal


@dataclass(frozen=True)
class Wish:
    """What the user asks for. An empty `command` means a shell. `root` None: `host`, but `guest` for an arm with a
    foreign patch, which is shown this machine's files only if asked for. `limit` in seconds."""

    arm: str
    command: tuple[str, ...] = ()
    cpus: int | None = None
    root: Literal["guest", "host", "home"] | None = None
    instrument: str = ""
    limit: float | None = None


def shell(exp: Experiment, wish: Wish, cache: Cache, progress: Progress) -> int:
    """Boots the arm's kernel and runs the shell or the command; its exit code.

    Raises UserError for an unknown arm or instrument and for a shell without a terminal, MachineError if the guest
    fails, BuildError.
    """
    interactive = _interactive(wish)
    own = _alone(exp, wish)
    if wish.root is None:
        wish = replace(wish, root=root_for(exp.arm(wish.arm), progress))
    task = f"{SESSION} session\n" + "".join(f"{line}\n" for line in _payload(wish, interactive).lines())
    with (
        workplace(cache, progress, exp.toolchain) as place,
        scratch() as base,
        place.at(RunFolder.create(base, "shell", "0")),
    ):
        runner = LocalRunner(place)
        arm, instrument = _resolve(own, wish, place)
        kernel = runner.build(arm.builds[instrument])
        accel, why = runner.accel(own.accel, kernel, f"{arm.tree.version} {instrument}", own.arch)
        progress.note(f"{wish.arm} ({instrument}), {accel.upper()}: {why}. Booting …")
        machine = Machine(own.arch, wish.cpus or own.cpus[0], own.memory, accel)
        console, programs = place.folder.console("session"), runner.guest.base_cpio_path
        asked = bootrequest.request(kernel, programs, task, machine, console, conf=_told(interactive))
        seconds = wish.limit or (None if interactive else COMMAND_SECONDS)
        session = bootrequest.session(asked, progress, interactive=interactive, seconds=seconds)
    return _exit_code(session, asked.nonce)


def root_for(arm: ArmSpec, progress: Progress) -> Literal["guest", "host"]:
    """The root of a guest for which none was asked; a note where that is for the patch's sake."""
    if are_own([ref.path for ref in arm.series]):
        return "host"
    progress.note("the patch does not come with kit: the guest has a few packed programs (--root host: this machine's)")
    return "guest"


def _interactive(wish: Wish) -> bool:
    if wish.command:
        return False
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("a shell needs a terminal", hint="without one, give a command: kit shell … -- COMMAND")
    return True


def _alone(exp: Experiment, wish: Wish) -> Experiment:
    """The experiment with this arm only, and a kernel that can run a distribution's programs."""
    if wish.arm not in {a.name for a in exp.arms}:
        raise UserError(f"no arm is called {wish.arm}", hint=f"the arms are {', '.join(a.name for a in exp.arms)}")
    return replace(exp, arms=(exp.arm(wish.arm),), baseline=wish.arm, root="host")


def _resolve(exp: Experiment, wish: Wish, place: Workplace) -> tuple[ResolvedArm, str]:
    instrument = wish.instrument or next(iter(instruments(exp)), "counting")
    if instrument not in FRAGMENTS:
        raise UserError(f"no such instrument: {instrument}", hint=f"there is {', '.join(FRAGMENTS)}")
    arms = resolve_arms(exp, (instrument,), place.tools, PROJECT / "configs", place.cache, place.progress)
    return arms[0], instrument


def _payload(wish: Wish, interactive: bool) -> Payload:
    """The program to start: a shell, or the user's command in a shell."""
    host = wish.root != "guest"
    shell_ = shutil.which("bash") or "/bin/sh"
    if interactive:
        command = [shell_, "-i"]
    elif len(wish.command) == 1:
        command = [shell_, "-c", wish.command[0]]
    else:
        command = [shell_, "-c", 'exec "$@"', shell_, *wish.command]
    env = {"PATH": os.environ.get("PATH", PATH) if host else PATH, "TERM": os.environ.get("TERM", "dumb")}
    env["HOME"] = os.environ.get("HOME", "/root") if host else "/tmp"
    env["PS1"] = rf"kit:{wish.arm} \w \$ "
    tools = [] if host else [t for t in TOOLS if shutil.which(t)]
    return Payload(
        command=tuple(command), folder=os.getcwd() if host else None, files=tuple(tools), env=env,
        root=wish.root or "host", left_behind="kill",
    )  # fmt: skip


def _told(interactive: bool) -> dict[str, str]:
    """The guest's settings: no limit of its own, and the terminal's size."""
    rows, columns = size_of(sys.stdin.fileno()) if interactive else (0, 0)
    return {"limit": "0", "terminal": str(int(interactive)), "rows": str(rows), "columns": str(columns)}


def _exit_code(session: Session, nonce: str) -> int:
    """The program's exit code. Raises MachineError with the end of the console if the guest did not report it."""
    try:
        status, signal = read_session(session.results, nonce)
    except ResultsError as error:
        fatal = first_fatal(classify(session.console))
        what = fatal.title if fatal else session.why or str(error)
        tail = [line.rstrip() for line in session.console.splitlines()[-8:]]
        raise MachineError("\n    ".join([f"the guest ended: {what}", *tail])) from None
    return status if status >= 0 else SIGNALLED + signal

