"""Parses patches and applies them to file contents in memory; never writes to the tree.

`git apply` does the work (kit.kernel.gitpatch): git decides what applies and which bytes result. Every context line
must match (no fuzz); hunks may be shifted, and each shift is recorded. If the `index` line names blobs, it is also
recorded whether the content before and after has these ids.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.base.errors import UserError
from kit.kernel import forms
from kit.kernel.content import blob_id
from kit.kernel.gitpatch import Outcome, apply, paths_of
from kit.kernel.hunks import Section, scan, split_lines, unquoted
from kit.kernel.mail import Mail, split_mails
from kit.kernel.reject import Asked, explain, places
from kit.kernel.wrapping import MOST_BYTES

__all__ = ["Applied", "Patch", "apply_series", "blob_id", "parse_patch", "read_file", "read_patches"]

_SUBJECT = re.compile(r"^Subject: (?:\[[^\]]*PATCH[^\]]*\] )?(.*(?:\n[ \t].*)*)", re.MULTILINE)
_TAG = re.compile(r"^(?:(?:re|aw|fwd?):\s*)*(?:\[[^\]]*PATCH[^\]]*\] )?", re.IGNORECASE)
_ENDS = re.compile(rb"^(?:diff --git |--- |\+\+\+ |@@ -).*\r\n", re.MULTILINE)
_SOURCE = re.compile(rb"^(?:rename from|copy from|rename old) (.*?)\r?$", re.MULTILINE)
_CHECKING = re.compile(
    r"^Checking patch (.*)\.\.\.$|^Hunk #(\d+) succeeded at \d+ \(offset (-?\d+) lines?\)", re.MULTILINE
)
Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Patch:
    """A patch that git can read.

    `name`: its file's name in messages; `line`: where `data` begins in that file, from 0; `sha256`: of the file or the
    mail; `paths`: the files that it changes; `strip`: leading path components to remove; `notes`: remarks for the user;
    `others`: other readings of its bytes, tried in order if `data` does not apply, each with the note to give then.
    """

    name: str
    subject: str
    sha256: str
    data: bytes
    paths: tuple[str, ...]
    reverse: bool = False
    strip: int = 1
    line: int = 0
    notes: tuple[str, ...] = ()
    others: tuple[tuple[bytes, str], ...] = ()


@dataclass(frozen=True)
class Applied:
    """What a patch did to one file. `before`, `after`: blob ids, empty for no file; `exact`: whether they are those of
    the `index` line, None if it has none; `offsets`: the shift of each hunk in lines, relative to the hunk before."""

    path: str
    before: str
    after: str
    exact: bool | None
    offsets: tuple[int, ...] = field(default=())


def read_file(path: str) -> bytes:
    """The bytes of a patch file; at most one more than the limit, which `unwrap` checks. Raises UserError."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=path) from error


def read_patches(name: str, data: bytes, *, reverse: bool = False, strip: int = 1) -> Iterator[tuple[Mail, Patch]]:
    """The patches of a file, each with its mail, in the order in which they apply forwards.

    Raises UserError with file and line if there is none, or one is damaged.
    """
    for mail in split_mails(name, data):
        made = parse_patch(mail.name, mail.data, reverse=reverse, strip=strip, line=mail.line)
        kept = ((mail.kept, "applied with the carriage returns that the mail has"),) if mail.kept else ()
        yield (
            mail,
            replace(
                made,
                subject=_TAG.sub("", mail.subject) or made.subject,
                sha256=hashlib.sha256(mail.whole or mail.data).hexdigest(),
                notes=(*mail.notes, *made.notes),
                others=(*kept, *made.others),
            ),
        )


def parse_patch(name: str, data: bytes, *, reverse: bool = False, strip: int = 1, line: int = 0) -> Patch:
    """Reads a patch. `strip`: how many leading components to remove from its paths.

    Raises UserError with file and line if git cannot read the text, or a path leads out of the tree.
    """
    paths, err = paths_of(data, strip)
    if err:
        raise forms.unreadable(name, data, err, line)
    _refuse_outside(name, data, paths, line)
    match = _SUBJECT.search(data.decode("utf-8", "replace"))
    subject = " ".join(match.group(1).split()) if match else ""
    others: tuple[tuple[bytes, str], ...] = ()
    if _ENDS.search(data):
        others = ((data.replace(b"\r\n", b"\n"), "its lines end in CR LF: applied without the CR"),)
    sha256 = hashlib.sha256(data).hexdigest()
    return Patch(name, subject, sha256, data, paths, reverse, strip, line, tuple(_remarks(data, line)), others)


