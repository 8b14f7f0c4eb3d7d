"""Mails with patches: mboxes, encodings, attachments, order; and quilt's series files."""

from __future__ import annotations

import base64
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest

from kit.errors import UserError
from kit.kernel.mail import split_mails
from kit.kernel.patch import apply_series, parse_patch
from kit.kernel.quilt import is_series, read_series


def diff(old: str, new: str, path: str = "mm/rmap.c") -> str:
    stat = f"---\n {path} | 2 +-\n\n"
    return f"{stat}diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


def mail(subject: str, body: str, headers: str = "") -> bytes:
    head = f"From 0123456789abcdef Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: {subject}\n{headers}\n"
    return (head + body + "-- \n2.39.5\n\n").encode()


def applied(data: bytes, content: bytes = b"int a;\n") -> bytes | None:
    patches = [parse_patch(m.name, m.data) for m in split_mails("x", data)]
    return apply_series(patches, {"mm/rmap.c": content}.get)[0]["mm/rmap.c"]


TWO = [mail("[PATCH v2 1/2] first", diff("int a;", "int b;")), mail("[PATCH v2 2/2] second", diff("int b;", "int c;"))]
COVER = mail("[PATCH v2 0/2] both", "It is better.\n\n mm/rmap.c | 2 +-\n")
ANSWER = mail("Re: [PATCH v2 1/2] first", "> " + diff("int a;", "int b;").replace("\n", "\n> ") + "\nNo.\n")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_a_series_in_any_order_with_its_cover_letter_and_answers(order: tuple[int, ...]) -> None:
    parts = [COVER, *TWO]
    data = b"".join([*(parts[i] for i in order), ANSWER])
    assert [m.number for m in split_mails("x", data)] == [1, 2]
    assert applied(data) == b"int c;\n"
    assert applied(data.replace(b"\n", b"\r\n")) == b"int c;\n"


def test_a_diff_and_a_plain_mail_stay_as_they_are() -> None:
    for data in (diff("int a;", "int b;").encode(), TWO[0], b"Subject: x\n\n" + diff("int a;", "int b;").encode()):
        (one,) = split_mails("x", data)
        assert (one.name, one.data, one.decoded) == ("x", data, False)


def test_a_commit_message_may_have_a_line_that_begins_with_from() -> None:
    data = mail("[PATCH] one", "From what Linus said in 2011 it is\nFrom 2011: yes\n\n" + diff("int a;", "int b;"))
    assert applied(data) == b"int b;\n"


def test_encoded_for_mail() -> None:
    body = (diff("int a; // é=", "int b;") + "\n").encode()
    quoted = quopri.encodestring(body).decode()
    packed = base64.encodebytes(body.replace(b"\n", b"\r\n")).decode()
    head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
    old = "int a; // é=\n".encode()
    assert applied(mail("[PATCH] x", quoted, head + "quoted-printable\n"), old) == b"int b;\n"
    assert applied(mail("[PATCH] x", packed, head + "base64\n").partition(b"-- \n")[0], old) == b"int b;\n"


def test_attached() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b", "[PATCH] attached"
    message.set_content("See below.\n")
    message.add_attachment(
        diff("int a;", "int b;").encode(), maintype="application", subtype="octet-stream", filename="0001-x.patch"
    )
    assert applied(message.as_bytes()) == b"int b;\n"


def test_format_flowed() -> None:
    text = diff("int a;", "int b;").replace("\n-", "\n-").replace("\n index", "\n  index")
    stuffed = "\n".join(" " + line if line.startswith((" ", "From ", ">")) else line for line in text.split("\n"))
    message = mail("[PATCH] x", stuffed, "Content-Type: text/plain; format=flowed\n")
    assert applied(message) == b"int b;\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (COVER, "a cover letter"),
        (COVER + ANSWER, "none of 2 mails"),
        (COVER + TWO[1] + mail("[PATCH v2 3/3] x", diff("a", "b")), "several series"),
        (mail("[PATCH 1/3] x", diff("a", "b")) + mail("[PATCH 3/3] y", diff("b", "c")), "patch 2 of 3 is missing"),
        (TWO[0] + mail("[PATCH 2/2] old", diff("b", "c")), "several versions of a series: v1, v2"),
        (TWO[0] + mail("[PATCH v2 1/2] other", diff("b", "c")), "several series"),
    ],
)
def test_what_is_no_series(data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        split_mails("x.mbox", data)


def test_the_same_mail_twice_is_one() -> None:
    assert applied(TWO[0] + TWO[1] + TWO[0]) == b"int c;\n"


def test_quilt(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.patch", "sub/b c.patch"):
        (tmp_path / name).write_text("x")
    series = tmp_path / "series"
    series.write_text('# all of it\n\na.patch -p0   # without a/\n"sub/b c.patch" -R -p 1\n')
    first, second = read_series(series)
    assert (first.path, first.strip, first.reverse) == (tmp_path / "a.patch", 0, False)
    assert (second.path, second.strip, second.reverse) == (tmp_path / "sub/b c.patch", 1, True)
    assert is_series(series)
    assert not is_series(tmp_path / "a.patch")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# nothing\n", "names no patch"),
        ("\nnone.patch\n", "series:2: no such patch: none.patch"),
        ("a.patch -p3\n", "series:1: an option that kit does not know: -p3"),
        ("a.patch --fuzz\n", "does not know: --fuzz"),
        ('a.patch "\n', "not a line of a quilt series"),
    ],
)
def test_what_is_no_quilt_series(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text("x")
    (tmp_path / "series").write_text(text)
    with pytest.raises(UserError, match=words):
        read_series(tmp_path / "series")
