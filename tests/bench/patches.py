"""Patch files and mailboxes against git: `patches.py FOLDER… [--tree FOLDER] [--most N] [--show]`.

Each file is applied by kit and by git (`git am` for a mail or an mbox, else `git apply`), to a tree in which it can
apply: that of --tree where it does, else one built from the patch's own hunks, each at the line that it names. What is
taken, and every byte of the tree afterwards, is compared; then forwards and backwards on a tree with some lines moved.
The files are another's and not kept here: the table of tests/bench/README.md says which were taken.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.base.errors import UserError  # noqa: E402
from kit.kernel.content import Link  # noqa: E402
from kit.kernel.hunks import scan  # noqa: E402
from kit.kernel.mail import is_mail  # noqa: E402
from kit.kernel.patch import Patch, apply_series, read_patches  # noqa: E402

Files = dict[str, bytes]
ENV = {
    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class Result:
    """The tree afterwards; None if the patch was refused, with the message."""

    files: Files | None
    why: str = ""


def git(place: Path, *argv: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *argv], cwd=place, input=data, capture_output=True, env=ENV, check=False)


def by_kit(data: bytes, files: Mapping[str, bytes], reverse: bool = False) -> Result:
    """The result of kit for a file."""
    try:
        patches = [patch for _, patch in read_patches("p", data, reverse=reverse)]
        patches = patches[::-1] if reverse else patches
        changed, record = apply_series(patches, files.get)
    except UserError as error:
        return Result(None, str(error))
    notes = [note for patch, _ in record for note in patch.notes]
    after = {path: content for path, content in {**files, **changed}.items() if content is not None}
    return Result(after, "; ".join(notes))


def by_git(data: bytes, files: Mapping[str, bytes], reverse: bool = False) -> Result:
    """The result of git: `git am` for a mail, else `git apply`."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for path, content in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        if is_mail(data) and not reverse:
            git(place, "init", "-q")
            git(place, "add", "-A", "-f")
            git(place, "commit", "-q", "--allow-empty", "-m", "x")
            done = git(place, "am", "-q", "--no-gpg-sign", "-", data=data)
        else:
            done = git(place, "apply", *["-R"] * reverse, "-", data=data)
        if done.returncode:
            return Result(None, (done.stdout + done.stderr).decode(errors="replace").strip())
        return Result(dict(files_of(place)))


def picked(data: bytes) -> bytes:
    """The mails of a thread that hold its patches, in order, as an mbox for git am."""
    mails = [mail for mail, _ in read_patches("p", data)]
    from_line = b"From x Mon Sep 17 00:00:00 2001\n"
    return b"".join((b"" if m.whole.startswith(b"From ") else from_line) + m.whole + b"\n" for m in mails)


def files_of(place: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder except git's own."""
    for path in place.rglob("*"):
        name = path.relative_to(place)
        if ".git" in name.parts[:1]:
            continue
        if path.is_symlink():
            yield str(name), Link(os.fsencode(os.readlink(path)))
        elif path.is_file():
            yield str(name), path.read_bytes()


def before(data: bytes, tree: Path | None) -> Files:
    """A tree to which the patches of a file can apply: the given one, or one built from the lines in their hunks."""
    try:
        patches = [patch for _, patch in read_patches("p", data)]
    except UserError:
        return {"README": b"x\n"}
    if tree is not None:
        there = {path: tree / path for patch in patches for path in patch.paths}
        real = {path: file.read_bytes() for path, file in there.items() if file.is_file()}
        if by_kit(data, real).files is not None:
            return real
    return built(patches)


def built(patches: list[Patch]) -> Files:
    """The files that the patches of a series need. From the last patch to the first, the lines after each hunk are put
    where it says, and changed back; lines that no hunk shows are filled in."""
    known: dict[str, list[bytes | None]] = {}
    for patch in reversed(patches):
        for path, section in reversed(list(zip(patch.paths, scan(patch.data).sections, strict=False))):
            lines = known.pop(path, [])
            for hunk in reversed(section.hunks):
                start = max(0, hunk.new_start - 1 if hunk.new else hunk.new_start)
                lines += [None] * (start + len(hunk.new) - len(lines))
                lines[start : start + len(hunk.new)] = hunk.old
            if not ("new file mode" in section.said or _is_none(section.names[0])):
                known[section.source or path] = lines
    filled = {p: [b"filler %d\n" % n if x is None else x for n, x in enumerate(lines)] for p, lines in known.items()}
    return {"README": b"x\n", **{path: b"".join(lines) for path, lines in filled.items()}}


def _is_none(name: str) -> bool:
    return name == "/dev/null"


def moved(files: Files, random_: random.Random) -> Files:
    """The same tree with some lines inserted or removed."""
    out = {}
    for path, content in files.items():
        lines = content.splitlines(keepends=True)
        for _ in range(random_.choice((0, 1, 1, 2))):
            at = random_.randrange(len(lines) + 1)
            lines[at : at + random_.choice((0, 0, 1))] = random_.choice(([], [b"moved\n"], [b"a\n", b"b\n"]))
        out[path] = b"".join(lines)
    return out


def verdict(data: bytes, base: Files, ours: Result, theirs: Result) -> str:
    """How the results compare, in a few words. If git am refuses a thread, it gets only the mails with patches, in the
    order of the series."""
    if theirs.files is None and ours.files is not None and is_mail(data):
        alone = by_git(picked(data), base)
        if alone.files is not None:
            return "same bytes, without the mails that are no patch" if alone.files == ours.files else "OTHER BYTES"
    if theirs.files is None:
        return "both refuse" if ours.files is None else "kit alone takes"
    if ours.files is None:
        return "GIT ALONE TAKES"
    return "same bytes" if ours.files == theirs.files else "OTHER BYTES"


def compare(path: Path, data: bytes, tree: Path | None) -> dict[str, tuple[str, Result, Result]]:
    """The result for a file, by the way it was applied."""
    random_ = random.Random(path.name)
    files = before(data, tree)
    out = {}
    for way, base, reverse in (("as made", files, False), ("moved", moved(files, random_), False)):
        ours, theirs = by_kit(data, base, reverse), by_git(data, base, reverse)
        out[way] = (verdict(data, base, ours, theirs), ours, theirs)
    after = out["as made"][1].files
    if after is not None and not is_mail(data):
        ours, theirs = by_kit(data, after, True), by_git(data, after, True)
        out["reversed"] = (verdict(b"", after, ours, theirs), ours, theirs)
    return out


def main() -> int:
    """Prints the table, and each difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="+", type=Path)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--most", type=int, default=10**6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    found = [p for folder in options.folder for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size]
    files = random.Random(options.seed).sample(found, min(options.most, len(found)))
    table: Counter[tuple[str, str, str]] = Counter()
    for path in files:
        data = path.read_bytes()
        for way, (what, ours, theirs) in compare(path, data, options.tree).items():
            table["mails" if is_mail(data) else "patches", way, what] += 1
            if not what.startswith(("same bytes", "both refuse")) or options.show:
                print(f"{path} ({way}): {what}\n    kit: {ours.why[:300]}\n    git: {theirs.why[:300]}", flush=True)
    for (kind, way, what), number in sorted(table.items()):
        print(f"{kind:8} {way:9} {number:6} {what}")
    return int(any(what.isupper() for _, _, what in table))


if __name__ == "__main__":
    sys.exit(main())