def _refuse_outside(name: str, data: bytes, paths: Sequence[str], line: int) -> None:
    """Raises UserError for a path that leads out of the tree."""
    sections = scan(data).sections
    for number, path in enumerate([*paths, *_sources(data)]):
        if not _inside(path):
            where = f"{name}:{line + sections[number].at}" if number < len(paths) == len(sections) else name
            hint = "paths are relative to the tree, as a/… and b/…"
            raise UserError(f"names a path outside the tree: {path}", where=where, hint=hint)


def _sources(data: bytes) -> list[str]:
    """The source paths of renames and copies."""
    return [unquoted(name).decode("utf-8", "surrogateescape") for name in _SOURCE.findall(data)]


def _remarks(data: bytes, line: int) -> Iterator[str]:
    """Notes about what git silently ignores: lines after a complete hunk, and combined diffs."""
    found = scan(data)
    for fault in found.overhangs:
        yield f"line {line + fault.line} looks like one more line of a hunk, {fault.what}: left out, as git does"
    for at in found.combined:
        yield f"line {line + at}: a combined diff is left out, as git does"


def apply_series(
    patches: Sequence[Patch], read: Read
) -> tuple[dict[str, bytes | None], list[tuple[Patch, list[Applied]]]]:
    """Applies patches one after the other. `read(path)` returns a file's content in the tree, or None.

    Returns the changed files (path → content, None if deleted) and, for each patch, what it did. Raises UserError with
    file, hunk and the differing lines if one does not apply.
    """
    changed: dict[str, bytes | None] = {}
    record: list[tuple[Patch, list[Applied]]] = []

    def now(path: str) -> bytes | None:
        return changed[path] if path in changed else read(path)

    for patch in patches:
        after, applied, notes = _apply(patch, now)
        changed.update(after)
        record.append((replace(patch, notes=(*patch.notes, *notes)), applied))
    return changed, record


def _apply(patch: Patch, now: Read) -> tuple[dict[str, bytes | None], list[Applied], list[str]]:
    """Applies one patch, by the first reading of its bytes that applies."""
    before = _touched(patch, patch.data, now)
    first = apply(patch.data, patch.strip, patch.reverse, before)
    if first.taken:
        return _done(patch, patch.data, before, first)
    for data, note in patch.others:
        files = _touched(patch, data, now)
        outcome = apply(data, patch.strip, patch.reverse, files)
        if outcome.taken:
            after, applied, notes = _done(patch, data, files, outcome)
            return after, applied, [note, *notes]
    raise _refusal(patch, first, now)


def _refusal(patch: Patch, outcome: Outcome, now: Read) -> UserError:
    asked = Asked(patch.name, scan(patch.data), patch.line, patch.paths, patch.strip, patch.reverse)
    error = explain(asked, outcome.err, now)
    missing = [note for note in patch.notes if "is missing" in note]
    if forms.is_log(patch.data) and not patch.reverse:
        hint = "it is what `git log -p` writes, newest first: `git log -p --reverse`, or --range BASE..HEAD"
        return UserError(error.what, where=error.where, hint=hint)
    hint = "; ".join([*missing, error.hint])
    return UserError(error.what, where=error.where, hint=hint)


def _touched(patch: Patch, data: bytes, now: Read) -> dict[str, bytes]:
    """The content of every existing file that a patch names, and of files that stand where it needs a folder."""
    named = dict.fromkeys([*paths_of(data, patch.strip)[0], *_sources(data)])
    wanted = dict.fromkeys(p for path in named if _inside(path) for p in (*_parents(path), path))
    out: dict[str, bytes] = {}
    for path in wanted:
        if not any(parent in out for parent in _parents(path)) and (content := now(path)) is not None:
            out[path] = content
    return out


def _inside(path: str) -> bool:
    return (
        bool(path)
        and not path.startswith("/")
        and not {"", ".", "..", ".git"} & set(path.split("/"))
        and "\0" not in path
    )


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


