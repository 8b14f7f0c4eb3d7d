"""Finds the patches in a file: a plain diff, a mail, or an mbox of several mails.

`git mailsplit` and `git mailinfo` read them, as in `git am`: git decodes mails and finds where a patch begins. Unlike
`git am`, this also accepts whole threads: it leaves out cover letters and replies, and puts a series in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from kit.base.errors import UserError
from kit.kernel.forms import is_none, unreadable
from kit.kernel.gitpatch import FIRST_STRIP, mailinfo, paths_of, split
from kit.kernel.wrapping import unwrap

_HEADER = re.compile(rb"[!-9;-~]+:")  # as git am has it
_NUMBER = re.compile(r"\[[^\]]*?\b0*(\d{1,5})/0*(\d{1,5})\b[^\]]*\]")
_TAG = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_VERSION = re.compile(r"\[[^\]]*?\bv(\d{1,5})\b[^\]]*\]", re.IGNORECASE)
_ANSWER = re.compile(r"^(?:re|aw|antw|sv|fwd?)\s*:", re.IGNORECASE)
_ID = re.compile(rb"^Message-ID:[ \t\r\n]*(\S+)", re.MULTILINE | re.IGNORECASE)
_MAY_HOLD = re.compile(
    rb"^(?:diff -|--- |Index: )|^content-(?:type:\s*multipart|transfer-encoding:\s*[bq])|flowed|^- -",
    re.MULTILINE | re.IGNORECASE,
)
_SIGNED = re.compile(
    rb"^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]*\n)*\n(.*?)^-----BEGIN PGP SIGNATURE-----$.*?"
    rb"^-----END PGP SIGNATURE-----\n?",
    re.MULTILINE | re.DOTALL,
)
MOST_MAILS = 2000
FETCH = "`b4 am -o - MESSAGE-ID` fetches a series whole"


@dataclass(frozen=True)
class Mail:
    """One patch of a file.

    `name`: its name in messages; `data`: the patch, which begins at line `line` (from 0) of the file; `kept`: the patch
    with the carriage returns that `git am` removes, empty if it has none; `number`, `total`: `[PATCH number/total]` in
    its subject, 0 if absent; `decoded`: the mail was encoded, so `data` differs from the file's own lines; `text`: the
    commit message; `whole`: the mail as it came; `author`, `date`, `message_id`: its headers as written, or empty;
    `notes`: remarks for the user.
    """

    name: str
    subject: str
    data: bytes
    number: int = 0
    total: int = 0
    version: int = 1
    decoded: bool = False
    author: str = ""
    date: str = ""
    message_id: str = ""
    text: str = ""
    line: int = 0
    kept: bytes = b""
    whole: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether the subject is that of a reply or a forwarded mail (`Re:`, `Fwd:`)."""
        return bool(_ANSWER.match(self.subject))

    @property
    def title(self) -> str:
        """The subject without its tags."""
        return _TAG.sub("", self.subject)


def split_mails(name: str, data: bytes) -> list[Mail]:
    """The patches of a file, in the order in which they apply. A file that is not a mail is one patch, unchanged.

    Raises UserError if the file is empty, if no mail has a diff, or if it holds several versions of a series.
    """
    text, notes = unwrap(name, data)
    if not is_mail(text):
        return [Mail(name, "", text, whole=data, notes=notes)]
    found = _read_all(name, text)
    mails = [m for m in found if m.data]
    if not mails:
        if len(found) == 1 and not is_none(paths_of(text, FIRST_STRIP)[1]):
            return [Mail(name, "", text, whole=data, notes=notes)]  # head and patch with no blank line between
        raise _nothing(name, text, found)
    if len(found) == 1:
        mails = [replace(mails[0], whole=data)]
    mails = _ordered(name, _without_answers(mails, len(found)), as_they_stand=len(mails) == len(found))
    return [replace(m, notes=(*notes, *m.notes)) for m in mails]


def is_mail(text: bytes) -> bool:
    """Whether `git am` would take the text for a mail or an mbox, by its first lines."""
    lines = text.lstrip().split(b"\n", 1000)
    if lines[0].startswith((b"From ", b"From: ")):
        return True
    for line in lines:
        if not line.strip():
            break
        if not line.startswith((b" ", b"\t")) and not _HEADER.match(line):
            return False
    return True


def _nothing(name: str, text: bytes, found: Sequence[Mail]) -> UserError:
    if len(found) > 1:
        return UserError(f"none of {len(found)} mails has a diff", where=name, hint=FETCH)
    error = unreadable(name, text, "No valid patches in input")
    if error.where != name:  # its form is known
        return error
    return UserError("a mail without a diff: a cover letter?", where=name, hint=FETCH)


def _read_all(name: str, text: bytes) -> list[Mail]:
    """Every mail of a file; `data` is empty if a mail has no patch."""
    parts = split(text)
    if len(parts) > MOST_MAILS:
        hint = "name one thread or one series of it"
        raise UserError(f"holds {len(parts)} mails, which is too many for a series", where=name, hint=hint)
    out = []
    line = text[: len(text) - len(text.lstrip())].count(b"\n")
    for number, part in enumerate(parts, 1):
        out.append(_read(name if len(parts) == 1 else f"{name} (mail {number})", name, part, line))
        line += part.count(b"\n")
    return out


