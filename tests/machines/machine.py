"""A fresh Debian in a folder: a suite in, a machine out in which README's two commands are typed as any user does.

    python3 tests/machines/machine.py trixie --user root        # needs root and debootstrap; DIR: /var/tmp/kit-machines

The machine is debootstrap's smallest, with python and certificates. What this machine's apt and pip are told (proxies,
certificates, indexes) they are told there too; nothing else of this machine is seen. The exit code is that of the first
command that does not end with 0.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = Path("/var/tmp/kit-machines")
SUITES = ("bookworm", "trixie", "sid")
WITH_SECURITY = ("bookworm", "trixie")
PLAIN = "somebody"
UID = 1000
COMMANDS = {"run": ["python3", "kit", "run", "configs/aim7.yaml"], "test": ["python3", "kit", "test", "--quick"]}
"""README's two; the second without what builds and boots kernels."""
LIMIT = 4 * 3600  # seconds for one command
INSTALL = re.compile(r"install it with: su -c '([^']+)'")
NETWORK = re.compile(r"(PIP_|.*_proxy$|.*_PROXY$|SSL_CERT_|REQUESTS_CA_BUNDLE$|CURL_CA_BUNDLE$|GIT_SSL_)")
INSIDE = """\
set -e
mount --make-rprivate /
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys" || true
root=$1 user=$2
shift 2
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --rbind -o ro "$1" "$root$1"; shift; done
shift
[ "$user" = 0 ] || exec chroot "--userspec=$user:$user" "$root" "$@"
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Done:
    """How a command ended there: exit status, seconds, and the file with what it printed."""

    command: str
    status: int
    seconds: float
    log: str


@dataclass(frozen=True)
class Machine:
    """A Debian below `root`, and one of its users."""

    suite: str
    root: Path
    user: str

    @property
    def uid(self) -> int:
        """The user's number."""
        return 0 if self.user == "root" else UID

    @property
    def home(self) -> str:
        """The user's folder, as seen there."""
        return "/root" if self.uid == 0 else f"/home/{self.user}"

    def run(self, argv: Sequence[str], log: Path, *, cwd: str = "/", uid: int | None = None) -> Done:
        """Types a command there."""
        who = self.uid if uid is None else uid
        home = self.home if who == self.uid else "/root"
        known = {"HOME": home, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"}
        variables = {**{k: v for k, v in os.environ.items() if NETWORK.match(k)}, **known}
        inner = ["env", "-i", *(f"{k}={v}" for k, v in variables.items()), "sh", "-c"]
        inner += [f"cd {shlex.quote(cwd)} && exec {shlex.join(argv)}"]
        outer = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh"]
        outer += [str(self.root), str(who), *pip_folders(), "--", *inner]
        begin = time.monotonic()
        with log.open("ab") as out:
            out.write(f"$ {shlex.join(argv)}\n".encode())
            out.flush()
            done = subprocess.run(outer, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=LIMIT, check=False)
        return Done(shlex.join(argv), done.returncode, time.monotonic() - begin, str(log))


def make(suite: str, user: str, folder: Path) -> Machine:
    """The machine of a suite, anew from debootstrap's (kept in `folder`, as a tar file)."""
    folder.mkdir(parents=True, exist_ok=True)
    base, root = folder / f"{suite}.tar", folder / f"{suite}-{user}"
    if not base.exists():
        bootstrap(suite, base)
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    subprocess.run(["tar", "-x", "-f", str(base), "-C", str(root)], check=True)
    tell(root, suite)
    machine = Machine(suite, root, user)
    if machine.uid:
        add = f"useradd -m -u {UID} -s /bin/bash {shlex.quote(user)}"
        subprocess.run(["chroot", str(root), "sh", "-c", add], check=True)
    own = Path.home() / ".config/pip/pip.conf"
    if own.exists():
        target = Path(f"{root}{machine.home}/.config/pip/pip.conf")
        target.parent.mkdir(parents=True)
        shutil.copy(own, target)
        give(machine, f"{machine.home}/.config")
    return machine


def bootstrap(suite: str, base: Path) -> None:
    """debootstrap's smallest system with python, as a tar file."""
    root = base.with_suffix(".new")
    if root.exists():
        shutil.rmtree(root)
    argv = ["debootstrap", "--variant=minbase", "--include=ca-certificates,python3", suite, str(root), mirror()]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    draft = base.with_suffix(".part")
    subprocess.run(["tar", "-c", "-f", str(draft), "-C", str(root), "."], check=True)
    draft.rename(base)
    shutil.rmtree(root)


def mirror() -> str:
    """Debian's archive as this machine's apt has it, else the public mirror."""
    found = re.findall(r"^Debian\|Debian\|(\S+?)/*$", said("apt-get", "indextargets", "--format", TARGET), re.MULTILINE)
    return found[0] if found else "http://deb.debian.org/debian"


TARGET = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"


def said(*argv: str) -> str:
    """What a command prints; nothing where it is not here."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def tell(root: Path, suite: str) -> None:
    """Tells the machine's apt and pip what this machine's are told, and how to reach the network."""
    lines = [f"deb {mirror()} {suite} main"]
    if suite in WITH_SECURITY:
        lines.append(f"deb {mirror()}-security {suite}-security main")
    (root / "etc/apt/sources.list").write_text("\n".join([*lines, ""]))
    (root / "etc/dpkg/dpkg.cfg.d/90quick").write_text("force-unsafe-io\n")
    told = [line for line in said("apt-config", "dump", "Acquire").splitlines() if "::IndexTargets" not in line]
    (root / "etc/apt/apt.conf.d/90told").write_text("\n".join([*told, ""]))
    for name in ("/etc/hosts", "/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"):
        if os.path.exists(name):
            (root / name[1:]).unlink(missing_ok=True)
            shutil.copy(name, root / name[1:])
    if os.path.isdir("/etc/xdg/pip"):
        shutil.copytree("/etc/xdg/pip", root / "etc/xdg/pip", dirs_exist_ok=True)


def pip_folders() -> list[str]:
    """Folders of this machine that pip's configuration names."""
    words = said("pip", "config", "list").replace("'", " ").replace("\\n", " ").split()
    words += [word for name, value in os.environ.items() if name.startswith("PIP_") for word in value.split()]
    paths = {word.removeprefix("file://") for word in words}
    return sorted({path.removesuffix("/simple") for path in paths if path.startswith("/") and os.path.isdir(path)})


def put_project(machine: Machine) -> str:
    """The project as it stands here, without what is not kept; its place there."""
    place = f"{machine.home}/kit"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (PROJECT / name).exists():
            target = Path(f"{machine.root}{place}", name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # of the last time: a link is not written over
            shutil.copy(PROJECT / name, target, follow_symlinks=False)
    give(machine, place)
    return place


def put_cache(machine: Machine, cache: Path) -> None:
    """kit's cache of another user of the same system, so that nothing is built twice."""
    target = Path(f"{machine.root}{machine.home}/.cache/kit")
    shutil.copytree(cache, target, symlinks=True, dirs_exist_ok=True)
    give(machine, f"{machine.home}/.cache")


def give(machine: Machine, place: str) -> None:
    """A folder to the machine's user."""
    subprocess.run(["chown", "-R", f"{machine.uid}:{machine.uid}", f"{machine.root}{place}"], check=True)


def type_all(machine: Machine, commands: Sequence[str], logs: Path) -> Iterator[Done]:
    """README's commands in order. Where a plain user is told what root has to type, root types it, once."""
    place = put_project(machine)
    logs.mkdir(parents=True, exist_ok=True)
    for name in commands:
        log = logs / f"{machine.suite}-{machine.user}-{name}.log"
        log.unlink(missing_ok=True)
        done = machine.run(COMMANDS[name], log, cwd=place)
        while done.status == 4 and machine.uid and (told := INSTALL.search(log.read_text(errors="replace"))):
            log.rename(log.with_suffix(".told.log"))
            yield machine.run(["sh", "-c", told[1]], log, uid=0)
            done = machine.run(COMMANDS[name], log, cwd=place)
        yield done


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--user", default="root", help=f"root, or the name of a plain user, as {PLAIN}")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--cache", type=Path, help="kit's cache of another user of this system, to start from")
    parser.add_argument("--command", choices=COMMANDS, action="append", help="only this one; default: both")
    parser.add_argument("--there", action="store_true", help="in the machine of the last time, as it was left")
    options = parser.parse_args()
    root = options.folder / f"{options.suite}-{options.user}"
    left = Machine(options.suite, root, options.user) if options.there and root.exists() else None
    machine = left or make(options.suite, options.user, options.folder)
    if options.cache:
        put_cache(machine, options.cache)
    for done in type_all(machine, options.command or list(COMMANDS), options.folder / "logs"):
        print(json.dumps(done.__dict__), flush=True)
        if done.status:
            return done.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