@dataclass(frozen=True)
class _Change:
    """What a patch does to one file: the source of its content, and its sections in the order of application."""

    target: str
    source: str
    sections: tuple[Section, ...]


def _changes(patch: Patch, data: bytes) -> list[_Change]:
    """A patch's changes, one for each file."""
    paths, sections = paths_of(data, patch.strip)[0], scan(data).sections
    known = sections if len(sections) == len(paths) else tuple(Section(0) for _ in paths)
    pairs = list(zip(paths, known, strict=True))
    out: dict[str, _Change] = {}
    for path, section in reversed(pairs) if patch.reverse else pairs:
        ends = (section.source or path, path)
        source, target = reversed(ends) if patch.reverse else ends
        part = section.reversed() if patch.reverse else section
        earlier = out.get(target)
        out[target] = (
            replace(earlier, sections=(*earlier.sections, part)) if earlier else _Change(target, source, (part,))
        )
    return list(out.values())


def _done(
    patch: Patch, data: bytes, before: Mapping[str, bytes], outcome: Outcome
) -> tuple[dict[str, bytes | None], list[Applied], list[str]]:
    """The files that a patch changed, what it did to each, and notes."""
    changes = _changes(patch, data)
    targets = {change.target for change in changes}
    after = {p: c for p, c in outcome.after.items() if p in targets or c != before.get(p)}
    shifts = _shifts(outcome.err)
    applied: list[Applied] = []
    notes: list[str] = []
    for change in changes:
        content = before.get(change.source)
        offsets = _offsets(change, shifts.get(change.target, []))
        one = _applied(change, content, after.get(change.target), offsets)
        applied.append(one)
        notes += _notes(change, one, content)
    return after, applied, notes


def _shifts(err: str) -> dict[str, list[dict[int, int]]]:
    """Path → for each section about it: hunk number → its shift in lines against its header."""
    out: dict[str, list[dict[int, int]]] = {}
    current: dict[int, int] = {}
    for path, number, offset in _CHECKING.findall(err):
        if number:
            current[int(number)] = int(offset)
        else:
            current = {}
            out.setdefault(path.rpartition(" => ")[2], []).append(current)
    return out


def _offsets(change: _Change, shifts: Sequence[Mapping[int, int]]) -> tuple[int, ...]:
    """Each hunk's shift relative to the hunk before: so lines added above all of them count once."""
    out: list[int] = []
    for section, found in zip(change.sections, shifts, strict=False):
        last = 0
        for number in range(1, max([len(section.hunks), *found]) + 1):
            out.append(found.get(number, 0) - last)
            last = found.get(number, 0)
    return tuple(out)


def _applied(change: _Change, before: bytes | None, after: bytes | None, offsets: tuple[int, ...]) -> Applied:
    old, new = (blob_id(x) if x is not None else "" for x in (before, after))
    first, last = change.sections[0].old_blob, change.sections[-1].new_blob
    exact = _named(old, first) and _named(new, last) if first or last else None
    return Applied(change.target, old, new, exact, offsets)


def _named(blob: str, abbreviated: str) -> bool:
    if not abbreviated.strip("0"):  # git writes zeros for no file
        return not blob
    return blob.startswith(abbreviated)


def _notes(change: _Change, applied: Applied, before: bytes | None) -> Iterator[str]:
    first, last = change.sections[0].old_blob, change.sections[-1].new_blob
    if applied.exact is False and _named(applied.before, first):
        yield (
            f"{change.target}: applied to blob {first} it gives {applied.after[:12] or 'no file'}, not the {last} of"
            " its index line: the patch was edited after it was made"
        )
    if len(change.sections) == 1:
        yield from _ambiguous(change, applied, before or b"")
    for section in change.sections:
        if section.said.get("old mode", "") != section.said.get("new mode", ""):
            yield f"the mode of {change.target} is left as it is"


def _ambiguous(change: _Change, applied: Applied, before: bytes) -> Iterator[str]:
    """Notes about shifted hunks whose lines occur at several places."""
    lines = split_lines(before)
    for hunk, offset in zip(change.sections[0].hunks, applied.offsets, strict=False):
        if offset and (found := len(places(lines, hunk, 0))) > 1:
            yield f"hunk {hunk.number} of {change.target}: its lines stand at {found} places, the nearest was taken"
