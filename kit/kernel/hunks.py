"""A lenient reader of patches, for messages: finds files, hunks, and what is wrong with them.

git decides what a patch does (kit.kernel.gitpatch). This reads the same text to name lines, to count hunks and to say
why git refused. Pure, no I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

_HUNK = re.compile(rb"@@ -(\d{1,18})(?:,(\d{1,18}))? \+(\d{1,18})(?:,(\d{1,18}))? @@")
_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})")
_EXTENDED = re.compile(
    rb"(old mode|new mode|new file mode|deleted file mode|rename from|copy from|rename to|copy to|rename old|rename new"
    rb"|similarity index|dissimilarity index) (.*)"
)
_OVERHANG = re.compile(rb"\+|-(?!-)| .*\S")  # a line after a hunk that looks like part of it
_NO_NEWLINE = b"\\ "
_ESCAPES = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13}
WRAPS_FROM = 60  # columns of both parts of a wrapped line: mail programs wrap at about 72


def split_lines(data: bytes) -> list[bytes]:
    """Lines as git sees them, with their ends: only a newline ends a line."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


@dataclass(frozen=True)
class Hunk:
    """One hunk: its start lines (from 1) in the old and the new file, and the lines of both, with their ends."""

    number: int
    at: int  # line of its @@ in the patch, from 1
    old_start: int
    new_start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    trailing: bool = True  # whether it ends with context

    @property
    def index(self) -> int:
        """The index (from 0) of its first line in the old file. A pure insertion names the line before it instead."""
        return self.old_start - 1 if self.old else self.old_start

    def reversed(self) -> Hunk:
        """The hunk that undoes this one."""
        return replace(self, old_start=self.new_start, new_start=self.old_start, old=self.new, new=self.old)


@dataclass(frozen=True)
class Section:
    """The part of a patch about one file, from line `at` (from 1). `names`: those of its --- and +++ lines, with a/ and
    b/; `said`: git's extended header (field → value); blobs: the abbreviated ids of its index line."""

    at: int
    names: tuple[str, str] = ("", "")
    hunks: tuple[Hunk, ...] = ()
    said: dict[str, str] = field(default_factory=dict)
    old_blob: str = ""
    new_blob: str = ""

    @property
    def source(self) -> str:
        """The source of a rename or copy; empty for neither."""
        return next((self.said[k] for k in ("rename from", "copy from", "rename old") if k in self.said), "")

    def reversed(self) -> Section:
        """The section that undoes this one."""
        hunks = tuple(h.reversed() for h in self.hunks)
        return replace(self, hunks=hunks, old_blob=self.new_blob, new_blob=self.old_blob)


@dataclass(frozen=True)
class Fault:
    """What is wrong at a line (from 1)."""

    line: int
    what: str


@dataclass(frozen=True)
class Scan:
    """A patch as read. `fault`: the first fault; `overhangs`: lines after a complete hunk that look like more of it;
    `combined`: line numbers (from 1) of combined diffs."""

    sections: tuple[Section, ...]
    fault: Fault | None
    overhangs: tuple[Fault, ...]
    combined: tuple[int, ...]


def scan(text: bytes) -> Scan:
    """Reads a patch. Never raises: what it cannot read is in `fault`."""
    return _Scanner(text).scan()


