"""Reads a file or standard input (`-`) as text: decompresses and decodes it.

Compression and encoding are found from the content: gzip, xz, bzip2, zstd; UTF-8, with a byte order mark or not, and
UTF-16.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kit.base.errors import UserError

STDIN = "-"
MOST_BYTES = 64 << 20
ZSTD = b"\x28\xb5\x2f\xfd"
OPENERS: Mapping[bytes, Callable[[io.BytesIO], io.BufferedIOBase]] = {
    b"\x1f\x8b": lambda data: gzip.GzipFile(fileobj=data),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}


@dataclass(frozen=True)
class Source:
    """One text. `name`: for messages, a path as the user typed it."""

    name: str
    content: str

    @cached_property
    def lines(self) -> list[str]:
        """The content by lines."""
        return self.content.splitlines()

    @property
    def is_json(self) -> bool:
        """Whether its first character is that of JSON."""
        return self._json_text[:1] in ("{", "[")

    @cached_property
    def documents(self) -> list[Any]:
        """Every JSON value in it, in order; a single list or object is one value. Raises UserError."""
        found, place, text = [], 0, self._json_text
        decoder = json.JSONDecoder(object_pairs_hook=self._object)
        while place < len(text):
            try:
                value, place = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                where = f"{self.name}:{error.lineno + self._skipped}"
                raise UserError(f"not JSON: {error.msg}, column {error.colno}", where=where) from error
            except RecursionError as error:
                raise UserError("not JSON: nested too deep", where=self.name) from error
            except ValueError as error:  # python reads no number of more than 4,300 digits
                raise UserError("a number with too many digits", where=self.name) from error
            found.append(value)
            while text[place : place + 1].isspace() or text[place : place + 1] == "\x1e":
                place += 1
        return found

    @cached_property
    def doubled(self) -> list[str]:
        """Keys that occur twice in one object: only the last would count."""
        return []

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) < len(pairs):
            self.doubled.extend(k for i, (k, _) in enumerate(pairs) if k in dict(pairs[:i]))
        return out

    @cached_property
    def _skipped(self) -> int:
        """The number of lines before the JSON: fio writes its warnings there."""
        if '"fio version"' not in self.content:
            return 0
        return next((i for i, line in enumerate(self.lines) if line.startswith("{")), 0)

    @property
    def _json_text(self) -> str:
        return "\n".join(self.lines[self._skipped :]).lstrip() if self._skipped else self.content.lstrip()

    def line_of(self, word: str) -> str:
        """`name:line` of the first line with this word; only the name if there is none."""
        number = next((i for i, line in enumerate(self.lines, 1) if word in line), 0)
        return f"{self.name}:{number}" if number else self.name


def read_source(path: str) -> Source:
    """Reads a file, or standard input. Raises UserError."""
    return Source("standard input" if path == STDIN else path, _decoded(_uncompressed(_bytes(path), path), path))


def _bytes(path: str) -> bytes:
    if path == STDIN:
        data = sys.stdin.buffer.read(MOST_BYTES + 1)
    else:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            hint = "a file, a folder, - for standard input, or a summary n,mean,sd as 10,104.9,14.8%"
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UserError(f"cannot read: {why}", where=path, hint=hint) from error
    return _bounded(data, path)


def _bounded(data: bytes, path: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise UserError(f"larger than {MOST_BYTES >> 20} MiB", where=path)
    return data


def _uncompressed(data: bytes, path: str) -> bytes:
    if data.startswith(ZSTD):
        return _bounded(_zstd(data, path), path)
    for magic, opened in OPENERS.items():
        if data.startswith(magic):
            try:
                return _bounded(opened(io.BytesIO(data)).read(MOST_BYTES + 1), path)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise UserError(f"compressed, and damaged: {error}", where=path) from error
    return data


def _zstd(data: bytes, path: str) -> bytes:
    program = shutil.which("zstd")
    if program is None:
        raise UserError("compressed with zstd, which is missing", where=path, hint=f"zstd -d {path}, where zstd is")
    done = subprocess.run([program, "-dc"], input=data, capture_output=True, check=False)
    if done.returncode:
        raise UserError("compressed, and damaged: zstd cannot read it", where=path)
    return done.stdout


def _decoded(data: bytes, path: str) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding == "utf-8-sig" and data[1:2] == b"\x00" and data[:1] != b"\x00":
        encoding = "utf-16-le"
    elif encoding == "utf-8-sig" and data[:1] == b"\x00":
        encoding = "utf-16-be"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError("not text", where=path, hint="UTF-8 or UTF-16 is read") from error
    if "\x00" in text:
        raise UserError("not text", where=path, hint="UTF-8 or UTF-16 is read")
    return text
