"""Mails with patches: mboxes, encodings, attachments, order; and quilt's series files."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import lzma
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.kernel.gitpatch import split_maildir
from kit.kernel.mail import split_mails
from kit.kernel.patch import apply_series, read_patches
from kit.kernel.quilt import is_series, read_series


def diff(old: str, new: str, path: str = "mm/rmap.c") -> str:
    stat = f"---\n {path} | 2 +-\n\n"
    return f"{stat}diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


def mail(subject: str, body: str, headers: str = "") -> bytes:
    head = f"From 0123456789abcdef Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: {subject}\n{headers}\n"
    return (head + body + "-- \n2.39.5\n\n").encode()


def applied(data: bytes, content: bytes = b"int a;\n") -> bytes | None:
    patches = [patch for _, patch in read_patches("x", data)]
    return apply_series(patches, {"mm/rmap.c": content}.get)[0]["mm/rmap.c"]


def notes(data: bytes) -> list[str]:
    return [note for _, patch in read_patches("x", data) for note in patch.notes]


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


def test_a_diff_and_a_plain_mail_stay_as_they_are_and_keep_their_line_numbers() -> None:
    for data in (diff("int a;", "int b;").encode(), TWO[0], b"Subject: x\n\n" + diff("int a;", "int b;").encode()):
        ((one, patch),) = read_patches("x", data)
        assert (one.name, one.decoded) == ("x", False)
        assert data.endswith(one.data)
        assert data.split(b"\n")[one.line] == one.data.split(b"\n")[0]
        assert patch.sha256 == hashlib.sha256(data).hexdigest()


def test_a_refusal_names_the_line_of_the_file_in_an_mbox_too() -> None:
    data = COVER + TWO[0] + TWO[1].replace(b"-int b;", b"-int x;")
    with pytest.raises(UserError) as caught:
        applied(data)
    lines = data.split(b"\n")
    assert caught.value.where == f"x:{len(lines) - lines[::-1].index(b'@@ -1 +1 @@')}"


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
        (TWO[0] + mail("[PATCH 1/2] first", diff("b", "c")), "several versions of a series: v1, v2"),
        (COVER + TWO[0] + mail("[PATCH v2 1/2] other", diff("b", "c")), "several series"),
        (mail("Pull", "The following changes since commit 0123456789:\n\n  x (2011)\n"), "a pull request"),
        (mail("[PATCH] x", diff("int a;", "int b;").replace("-int a;", "-int a;" + "x" * 60 + "\ny")), "line-wrapped"),
    ],
)
def test_what_is_no_series(data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        list(read_patches("x.mbox", data))


def test_a_series_that_lacks_a_part_is_taken_as_git_am_does_and_told() -> None:
    data = mail("[PATCH 1/3] x", diff("int a;", "int b;")) + mail("[PATCH 3/3] y", diff("int b;", "int c;"))
    assert applied(data) == b"int c;\n"
    assert set(notes(data)) == {"patch 2 of 3 is missing"}
    with pytest.raises(UserError) as caught:
        applied(data.replace(b"-int b;", b"-int x;"))
    assert "patch 2 of 3 is missing" in caught.value.hint


def test_series_that_follow_each_other_are_taken_as_they_stand() -> None:
    other = mail("[PATCH 1/1] third", diff("int c;", "int d;"))
    assert applied(TWO[0] + TWO[1] + other) == b"int d;\n"
    assert applied(TWO[0] + mail("[PATCH v2 1/2] other", diff("int b;", "int e;"))) == b"int e;\n"


def test_the_same_mail_twice_is_one() -> None:
    assert applied(TWO[0] + TWO[1] + TWO[0]) == b"int c;\n"


PLAIN = mail("[PATCH] x", diff("int a;", "int b;"))
HEADERS = {
    "a date out of range": "Date: Fri, 17 Jun 2011 10:00:00 +99999999999999\n",
    "a year too long": "Date: Fri, 17 Jun 99999999999999999999 10:00:00 +0000\n",
    "an id with brackets": "Message-ID: <[0123@example.org]>\n",
    "an id without an end": "Message-ID: <0123@\n",
    "an encoded word of an unknown set": "X: y\nFrom: =?nosuch-8?q?=E4?= <a@b>\n",
    "an encoded word cut short": "Cc: =?utf-8?b?w6\n",
    "an address that is none": "To: <<>>,,;:@\nSender: (((\n",
    "a type without a subtype": "Content-Type: text; charset\n",
    "an unknown character set": "Content-Type: text/plain; charset=unknown-8bit\n",
    "a wrong character set": "Content-Type: text/plain; charset=utf-16\n",
    "an unknown encoding": "Content-Transfer-Encoding: x-uuencode\n",
    "bytes that are no ASCII": "X-Name: \u00e4\u20ac\n",
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_no_header_ends_kit(headers: str) -> None:
    assert applied(mail("[PATCH] x", "W\u00f6rter\n" + diff("int a;", "int b;"), headers)) == b"int b;\n"


def test_a_mail_that_answers_with_a_patch_in_any_encoding() -> None:
    body = "how about this?\n\n" + diff("int a;", "int b;").partition("\n\n")[2]
    for headers in ("", "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n"):
        assert applied(mail("Re: [PATCH v3 1/1] x", body, headers)) == b"int b;\n"
        below = "> old words\nNo:\n\n-- >8 --\nSubject: mine\n\n" + body
        assert applied(mail("Re: [PATCH v3 1/1] x", below, headers)) == b"int b;\n"


def test_in_a_thread_an_answer_s_own_patch_is_left_out_and_told() -> None:
    own = mail("Re: [PATCH v2 2/2] second", "this?\n" + diff("int c;", "int d;"))
    assert applied(COVER + TWO[0] + TWO[1] + own) == b"int c;\n"
    assert notes(COVER + TWO[0] + TWO[1] + own) == ["answers with a patch of their own are left out: 1"]
    assert applied(TWO[0] + TWO[1] + own) == b"int d;\n"  # as git am: each mail holds a patch


def test_the_blank_line_before_a_boundary_is_the_last_line_of_context() -> None:
    hunk = "--- a/mm/rmap.c\n+++ b/mm/rmap.c\n@@ -1,3 +1,3 @@\n-int a;\n+int b;\n \n\n"
    head = 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="xx"\n'
    plain = f"--xx\nContent-Type: text/plain\n\nx\n---\n{hunk}--xx\n"
    data = mail("[PATCH] x", f"{plain}Content-Type: text/html\n\n<p>x</p>\n--xx--\n", head)
    assert applied(data, b"int a;\n\n\n") == b"int b;\n\n\n"


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/x-patch", "application/x-patch", "text/x-diff"])
@pytest.mark.parametrize("name", ["0001-x.patch", "fix.diff", ""])
def test_attachments_of_any_type(kind: str, name: str) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "a@b", "[PATCH] attached"
    message.set_content("See below.\n")
    main, _, sub = kind.partition("/")
    message.add_attachment(diff("int a;", "int b;").encode(), maintype=main, subtype=sub, filename=name or None)
    assert applied(message.as_bytes()) == b"int b;\n"


def test_signed_in_its_text() -> None:
    escaped = diff("int a;", "int b;").replace("\n-", "\n- -")
    escaped = f"- {escaped}" if escaped.startswith("-") else escaped
    head, tail = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n", "-----BEGIN PGP SIGNATURE-----\n\niQ=\n"
    assert applied(mail("[PATCH] x", f"{head}{escaped}{tail}-----END PGP SIGNATURE-----\n")) == b"int b;\n"


WRAPPED = {
    "gzip": gzip.compress(PLAIN),
    "xz": lzma.compress(PLAIN),
    "bzip2": bz2.compress(PLAIN),
    "two gzips": gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:]),
    "utf-16": diff("int a;", "int b;").replace("\n", "\r\n").encode("utf-16"),
    "utf-16 without a mark": diff("int a;", "int b;").replace("\n", "\r\n").encode("utf-16-le"),
    "a byte order mark": b"\xef\xbb\xbf" + diff("int a;", "int b;").partition("\n\n")[2].encode(),
    "colours": b"\x1b[1mdiff --git a/mm/rmap.c b/mm/rmap.c\x1b[m\n\x1b[1m--- a/mm/rmap.c\x1b[m\n\x1b[1m+++ b/mm/rmap.c"
    b"\x1b[m\n\x1b[36m@@ -1 +1 @@\x1b[m\n\x1b[31m-int a;\x1b[m\n\x1b[32m+\x1b[m\x1b[32mint b;\x1b[m\n",
}


@pytest.mark.parametrize("how", WRAPPED)
def test_what_people_wrap_patches_in(how: str) -> None:
    assert applied(WRAPPED[how]) == b"int b;\n"
    assert bool(notes(WRAPPED[how])) != (how == "a byte order mark")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(PLAIN)[:-20], "its gzip data ends early"),
        (gzip.compress(PLAIN)[:-8] + b"x" * 8, "its gzip data is damaged"),
        (lzma.compress(PLAIN)[:-9], "its xz data"),
        (b"PK\x03\x04" + b"x" * 99, "a zip file"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 99, "compressed with zstd"),
        (b"x\n" * (40 << 20), "more than 64 MiB"),
        (gzip.compress(bytes(80 << 20), 1), "more than 64 MiB"),
        (b"\xff\xfe" + b"\x00\xd8" * 9, "damaged UTF-16"),
    ],
)
def test_what_cannot_be_unwrapped(data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        split_mails("x", data)


def test_a_maildir_in_the_order_of_git_am(tmp_path: Path) -> None:
    for folder, name, data in (("cur", "2", TWO[0]), ("cur", "10", TWO[1])):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(data)
    assert split_maildir(tmp_path) == TWO


def test_quilt(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a.patch", "sub/b c.patch"):
        (tmp_path / name).write_text("x")
    series = tmp_path / "series"
    series.write_text('# all of it\n\na.patch -p0   # without a/\n"sub/b c.patch" -R -p 1\n')
    first, second = read_series(series)
    assert (first.path, first.strip, first.reverse) == (tmp_path / "a.patch", 0, False)
    assert (second.path, second.strip, second.reverse) == (tmp_path / "sub/b c.patch", 1, True)
    series.write_text("a.patch #-xen\n-xen a.patch -p2\na.patch # + words\n")
    assert [entry.strip for entry in read_series(series)] == [1, 2, 1]
    assert is_series(series)
    assert not is_series(tmp_path / "a.patch")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# nothing\n", "names no patch"),
        ("\nnone.patch\n", "series:2: no such patch: none.patch"),
        ("a.patch -p33\n", "series:1: unknown option: -p33"),
        ("\na.patch #+xen\n", "series:2: a patch for the guard xen"),
        ("+xen a.patch\n", "series:1: a patch for the guard xen"),
        ("a.patch --fuzz\n", "unknown option: --fuzz"),
        ('a.patch "\n', "not a line of a quilt series"),
    ],
)
def test_what_is_no_quilt_series(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text("x")
    (tmp_path / "series").write_text(text)
    with pytest.raises(UserError, match=words):
        read_series(tmp_path / "series")
