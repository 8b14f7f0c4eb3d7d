"""Mutations of a text: bytes, words, lines, numbers, parts of another text, and values of JSON. From a seed, so that
each case can be made again."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

MOST = 1 << 16  # bytes of a case: what is larger is slower to read, and says no more
TOKENS = (
    *(b"0", b"-1", b"1e999", b"-1e999", b"nan", b"inf", b"1e-320", b"99999999999999999999", b"9" * 5000, b"0x10"),
    *(b"18446744073709551616", b"-0", b"1,5", b"1_000", b".", b"+", b"%", b"%00", b"%0a", b"\\", b'"', b"'", b"`"),
    *(b"\0", b"\x1b]0;title\x07", b"\x1b[2J", b"\x85", b"\xe2\x80\xa8", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80"),
    *(b"\r", b"\r\n", b"\n\n", b"\t", b"\x0b", b"\x0c", b"\x1c", b"\xc2\xa0", b"\xd9\xa3", b"\xc2\xb2"),  # ٣, ²
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 2000, b"(" * 500, b"- " * 500, b"#" * 300, b" " * 2000, b"a" * 4000),
    *(b"null", b"true", b"[]", b"{}", b'""', b"~", b"&a [*a, *a]", b"!!python/object:os.system", b"<<: *a", b"--- |"),
    *(b"../", b"/etc/passwd", b"a/../../b", b"-", b"--", b"@@ -1,3 +1,3 @@", b"@@ -0,0 +1,99999999999 @@"),
    *(b"diff --git ", b"From ", b"Subject: ", b"=?utf-8?q?=00?=", b"not ok 1", b"ok 1", b"1..0", b"KTAP version 1"),
    *(b"BUG: ", b"WARNING: ", b"\n--- a/x\n", b"\n+++ /dev/null\n", b"\nrename from ../x\n", b"\nrename to /etc/x\n"),
    *(b'\nrename from "\\777"\n', b"\nGIT binary patch\nliteral 5\n", b"\nnew file mode 120000\n", b"\nindex 1..2\n"),
    *(b"Content-Type: multipart/mixed; boundary=xx\n", b"Content-Transfer-Encoding: base64\n", b"Date: 99999\n"),
    *(
        b"Subject: [PATCH 99999999999999999999/2] x\n",
        b"From a Mon Sep 17 00:00:00 2001\n",
        b"\\ No newline at end of file",
    ),
)
NUMBER = re.compile(rb"\d+(?:\.\d+)?")
WORD = re.compile(rb"[A-Za-z_]{2,}")
ODD: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, 0.0, -0.0, 1e308, 5e-324, float("inf"), float("nan")),
    *("", "x", "1", "nan", "\0", "\x1b[31m", "\ud800", "a" * 3000, "../x", [], [[]], {}, {"": None}, [None], ["x"]),
)


def mutated(rng: random.Random, texts: Sequence[bytes]) -> bytes:
    """One of the texts with one to eight changes."""
    data = rng.choice(texts)
    if data[:1] in (b"{", b"[") and rng.random() < 0.6:
        return _json(rng, data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
        data = rng.choice(CHANGES)(rng, data, texts)[:MOST]
    return data


def _span(rng: random.Random, data: bytes, most: int = 64) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    return at, min(len(data), at + rng.randrange(1, most))


def _flip(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    if not data:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _byte(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]


def _drop(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + data[end:]


def _cut(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] if rng.random() < 0.7 else data[at:]


def _token(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data, 8)
    return data[:begin] + rng.choice(TOKENS) + data[rng.choice((begin, end)) :]


def _number(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    return _replaced(rng, data, NUMBER, lambda: rng.choice((*TOKENS[:14], b"%d" % rng.randrange(1 << 34))))


def _word(rng: random.Random, data: bytes, texts: Sequence[bytes]) -> bytes:
    others = WORD.findall(rng.choice(texts)[:MOST]) or [b"x"]
    return _replaced(rng, data, WORD, lambda: rng.choice(others))


def _replaced(rng: random.Random, data: bytes, what: re.Pattern[bytes], by: Callable[[], bytes]) -> bytes:
    found = list(what.finditer(data))
    if not found:
        return data + by()
    match = rng.choice(found)
    return data[: match.start()] + by() + data[match.end() :]


def _line(rng: random.Random, data: bytes, texts: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    at, how = rng.randrange(len(lines)), rng.randrange(5)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif how == 2:
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif how == 3:
        lines[at:at] = [lines[at]] * rng.choice((2, 10, 300))
    else:
        lines.insert(at, rng.choice(rng.choice(texts)[:MOST].split(b"\n")))
    return b"\n".join(lines)


def _mailed(rng: random.Random, data: bytes, _texts: Sequence[bytes]) -> bytes:
    """As an editor or a mail program does it."""
    lines = data.split(b"\n")
    at, how = rng.randrange(len(lines)), rng.randrange(4)
    if how == 0:
        return data.replace(b"\n", b"\r\n")
    if how == 1:
        lines[at : at + 1] = [lines[at][:40], lines[at][40:]]
    elif how == 2:
        lines[at] = b"> " + lines[at]
    else:
        lines[at] = lines[at].replace(b"\t", b"        ")
    return b"\n".join(lines)


def _splice(rng: random.Random, data: bytes, texts: Sequence[bytes]) -> bytes:
    other = rng.choice(texts)
    begin, end = _span(rng, other, 2000)
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[begin:end] + data[at:]


CHANGES = (_flip, _byte, _drop, _cut, _token, _token, _number, _number, _word, _line, _line, _mailed, _splice)


def _json(rng: random.Random, data: bytes) -> bytes:
    """JSON (a value, or one a line) with one to three of its values replaced, removed or moved."""
    lines = data.split(b"\n")
    try:
        value, at = json.loads(data), None
    except ValueError:
        at = rng.randrange(len(lines))
        try:
            value = json.loads(lines[at])
        except ValueError:
            return data
    for _ in range(rng.choice((1, 1, 2, 3))):
        value = _elsewhere(rng, value)
    made = json.dumps(value, indent=1 if at is None else None).encode("utf-8", "surrogatepass")
    return made if at is None else b"\n".join((*lines[:at], made, *lines[at + 1 :]))


def _elsewhere(rng: random.Random, value: Any) -> Any:
    """The value with a change somewhere in it."""
    holder, key = None, None
    here = value
    while isinstance(here, (dict, list)) and here and (holder is None or rng.random() < 0.85):
        holder = here
        key = rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
        here = here[key]
    if holder is None:
        return rng.choice(ODD)
    how = rng.randrange(6)
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[rng.choice(("", "x", "name", "schema", "\x1b"))] = copy.deepcopy(here)
    elif how == 2 and isinstance(holder, list):
        holder.extend([copy.deepcopy(here)] * rng.choice((1, 2, 50)))
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD))
    return value
