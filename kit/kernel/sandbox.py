"""The sandbox of commands that a source tree provides (its Makefile, its scripts): bubblewrap, with limits.

Inside are the system's programs, read-only, the paths that are asked for, a private /tmp, an empty home and no network.
All processes end with the command. Paths are the same as outside, so that objects made there are good here.

A build of root's runs as NOBODY. It must not be root in a user namespace of its own: for /proc/sys that is still root,
and it could set the host's kernel.core_pattern (seen with bubblewrap 0.8.0, whose /proc/sys is writable).
"""

from __future__ import annotations

import functools
import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.progress import Progress
from kit.setup.packages import NO_SANDBOX
from kit.store.files import machine_errors

OFF = NO_SANDBOX  # if set, nothing is enclosed
PROGRAM = "bwrap"
NOBODY = 65534
GIVES_UP = (
    "builds run without a sandbox: a tree's Makefile can read and change all that you can, kernels and boots in the"
    " cache too, and reach the network"
)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store")
SETTINGS = (  # all that programs see of /etc
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"),
    *("/etc/ccache.conf", "/etc/ssl/openssl.cnf"),
)
HOME = "/tmp/home"
LEFT = "kit: left running: "
"""What the output says before the name of each process that a command left running inside, which has then ended."""
_LAST = f"""\
"$@"; status=$?
for p in /proc/[1-9]*; do
    case ${{p#/proc/}} in 1|$$) continue;; esac
    read -r name 2>/dev/null <$p/comm && echo "{LEFT}$name"
done
exit $status
"""
TRY_SECONDS = 10
GIB = 1 << 30


@dataclass(frozen=True)
class Bounds:
    """What one build may take: `memory` of a process, and of all together (`whole`), its `processes` and threads, one
    `file`, the private /tmp (`scratch`), new files on the `disk`, and what it prints (`output`). Bytes."""

    memory: int
    whole: int
    processes: int
    file: int
    scratch: int
    disk: int = 40 * GIB
    output: int = 128 << 20
    reserve: int = GIB // 2  # that stays free on the disk


@functools.cache
def bounds() -> Bounds:
    """The bounds on this machine: no process may have more memory than the machine has, or 16 GiB where it has less;
    all together may have three quarters of it, or of what the container has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    processes = max(4096, 64 * (os.cpu_count() or 1))
    whole = min(memory, _container()) * 3 // 4
    return Bounds(max(memory, 16 * GIB), whole, processes, file=16 * GIB, scratch=min(4 * GIB, memory // 4))


def _container() -> int:
    """The memory that a control group leaves this process, as a container has it; more than any machine has if none
    does (control group v2, memory.max)."""
    try:
        said = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        said = ""
    return int(said) if said.isdecimal() else 1 << 60


@dataclass(frozen=True)
class Sandbox:
    """A way to enclose commands. `drops`: from root to NOBODY."""

    program: str
    drops: bool

    def prefix(
        self, env: Mapping[str, str], read: Mapping[Path, Path], write: Mapping[Path, Path], tools: Sequence[str] = ()
    ) -> list[str]:
        """What to put before a command. `env`: the environment besides PATH, HOME and the like; `read`, `write`: path
        inside → path outside; `tools`: programs that must be found inside."""
        binds = [("--ro-bind", p, p) for p in _beside_system(tools)]
        binds += [("--ro-bind", inside, outside) for inside, outside in read.items()]
        binds += [("--bind", inside, outside) for inside, outside in write.items()]
        fixed = {
            "PATH": os.environ.get("PATH", os.defpath), "HOME": HOME, "TMPDIR": "/tmp", "LC_ALL": "C", "USER": "kit",
            "LOGNAME": "kit", "SHELL": "/bin/sh",
        }  # fmt: skip
        return [
            *_limits(),
            self.program,
            *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
            *("--hostname", "kit", "--die-with-parent", "--cap-drop", "ALL"),
            *self._identity(),
            *_system(),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--size", str(bounds().scratch), "--tmpfs", "/tmp", "--perms", "0777", "--dir", HOME),
            *_folders([inside for _, inside, _ in binds]),
            *(str(word) for how, inside, outside in binds for word in (how, outside, inside)),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--clearenv"),
            *(word for name, value in {**fixed, **env}.items() for word in ("--setenv", name, value)),
            "--",
            *self._drop(),
            *("sh", "-c", _LAST, "sh"),
        ]

    def _identity(self) -> list[str]:
        if self.drops:
            return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        return ["--unshare-user", "--disable-userns"]

    def _drop(self) -> list[str]:
        who = str(NOBODY)
        return ["setpriv", "--reuid", who, "--regid", who, "--clear-groups", "--"] if self.drops else []

    @property
    def uid(self) -> int:
        """The user whose files those are that a command makes."""
        return NOBODY if self.drops else os.geteuid()


@dataclass(frozen=True)
class Found:
    """The sandbox, or None and `why` there is none; `asked`: the user wants none."""

    sandbox: Sandbox | None
    why: str = ""
    asked: bool = False


def find() -> Found:
    """This machine's sandbox, tried once with an empty command; none if KIT_NO_SANDBOX is set."""
    if os.environ.get(OFF):
        return Found(None, f"{OFF} is set", asked=True)
    return _found(shutil.which(PROGRAM), os.geteuid())


