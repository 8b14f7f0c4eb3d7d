"""Mails with patches: the bytes of a file (a bare diff, a mail, an mbox of several) in, the patch texts in order out.

Cover letters and answers are skipped, a series is put in the order of its [n/m], base64, quoted-printable, attachments
and format=flowed are decoded. Pure, no I/O.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from kit.errors import UserError

_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]+\n\+\+\+ |Index: )", re.MULTILINE)
_FROM = re.compile(rb"^From [^\n]*\d{4}[^\n]*\n(?=[A-Za-z][A-Za-z0-9-]*:)", re.MULTILINE)
_HEADER = re.compile(rb"(?:From |[A-Za-z][A-Za-z0-9-]*:[ \t])")
_NUMBER = re.compile(r"\[[^\]]*?\b0*(\d+)/0*(\d+)[^\]]*\]")
_TAG = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_VERSION = re.compile(r"\[[^\]]*?\bv(\d+)\b[^\]]*\]", re.IGNORECASE)
_ANSWER = re.compile(r"^(?:re|aw|fwd?)\s*:", re.IGNORECASE)
PLAIN = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True)
class Mail:
    """One patch of a file. `name` is what messages call it; `data` the text with its diff; `number` of `total` as its
    subject has it, 0 where it says nothing; `decoded`: `data` is not as in the file. `author`, `date`, `message_id` are
    its headers', empty where there are none."""

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


def split_mails(name: str, data: bytes) -> list[Mail]:
    """The patches of a file, in the order in which they apply; a file that is no mail is one patch, as it is.

    Raises UserError where it is empty, where no mail has a diff, where a series lacks a part or is of two versions.
    """
    if not data.strip():
        raise UserError("is empty", where=name, hint="a patch is what `git format-patch` or `git diff` writes")
    raw = _messages(data)
    if not _HEADER.match(raw[0]):
        return [Mail(name, "", data)]
    if len(raw) == 1 and (whole := _untouched(name, data)):
        return [whole]
    found = [_read(name if len(raw) == 1 else f"{name} (mail {i})", text) for i, text in enumerate(raw, 1)]
    mails = [m for m in found if m is not None]
    if not mails:
        what = "a mail without a diff: a cover letter?" if len(raw) == 1 else f"none of {len(raw)} mails has a diff"
        raise UserError(what, where=name, hint="`b4 am -o - MESSAGE-ID` fetches a series whole")
    return _ordered(name, mails)


def _messages(data: bytes) -> list[bytes]:
    """The mails of an mbox. `From ` starts one only where a year and a header follow: commit messages have it too."""
    starts = [m.start() for m in _FROM.finditer(data)]
    if not starts or data[: starts[0]].strip():
        return [data]
    ends = [*starts[1:], len(data)]
    return [data[a:b] for a, b in zip(starts, ends, strict=True)]


def _untouched(name: str, data: bytes) -> Mail | None:
    """A single mail whose text is its patch: then lines keep their numbers. None where it has to be decoded."""
    message = _parsed(data)
    kind = str(message.get_param("format", "") or "").lower()
    if message.is_multipart() or _encoding(message) not in PLAIN or kind == "flowed" or b"\r\n" in data:
        return None
    return Mail(name, _subject(message), data, **_origin(message)) if _DIFF.search(data) else None


def _parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _encoding(message: EmailMessage) -> str:
    return str(message.get("Content-Transfer-Encoding", "")).strip().lower()


def _subject(message: EmailMessage) -> str:
    return " ".join(str(message.get("Subject", "")).split())


def _origin(message: EmailMessage) -> dict[str, Any]:
    """Who wrote a mail, when, and its id."""
    names = {"author": "From", "date": "Date", "message_id": "Message-ID"}
    return {key: " ".join(str(message.get(name, "")).split()) for key, name in names.items()}


def _read(name: str, data: bytes) -> Mail | None:
    """The patch of one mail; None where it has none: a cover letter, an answer."""
    message = _parsed(data)
    subject = _subject(message)
    texts = [t for part in message.walk() if (t := _text(part)) and _DIFF.search(t)]
    if not texts or _ANSWER.match(subject):
        return None
    number, version = _NUMBER.search(subject), _VERSION.search(subject)
    at, total = (int(number[1]), int(number[2])) if number else (0, 0)
    head = f"Subject: {_TAG.sub('', subject)}\n\n".encode()
    body = b"\n".join(texts)
    of = int(version[1]) if version else 1
    return Mail(name, subject, head + body, at, total, of, decoded=True, **_origin(message))


def _text(part: EmailMessage) -> bytes:
    """The decoded text of a part, with the line ends that it had before the mail."""
    kind, name = part.get_content_type(), str(part.get_filename() or "")
    if part.is_multipart() or not (kind.startswith("text/") or name.endswith((".patch", ".diff"))) or "html" in kind:
        return b""
    payload = part.get_payload(decode=True)
    text = payload if isinstance(payload, bytes) else b""
    lines = text.splitlines(keepends=True)
    if lines and all(x.endswith(b"\r\n") for x in lines[:-1]):  # RFC 2045: text has CRLF on its way
        text = text.replace(b"\r\n", b"\n")
    if str(part.get_param("format", "") or "").lower() == "flowed":
        text = _unflowed(text, str(part.get_param("delsp", "") or "").lower() == "yes")
    return text


def _unflowed(text: bytes, delete_space: bool) -> bytes:
    """RFC 3676: a line that ends in a space goes on in the next one; a leading space was stuffed."""
    out: list[bytes] = []
    flowing = False
    for line in text.split(b"\n"):
        plain = line[1:] if line.startswith(b" ") else line
        soft = plain.endswith(b" ") and plain != b"-- "
        kept = plain[:-1] if soft and delete_space else plain
        if flowing:
            out[-1] += kept
        else:
            out.append(kept)
        flowing = soft
    return b"\n".join(out)


def _ordered(name: str, mails: Sequence[Mail]) -> list[Mail]:
    """By their numbers; those without one stay where they are. A number that stands twice is one mail if it is."""
    versions = sorted({m.version for m in mails if m.number})
    if len(versions) > 1:
        said = ", ".join(f"v{v}" for v in versions)
        raise UserError(f"holds several versions of a series: {said}", where=name, hint="give one of them")
    unique = list({(m.number, m.data): m for m in mails}.values())
    if not all(m.number for m in unique):
        return unique
    totals = {m.total for m in unique}
    numbers = sorted(m.number for m in unique)
    if len(totals) > 1 or len(set(numbers)) < len(numbers):
        raise UserError("holds mails of several series", where=name, hint="give one series a file")
    missing = sorted(set(range(1, totals.pop() + 1)) - set(numbers)) if len(unique) > 1 else []
    if missing:
        lacking = ", ".join(map(str, missing))
        raise UserError(f"patch {lacking} of {len(numbers) + len(missing)} is missing", where=name)
    return sorted(unique, key=lambda m: m.number)
