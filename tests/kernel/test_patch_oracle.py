"""Patches and mails against git: random changes of random trees, as git, diff and mail programs write them; what kit
takes and which bytes come out must be `git apply`'s and `git am`'s on the whole tree. KIT_RANDOM_PATCHES draws more."""

from __future__ import annotations

import base64
import difflib
import os
import quopri
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kit.base.errors import UserError
from kit.kernel.content import Link, blob_id
from kit.kernel.patch import apply_series, parse_patch, read_patches

EXAMPLES = int(os.environ.get("KIT_RANDOM_PATCHES", "10"))
CALM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
LINES = st.lists(st.sampled_from(["a", "b", "c", "d", "", "\tif (x)", "-- ", "--- x", "+++ y", "@@ -1 +1 @@", "e\rf"]))
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n"])
NAMES = ["f", "mm/f.c", "mm/a b.c", "mm/ä.c", 'mm/"q".c', "x/y/z/tab\tname", "mm/g.c", "new/h.c", "f.bin"]
ENV = {
    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
Files = dict[str, bytes]


@st.composite
def content(draw: st.DrawFn, name: str) -> bytes:
    """A file: lines with one kind of line end, with or without the last one; or bytes that git calls binary."""
    if name.endswith(".bin"):
        return b"\0" + draw(st.binary(max_size=40))
    end = draw(ENDS)
    return (end.join(draw(LINES)) + draw(st.sampled_from([end, end, ""]))).encode()


@st.composite
def edited(draw: st.DrawFn, old: bytes) -> bytes:
    """The same file with some lines inserted, removed or changed."""
    lines = old.split(b"\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines)))
        lines[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from([b"X", b"Y", b"a", b""]), max_size=3))
    return b"\n".join(lines)


@st.composite
def trees(draw: st.DrawFn) -> tuple[Files, Files]:
    """A tree before and after: files edited, made, removed, renamed, copied, emptied."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    old = {name: draw(content(name)) for name in names}
    new = dict(old)
    for name in names:
        what = draw(st.sampled_from(["edit", "edit", "edit", "remove", "rename", "copy", "empty", "keep"]))
        if what == "edit" and not name.endswith(".bin"):
            new[name] = draw(edited(old[name]))
        elif what == "remove":
            del new[name]
        elif what == "empty":
            new[name] = b""
        elif what in ("rename", "copy"):
            new[f"moved/{name}"] = new.pop(name) if what == "rename" else new[name]
    if draw(st.booleans()):
        new["made.c"] = draw(content("made.c"))
    assume(new != old)
    return old, new


def git(place: Path, *argv: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *argv], cwd=place, input=data, capture_output=True, env=ENV, check=False)


def write(place: Path, files: Mapping[str, bytes]) -> None:
    for old in sorted(place.rglob("*"), reverse=True):
        if ".git" not in old.relative_to(place).parts:
            old.rmdir() if old.is_dir() and not old.is_symlink() else old.unlink()
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)


def files_of(place: Path) -> Files:
    found = [p for p in place.rglob("*") if ".git" not in p.relative_to(place).parts]
    links = {str(p.relative_to(place)): Link(os.fsencode(os.readlink(p))) for p in found if p.is_symlink()}
    return {**{str(p.relative_to(place)): p.read_bytes() for p in found if p.is_file()}, **links}


def repository(folder: Path, old: Files, new: Files) -> Path:
    """A repository with both trees as commits `old` and `new`."""
    place = folder / "repository"
    if not place.exists():
        git(folder, "init", "-q", str(place))
    for name, files in (("old", old), ("new", new)):
        write(place, files)
        git(place, "add", "-A")
        tree = git(place, "write-tree").stdout.decode().strip()
        parent = ["-p", "old"] if name == "new" else []
        commit = git(place, "commit-tree", tree, *parent, "-m", "mm: one\n\nAll of it.").stdout.decode().strip()
        git(place, "tag", "-f", name, commit)
    return place


def by_kit(data: bytes, files: Files, reverse: bool = False) -> Files | str:
    """The tree after the patches of a file, or the error."""
    try:
        patches = [patch for _, patch in read_patches("p", data, reverse=reverse)]
        changed, _ = apply_series(patches, files.get)
    except UserError as error:
        return str(error)
    return {path: data for path, data in {**files, **changed}.items() if data is not None}


def by_git_apply(folder: Path, data: bytes, files: Files, reverse: bool = False) -> Files | str:
    """The tree after `git apply`, or git's message."""
    place = folder / "plain"
    place.mkdir(exist_ok=True)
    write(place, files)
    done = git(place, "apply", *["-R"] * reverse, "-", data=data)
    return files_of(place) if done.returncode == 0 else done.stderr.decode(errors="replace")


def same(kit: Files | str, theirs: Files | str) -> bool:
    """Whether both give the same bytes, or both refuse it."""
    return isinstance(kit, str) if isinstance(theirs, str) else kit == theirs


@CALM
@given(trees(), st.sampled_from(["-U0", "-U1", "-U3"]), st.booleans(), st.data())
def test_what_git_diff_writes_there_and_back_and_on_another_tree(
    tmp_path: Path, pair: tuple[Files, Files], context: str, reverse: bool, data: st.DataObject
) -> None:
    old, new = pair
    place = repository(tmp_path, old, new)
    options = ["--full-index", *["--binary"] * data.draw(st.booleans()), *["-M", "-C", "-C"] * data.draw(st.booleans())]
    text = git(place, "diff", context, *options, "old", "new").stdout
    assume(text)
    files = dict(new if reverse else old)
    if data.draw(st.booleans()):  # another kernel than it was made for
        name = data.draw(st.sampled_from(sorted(files) or ["f"]))
        files[name] = data.draw(edited(files.get(name, b"")))
    theirs = by_git_apply(tmp_path, text, files, reverse)
    ours = by_kit(text, files, reverse)
    assert same(ours, theirs) or "CR" in str(theirs), (ours, theirs)


@CALM
@given(trees(), st.sampled_from(["", "\t2011-06-17 10:00:00.000000000 +0200", " 2011-06-17 10:00:00 +0000"]))
def test_what_diff_u_writes(tmp_path: Path, pair: tuple[Files, Files], stamp: str) -> None:
    old, new = ({k: v for k, v in files.items() if re.fullmatch(r"[\w/.]+c|f", k)} for files in pair)
    texts = []
    for name in sorted({*old, *new}):
        a, b = ([x + "\n" for x in files.get(name, b"").decode().split("\n")[:-1]] for files in (old, new))
        epoch = "\t1970-01-01 01:00:00.000000000 +0100"
        ends = [stamp if name in files else epoch for files in (old, new)]
        texts.append("".join(difflib.unified_diff(a, b, f"a/{name}{ends[0]}", f"b/{name}{ends[1]}", lineterm="\n")))
    text = "".join(texts).encode()
    assume(text)
    theirs = by_git_apply(tmp_path, text, old)
    assert same(by_kit(text, old), theirs), theirs


def encoded(mail: bytes, how: str) -> bytes:
    """A mail of format-patch as mail programs forward it."""
    head, _, body = mail.partition(b"\n\n")
    head = re.sub(rb"\n(?:MIME|Content)-[^\n]*(?:\n[ \t][^\n]*)*", b"", head)
    kind = b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
    if how == "quoted-printable":
        return head + kind + b"quoted-printable\n\n" + quopri.encodestring(body)
    if how == "base64":
        return head + kind + b"base64\n\n" + base64.encodebytes(body)
    if how == "attached":
        part = b"--xx\nContent-Type: text/x-patch; name=a.diff\nContent-Transfer-Encoding: base64\n\n"
        mixed = b'\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="xx"\n\n--xx\n\nSee below.\n'
        return head + mixed + part + base64.encodebytes(body) + b"--xx--\n"
    return mail.replace(b"\n", b"\r\n") if how == "dos" else mail


@CALM
@given(trees(), st.sampled_from(["as it is", "quoted-printable", "base64", "attached", "dos"]))
def test_mails_as_git_am_takes_them(tmp_path: Path, pair: tuple[Files, Files], how: str) -> None:
    old, new = pair
    place = repository(tmp_path, old, new)
    mail = encoded(git(place, "format-patch", "--stdout", "--binary", "old..new").stdout, how)
    assume(b"\ndiff --git" in git(place, "diff", "old", "new").stdout.join([b"\n", b""]))
    git(place, "checkout", "-qf", "--detach", "old")
    done = git(place, "am", "-q", "-", data=mail)
    theirs = files_of(place) if done.returncode == 0 else done.stderr.decode()
    git(place, "am", "--abort")
    ours = by_kit(mail, old)
    lost = isinstance(theirs, str)  # git am takes every CR off; kit tries with them too
    assert same(ours, theirs) or (lost and ours == new), (ours, theirs)


def test_blobs_and_offsets_are_recorded(tmp_path: Path) -> None:
    old = {"mm/f.c": b"".join(b"%d\n" % n for n in range(40))}
    new = {"mm/f.c": old["mm/f.c"].replace(b"\n5\n", b"\n5\nfive\n").replace(b"\n30\n", b"\nthirty\n")}
    text = git(repository(tmp_path, old, new), "diff", "--full-index", "old", "new").stdout
    for reverse, files in ((False, old), (True, new)):
        ((_, (applied,)),) = apply_series([parse_patch("p", text, reverse=reverse)], files.get)[1]
        ids = [blob_id(x["mm/f.c"]) for x in (old, new)]
        assert [applied.before, applied.after] == (ids[::-1] if reverse else ids)
        assert (applied.exact, applied.offsets) == (True, (0, 0))
    moved = {"mm/f.c": b"x\ny\n" + old["mm/f.c"].replace(b"\n20\n", b"\n20\nz\n")}
    ((_, (applied,)),) = apply_series([parse_patch("p", text)], moved.get)[1]
    assert (applied.exact, applied.offsets) == (False, (2, 1))
