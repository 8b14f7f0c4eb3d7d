"""Mails with patches: the bytes of a file (a bare diff, a mail, an mbox of several) in, the patch texts in order out.

`git mailsplit` and `git mailinfo` read them, as `git am` does: what is decoded, and where a patch begins, is git's.
What a thread needs and git am refuses is added: cover letters and answers are left out, a series is put in its order.
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
    """One patch of a file. `name` is what messages call it; `data` the patch, which begins at line `line` (from 0) of
    the file; `kept`: the same with the carriage returns that `git am` takes off, empty where there are none. `number`
    of `total` as its subject has it, 0 where it says nothing; `decoded`: `data` does not stand in the file as it is.
    `text` is the commit message, `whole` all of it as it came. `author`, `date`, `message_id` are its headers' as they
    are written, empty where there are none."""

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
        """Whether the subject is that of an answer (`Re:`)."""
        return bool(_ANSWER.match(self.subject))

    @property
    def title(self) -> str:
        """The subject without its tags."""
        return _TAG.sub("", self.subject)


def split_mails(name: str, data: bytes) -> list[Mail]:
    """The patches of a file, in the order in which they apply; a file that is no mail is one patch, as it is.

    Raises UserError where it is empty, where no mail has a diff, where it holds several versions of a series.
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
    """Whether `git am` would take it for a mail or an mbox, by its first lines."""
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
    """Every mail; `data` is empty in those that hold no patch."""
    parts = split(text)
    if len(parts) > MOST_MAILS:
        hint = "name one thread or one series of it"
        raise UserError(f"holds {len(parts)} mails, which is no series", where=name, hint=hint)
    out = []
    line = text[: len(text) - len(text.lstrip())].count(b"\n")
    for number, part in enumerate(parts, 1):
        out.append(_read(name if len(parts) == 1 else f"{name} (mail {number})", name, part, line))
        line += part.count(b"\n")
    return out


def _read(name: str, file: str, raw: bytes, line: int) -> Mail:
    """One mail, which begins at a line of its file."""
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
    """A header as it is written, unfolded."""
    match = re.search(rb"^%s:((?:.*)(?:\n[ \t].*)*)" % name, head, re.MULTILINE | re.IGNORECASE)
    return " ".join(match[1].decode("utf-8", "replace").split()) if match else ""


def _unescaped(text: bytes) -> bytes:
    """A mail signed in its text (RFC 9580, 7.2) without the signature and the `- ` before lines that begin with `-`."""

    def plain(match: re.Match[bytes]) -> bytes:
        return re.sub(rb"^- ", b"", match[1], flags=re.MULTILINE) if b"\n- -" in match[1] else match[0]

    return _SIGNED.sub(plain, text) if b"-----BEGIN PGP SIGNED" in text else text


def _without_answers(mails: Sequence[Mail], of: int) -> list[Mail]:
    """In a thread (some mails hold no patch), answers with a patch of their own give way to what they answer."""
    first = [m for m in mails if not m.answers]
    if not first or len(first) == len(mails) or len(mails) == of:
        return list(mails)
    out = [m.name for m in mails if m.answers]
    note = f"answers with a patch of their own are left out: {len(out)}"
    return [replace(first[0], notes=(*first[0].notes, note)), *first[1:]]


def _ordered(name: str, mails: Sequence[Mail], as_they_stand: bool) -> list[Mail]:
    """One series by its numbers. Others as they stand, which is what git am does, where each mail holds a patch, some
    have no number, or whole series follow each other. A mail that stands twice is one."""
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
    raise UserError("holds mails of several series, mixed", where=name, hint="give one series a file")


def _ascending(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Cut where the numbers do not rise."""
    out: list[list[Mail]] = []
    for mail in mails:
        if out and out[-1][-1].number < mail.number:
            out[-1].append(mail)
        else:
            out.append([mail])
    return out


def _refuse_versions(name: str, mails: Sequence[Mail]) -> None:
    """Raises UserError where patches of one title or number stand in several versions."""
    said = sorted({m.version for m in mails})
    places = {(m.version, key) for m in mails for key in (m.title, (m.number, m.total))}
    if len(said) > 1 and len(places) > len({key for _, key in places}):
        words = ", ".join(f"v{v}" for v in said)
        hint = "give one of them: `b4 am -o - MESSAGE-ID` takes the newest"
        raise UserError(f"holds several versions of a series: {words}", where=name, hint=hint)


def _noted(name: str, mails: Sequence[Mail]) -> list[Mail]:
    """With a note of the parts that are missing; git am takes such a series too."""
    missing = sorted(set(range(1, mails[0].total + 1)) - {m.number for m in mails})
    if not missing or len(mails) == 1:
        return list(mails)
    shown = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
    note = f"patch {shown} of {mails[0].total} is missing"
    return [replace(m, notes=(*m.notes, note)) for m in mails]