class _Scanner:
    """Line by line over one patch."""

    def __init__(self, text: bytes) -> None:
        self.lines = split_lines(text)
        self.pos = 0
        self.sections: list[Section] = []
        self.fault: Fault | None = None
        self.overhangs: list[Fault] = []
        self.combined: list[int] = []

    def scan(self) -> Scan:
        while self.pos < len(self.lines):
            line = self.lines[self.pos]
            if line.startswith(b"diff --git "):
                self._header()
            elif line.startswith(b"--- ") and self._at(1).startswith(b"+++ ") and self._at(2).startswith(b"@@ -"):
                self.sections.append(Section(self.pos + 1, (_name(line), _name(self._at(1)))))
                self.pos += 2
            elif line.startswith(b"@@ -"):
                self._hunks()
            else:
                if line.startswith((b"diff --cc ", b"diff --combined ")):
                    self.combined.append(self.pos + 1)
                self.pos += 1
        return Scan(tuple(self.sections), self.fault, tuple(self.overhangs), tuple(self.combined))

    def _at(self, ahead: int) -> bytes:
        return self.lines[self.pos + ahead] if self.pos + ahead < len(self.lines) else b""

    def _blame(self, what: str, line: int | None = None) -> None:
        self.fault = self.fault or Fault((self.pos if line is None else line) + 1, what)

    def _header(self) -> None:
        """Reads a `diff --git` line and git's extended header below it."""
        at = self.pos + 1
        said: dict[str, str] = {}
        names, blobs = ["", ""], ("", "")
        self.pos += 1
        while self.pos < len(self.lines):
            line = self.lines[self.pos]
            if match := _INDEX.match(line):
                blobs = (match[1].decode(), match[2].decode())
            elif match := _EXTENDED.match(line):
                said[match[1].decode()] = _text(unquoted(match[2].strip(b"\r\n")))
            elif line.startswith((b"--- ", b"+++ ")):
                names[line.startswith(b"+++ ")] = _name(line)
            else:
                break
            self.pos += 1
        self.sections.append(Section(at, (names[0], names[1]), (), said, *blobs))

    def _hunks(self) -> None:
        """Reads consecutive hunks, for the file named last."""
        found: list[Hunk] = []
        while self._at(0).startswith(b"@@ -"):
            hunk = self._hunk(len(found) + 1)
            if hunk is None:
                break
            found.append(hunk)
        if self.sections and not self.sections[-1].hunks:
            self.sections[-1] = replace(self.sections[-1], hunks=tuple(found))
        elif found or self.fault is None:
            self._blame("a hunk of no file: no --- and +++ lines stand before it", found[0].at - 1 if found else None)
            self.pos += not found

    def _hunk(self, number: int) -> Hunk | None:
        """Reads one hunk; records a fault and returns None if it is not complete."""
        at = self.pos
        match = _HUNK.match(self.lines[at])
        self.pos += 1
        if match is None:
            self._blame("not the head of a hunk: @@ -line,count +line,count @@ is wanted", at)
            return None
        old_start, old_count, new_start, new_count = (int(g) if g is not None else 1 for g in match.groups())
        old: list[bytes] = []
        new: list[bytes] = []
        last = b""
        while len(old) < old_count or len(new) < new_count:
            line = self._at(0)
            if not line or not self._line(line, old, new):
                what = f"hunk {number} ends before its {old_count}+{new_count} lines"
                self._blame(what if not line or line.startswith((b"@@ ", b"diff ", b"-- \n")) else self._odd(line))
                return None
            last = line[:1] if line[:1] != b"\\" else last
            self.pos += 1
        if len(old) > old_count or len(new) > new_count:
            self._blame(f"hunk {number} has other counts of lines than its header says")
            return None
        if self._at(0).startswith(_NO_NEWLINE):
            self._strip_newline(old, new)
            self.pos += 1
        if _OVERHANG.match(self._at(0)):
            self.overhangs.append(Fault(self.pos + 1, f"after hunk {number}, which is whole"))
        return Hunk(number, at + 1, old_start, new_start, tuple(old), tuple(new), last in (b" ", b"\n", b"\r"))

    def _line(self, line: bytes, old: list[bytes], new: list[bytes]) -> bool:
        """Adds a line to a hunk; returns whether it belongs to one."""
        kind, rest = line[:1], line[1:]
        if line in (b"\n", b"\r\n"):  # mailers strip the lone space of an empty context line
            kind, rest = b" ", line
        if kind == b"\\":
            self._strip_newline(old, new)
        if kind in (b" ", b"-"):
            old.append(rest)
        if kind in (b" ", b"+"):
            new.append(rest)
        return kind in (b" ", b"-", b"+", b"\\")

    def _strip_newline(self, old: list[bytes], new: list[bytes]) -> None:
        """The marker (No newline at end of file) is about the line before it: in both files if that is context."""
        kind = self.lines[self.pos - 1][:1]
        if kind in b" -" and old:
            old[-1] = old[-1].rstrip(b"\n")
        if kind in b" +" and new:
            new[-1] = new[-1].rstrip(b"\n")

    def _odd(self, line: bytes) -> str:
        """Says what a line is that does not belong in a hunk."""
        shown = repr(_text(line[:40]).strip())
        before = self.lines[self.pos - 1]
        if line.startswith((b"\xc2\xa0", b"\xa0")):
            return f"begins with a no-break space: a mail program or a web page changed the white space: {shown}"
        if line.startswith(b">"):
            return f"quoted by a mail that answers: {shown}"
        if len(before) + len(line) >= WRAPS_FROM:
            return f"line-wrapped by the mail program: {shown} belongs to the line before"
        return f"not a line of a hunk: {shown}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _name(line: bytes) -> str:
    """The file name in a --- or +++ line; a tab or a time stamp ends it."""
    rest = line[4:].strip(b"\r\n")
    if rest.startswith(b'"'):
        return _text(unquoted(rest))
    return _text(re.split(rb"\t|\s+\d{4}-\d\d-\d\d \d\d:\d\d", rest)[0].rstrip())


def unquoted(name: bytes) -> bytes:
    """Resolves the escapes of a name that git quoted; returns other names unchanged."""
    if not name.startswith(b'"'):
        return name
    body = name[1:].rpartition(b'"')[0]

    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([_ESCAPES[code] if code in _ESCAPES else int(code, 8) & 255]) if code not in b'"\\' else code

    return re.sub(rb'\\([0-7]{3}|[abtnvfr"\\])', one, body)