def _read(name: str, file: str, raw: bytes, line: int) -> Mail:
    """Reads one mail. `line`: where it begins in its file, from 0."""
    text = _unescaped(raw.replace(b"\r\n", b"\n"))
    head = text.partition(b"\n\n")[0]
    if not _MAY_HOLD.search(text):
        return Mail(name, _header(head, b"Subject"), b"")
    info = mailinfo(text)
    subject = info.subject or _header(head, b"Subject")
    if not info.patch or is_none(paths_of(info.patch, FIRST_STRIP)[1]):
        return Mail(name, subject, b"")
    decoded = not text.endswith(info.patch)
    kept = mailinfo(_unescaped(raw)).patch if b"\r\n" in raw else b""
    number, version = _NUMBER.search(subject), _VERSION.search(subject)
    at, total = (int(number[1]), int(number[2])) if number else (0, 0)
    found = _ID.search(head)
    return Mail(
        f"{name}, decoded" if decoded else file,
        subject,
        info.patch,
        at,
        total,
        int(version[1]) if version else 1,
        decoded,
        info.author,
        info.date,
        found[1].decode("utf-8", "replace") if found else "",
        info.message,
        0 if decoded else line + text.count(b"\n") - info.patch.count(b"\n"),
        kept if kept != info.patch else b"",
        raw,
    )


def _header(head: bytes, name: bytes) -> str:
    """The value of a mail header, unfolded; empty if absent."""
    match = re.search(rb"^%s:((?:.*)(?:\n[ \t].*)*)" % name, head, re.MULTILINE | re.IGNORECASE)
    return " ".join(match[1].decode("utf-8", "replace").split()) if match else ""


def _unescaped(text: bytes) -> bytes:
    """Removes a signature inside the text (RFC 9580, 7.2) and its `- ` before lines that begin with `-`."""

    def plain(match: re.Match[bytes]) -> bytes:
        return re.sub(rb"^- ", b"", match[1], flags=re.MULTILINE) if b"\n- -" in match[1] else match[0]

    return _SIGNED.sub(plain, text) if b"-----BEGIN PGP SIGNED" in text else text


def _without_answers(mails: Sequence[Mail], of: int) -> list[Mail]:
    """Leaves out replies that hold a patch, if this is a thread (some mails hold no patch)."""
    first = [m for m in mails if not m.answers]
    if not first or len(first) == len(mails) or len(mails) == of:
        return list(mails)
    out = [m.name for m in mails if m.answers]
    note = f"answers with a patch of their own are left out: {len(out)}"
    return [replace(first[0], notes=(*first[0].notes, note)), *first[1:]]


def _ordered(name: str, mails: Sequence[Mail], as_they_stand: bool) -> list[Mail]:
    """Puts one series in the order of its numbers. Keeps the file's order, as `git am` does, if some mail has no
    number, if every mail holds a patch, or if complete series follow each other. Drops duplicate mails."""
    unique = list({(m.number, m.data): m for m in mails}.values())
    if len(unique) == 1 or not all(m.total for m in unique):
        return unique
    runs = [list(run) for _, run in groupby(unique, key=lambda m: (m.version, m.total))]
    series = [part for run in runs for part in _ascending(run)]
    if len(series) == 1:
        return _noted(name, series[0])
    _refuse_versions(name, unique)
    if len({(m.version, m.total) for m in unique}) == 1 and len({m.number for m in unique}) == len(unique):
        moved = sorted(unique, key=lambda m: m.number)
        return _noted(name, [replace(moved[0], notes=("put in the order of their numbers",)), *moved[1:]])
    if as_they_stand or all(part[0].number <= 1 and len(part) >= part[0].total for part in series):
        return [replace(unique[0], notes=("holds several series: taken as they stand",)), *unique[1:]]
    raise UserError("holds mails of several series in mixed order", where=name, hint="give each series its own file")


def _ascending(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Splits the mails wherever the numbers do not rise."""
    out: list[list[Mail]] = []
    for mail in mails:
        if out and out[-1][-1].number < mail.number:
            out[-1].append(mail)
        else:
            out.append([mail])
    return out


def _refuse_versions(name: str, mails: Sequence[Mail]) -> None:
    """Raises UserError if a patch (same title, or same number) is there in several versions."""
    said = sorted({m.version for m in mails})
    places = {(m.version, key) for m in mails for key in (m.title, (m.number, m.total))}
    if len(said) > 1 and len(places) > len({key for _, key in places}):
        words = ", ".join(f"v{v}" for v in said)
        hint = "give one of them: `b4 am -o - MESSAGE-ID` takes the newest"
        raise UserError(f"holds several versions of a series: {words}", where=name, hint=hint)


def _noted(name: str, mails: Sequence[Mail]) -> list[Mail]:
    """Adds a note about missing patches of a series. `git am` accepts such a series too."""
    missing = sorted(set(range(1, mails[0].total + 1)) - {m.number for m in mails})
    if not missing or len(mails) == 1:
        return list(mails)
    shown = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
    note = f"patch {shown} of {mails[0].total} is missing"
    return [replace(m, notes=(*m.notes, note)) for m in mails]