@functools.cache
def _found(program: str | None, uid: int) -> Found:
    if program is None:
        return Found(None, "bubblewrap (bwrap) is not installed")
    sandbox = Sandbox(program, drops=uid == 0)
    argv = [*sandbox.prefix({}, {}, {}), "test", "!", "-w", "/proc/sys/kernel/core_pattern"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRY_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Found(None, f"bubblewrap cannot be started: {error}")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return (
        Found(None, f"bubblewrap fails here: {said[-1] if said else done.returncode}")
        if done.returncode
        else Found(sandbox)
    )


def enclosure(foreign: bool, progress: Progress, where: str) -> Sandbox | None:
    """The sandbox for a build; None for a build without. What that gives up is said once per run.

    Raises MachineError for a foreign source where there is none, unless the user wants none."""
    found = find()
    if found.sandbox is not None:
        return found.sandbox
    if foreign and not found.asked:
        raise no_sandbox(found, where)
    progress.once(f"{GIVES_UP} ({found.why})")
    return None


def no_sandbox(found: Found, where: str) -> MachineError:
    """The error for a foreign source that nothing holds."""
    hint = (
        "a foreign patch may change what make runs. Install bubblewrap, allow user namespaces, or use --no-sandbox"
        f" ({OFF}=1) where this machine may be risked, as in a container for it alone"
    )
    return MachineError(f"no sandbox for a foreign patch: {found.why}", where=where, hint=hint)


def _limits() -> list[str]:
    """An empty environment, and limits that the command and its children inherit; the kernel ends them first where
    memory runs out."""
    most = bounds()
    wanted = {"as": most.memory, "nproc": most.processes, "fsize": most.file, "core": 0}
    options = [f"--{name}={_lower(name, value)}" for name, value in wanted.items()]
    # bwrap stays as the first process inside, where a build of the same user may read its environment in /proc.
    bare = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}"]
    return [*bare, "choom", "-n", "500", "--", "prlimit", *options, "--"]


def _lower(name: str, value: int) -> int:
    """The value, or the limit that is in force if that is lower."""
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[0]
    return value if hard == resource.RLIM_INFINITY else min(hard, value)


def _system() -> list[str]:
    """The system's programs and libraries, and the few settings that they need."""
    out = []
    for path in SYSTEM:
        if os.path.islink(path):
            out += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            out += ["--ro-bind", path, path]
    there = [Path(p) for p in SETTINGS if os.path.exists(p)]
    return [*out, *_folders(there), *(word for p in there for word in ("--ro-bind", str(p), str(p)))]


def _beside_system(tools: Sequence[str]) -> list[Path]:
    """The folders of tools that the system's do not hold: of /home/me/gcc/bin/gcc its prefix, /home/me/gcc."""
    out: list[Path] = []
    for tool in tools:
        place = Path(shutil.which(tool) or "/usr")
        for file in (place, place.resolve()):
            if any(file.is_relative_to(p) for p in (*map(Path, SYSTEM), *out)):
                continue
            prefix = file.parent.parent if file.parent.name == "bin" else file.parent
            homes = (Path.home(), Path(os.environ.get("HOME", "/")))
            out.append(file if prefix == Path("/") or any(h.is_relative_to(prefix) for h in homes) else prefix)
    return out


def _folders(places: Sequence[Path]) -> list[str]:
    """Makes the folders above these places, which every user may enter (bubblewrap's own are for their maker)."""
    above = dict.fromkeys(p for place in places for p in reversed(place.parents) if p not in (Path("/"), Path("/tmp")))
    return [word for p in above for word in ("--perms", "0755", "--dir", str(p))]


def own(folder: Path, uid: int) -> None:
    """Gives a folder and all in it to a user, if this process may; the folder itself last: that it is the user's means
    that all in it is."""
    if folder.stat().st_uid == uid or os.geteuid() != 0:
        return
    with machine_errors(folder):
        for base, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(os.path.join(base, name), uid, uid, follow_symlinks=False)
        os.chown(folder, uid, uid, follow_symlinks=False)
