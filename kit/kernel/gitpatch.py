"""Runs git's own readers of patches and mails: `git apply`, `mailsplit` and `mailinfo`.

git decides what applies and which bytes result, so kit agrees with `git am`. It runs in a temporary folder, outside any
repository, without configuration, attributes or hooks of the user or the system.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kit.base.errors import MachineError
from kit.kernel.content import Link

LIMIT = 120.0  # seconds for one call
FIRST_STRIP = 1


@dataclass(frozen=True)
class Said:
    """The result of a git command: exit status, stdout, stderr."""

    status: int
    out: bytes
    err: str


@dataclass(frozen=True)
class Outcome:
    """The result of `git apply`. `taken`: whether it applied; `after`: path → content of every file afterwards, None
    for a removed one (empty if git refused); `err`: git's messages."""

    taken: bool
    after: Mapping[str, bytes | None]
    err: str


@contextmanager
def folder() -> Iterator[Path]:
    """An empty temporary folder. Raises MachineError if the disk refuses."""
    try:
        with tempfile.TemporaryDirectory(prefix="kit-patch-", ignore_cleanup_errors=True) as name:
            place = Path(name).resolve() / "tree"
            place.mkdir()
            yield place
    except OSError as error:
        hint = "is the disk full? TMPDIR names another folder"
        raise MachineError(f"no temporary files: {error.strerror}", where=tempfile.gettempdir(), hint=hint) from error


def call(arguments: Sequence[str], place: Path, data: bytes = b"") -> Said:
    """Runs git in `place`, with the folder above it as HOME. Raises MachineError if git is missing or takes longer
    than LIMIT."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            input=data,
            capture_output=True,
            cwd=place,
            env=_environment(place.parent),
            timeout=LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise MachineError("git is not installed", hint="install git: it reads the patches") from None
    except subprocess.TimeoutExpired:
        raise MachineError(f"git {arguments[0]} did not end within {LIMIT:.0f} s") from None
    return Said(done.returncode, done.stdout, done.stderr.decode("utf-8", "surrogateescape"))


def _environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(home),  # no repository above is found
    }


def strip_option(strip: int) -> list[str]:
    """The `-pN` option; none for git's default of 1: then git guesses, as `git am` does, for names without folders."""
    return [] if strip == FIRST_STRIP else [f"-p{strip}"]


@lru_cache(maxsize=256)
def paths_of(text: bytes, strip: int) -> tuple[tuple[str, ...], str]:
    """The files that a patch changes, in its order, and "". If git cannot read the patch: no files, and its message."""
    with folder() as place:
        said = call(["apply", "--numstat", "-z", *strip_option(strip), "-"], place, text)
    if said.status:
        return (), said.err or "error: it cannot be read\n"
    rows = [row.split(b"\t", 2) for row in said.out.split(b"\0") if row]
    return tuple(os.fsdecode(row[2]) for row in rows if len(row) == 3), ""


def apply(text: bytes, strip: int, reverse: bool, before: Mapping[str, bytes]) -> Outcome:
    """Runs `git apply` on files (path → content, Link for a symbolic link). No fuzz, but hunks may be shifted."""
    with folder() as place:
        for path, content in before.items():
            _put(place / path, content)
        options = ["-v", "--whitespace=nowarn", *strip_option(strip), *["-R"] * reverse]
        said = call(["apply", *options, "-"], place, text)
        if said.status:
            return Outcome(False, {}, said.err)
        found = dict(_files(place))
    return Outcome(True, {**dict.fromkeys(before), **found}, said.err)


def _put(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Link):
        target.symlink_to(os.fsdecode(bytes(content)))
    else:
        target.write_bytes(content)


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    for base, folders, names in os.walk(place):
        for name in [*names, *(f for f in folders if Path(base, f).is_symlink())]:
            path = Path(base, name)
            content = Link(os.fsencode(os.readlink(path))) if path.is_symlink() else path.read_bytes()
            yield str(path.relative_to(place)), content


def split(data: bytes) -> list[bytes]:
    """The mails of an mbox (or the single mail), split as `git am` does; line ends are kept."""
    with folder() as place:
        said = call(["mailsplit", "-d9", "-b", "--keep-cr", f"-o{place}"], place, data)
        parts = [path.read_bytes() for path in sorted(place.iterdir())]
    return parts if parts and not said.status else [data]


@dataclass(frozen=True)
class Info:
    """A mail as `git mailinfo` reads it: subject with its tags, author, date as written, commit message and patch."""

    subject: str
    author: str
    date: str
    message: str
    patch: bytes


def split_maildir(place: Path) -> list[bytes]:
    """The mails of a maildir, in the order of `git am`."""
    with folder() as out:
        call(["mailsplit", "-d9", "-b", "--keep-cr", f"-o{out}", str(place.resolve())], out)
        return [path.read_bytes() for path in sorted(out.iterdir())]


def mailinfo(data: bytes) -> Info:
    """Decodes a mail. Text in a character set that git does not know is left undecoded."""
    with folder() as place:
        for options in ([], ["-n"]):
            said = call(["mailinfo", "-k", *options, "msg", "patch"], place, data)
            if not said.status:
                break
        message, patch = (_read(place / name) for name in ("msg", "patch"))
    rows = [line.partition(b": ") for line in said.out.split(b"\n")]
    fields = {key.decode("latin-1"): value.decode("utf-8", "replace") for key, _, value in rows}
    author = " ".join(x for x in (fields.get("Author", ""), _bracketed(fields.get("Email", ""))) if x)
    return Info(
        " ".join(fields.get("Subject", "").split()),
        author,
        fields.get("Date", ""),
        message.decode("utf-8", "replace"),
        patch,
    )


def _bracketed(address: str) -> str:
    return f"<{address}>" if address else ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
