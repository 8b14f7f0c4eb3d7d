"""Patches: the text of a mail or of `git format-patch` in, changed file contents out. Pure, no I/O.

Hunks are applied strictly: every context line must match to the byte (no fuzz); only the place may be shifted, to the
one other place where the lines stand. As for `git apply`, a hunk that begins at the first line or has no context at its
end is tied to the file's beginning or end, and lines can be put without context only into an empty file. Where the
`index` line names blobs, the identity of the content before and after is checked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kit.errors import UserError

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_INDEX = re.compile(rb"^index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})")
_EXTENDED = re.compile(
    rb"^(rename from|rename to|copy from|copy to|old mode|new mode|new file mode|deleted file mode) (.+)"
)
_NO_NEWLINE = b"\\ No newline at end of file"
_SUBJECT = re.compile(r"^Subject: (?:\[[^\]]*PATCH[^\]]*\] )?(.*(?:\n[ \t].*)*)", re.MULTILINE)
_ENCODED = re.compile(rb"^Content-Transfer-Encoding: *(base64|quoted-printable)", re.MULTILINE | re.IGNORECASE)
_OVERHANG = re.compile(rb"\+|-(?!-)| .*\S")  # what follows a hunk and looks like a line of it


def blob_id(content: bytes) -> str:
    """The git blob id (SHA-1, 40 hex digits) of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Hunk:
    """One hunk: 1-based start lines and the lines before and after, line ends kept."""

    number: int
    at: int  # line of its @@ in the patch file, from 1
    old_start: int
    new_start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]
    trailing: bool = True  # whether context stands at its end

    @property
    def index(self) -> int:
        """Where the hunk says it starts, from 0; a pure insertion names the line after which it goes."""
        return self.old_start - 1 if self.old else self.old_start

    def reversed(self) -> Hunk:
        return Hunk(self.number, self.at, self.new_start, self.old_start, self.new, self.old, self.trailing)


@dataclass(frozen=True)
class FilePatch:
    """The changes to one file. `old_blob`/`new_blob` are the abbreviated ids of its `index` line, or empty."""

    path: str
    hunks: tuple[Hunk, ...]
    old_blob: str = ""
    new_blob: str = ""
    creates: bool = False
    deletes: bool = False
    source: str = ""  # where the content comes from, if not from `path`: a rename, or a copy
    moves: bool = False  # a rename: `source` goes
    modes: tuple[str, str] = ("", "")  # before and after, where the patch changes the file's mode

    def reversed(self) -> FilePatch:
        """What undoes it; of a rename too. A copy has no such (apply_series refuses it)."""
        return FilePatch(
            self.source or self.path,
            tuple(h.reversed() for h in self.hunks),
            self.new_blob,
            self.old_blob,
            creates=self.deletes,
            deletes=self.creates,
            source=self.path if self.source else "",
            moves=self.moves,
            modes=(self.modes[1], self.modes[0]),
        )


@dataclass(frozen=True)
class Patch:
    """A parsed patch file: its name, subject line, content id and the files that it changes."""

    name: str
    subject: str
    sha256: str
    files: tuple[FilePatch, ...]
    reverse: bool = False


@dataclass(frozen=True)
class Applied:
    """What applying one FilePatch did: blob ids before and after, whether they are those of the `index` line
    (None where it names none), and by how many lines each hunk was shifted."""

    path: str
    before: str
    after: str
    exact: bool | None
    offsets: tuple[int, ...] = field(default=())


def parse_patch(name: str, data: bytes, *, reverse: bool = False, strip: int = 1) -> Patch:
    """Reads a patch. `name` is what messages call it; `strip`: how many leading parts of its paths go (0 or 1).

    Raises UserError with file and line where the text is not a whole unified diff.
    """
    files = _Parser(name, data, strip).parse()
    if not files:
        what = "no diff in it" if data.strip() else "is empty"
        raise UserError(what, where=name, hint="a patch is what `git format-patch` or `git diff` writes")
    match = _SUBJECT.search(data.decode("utf-8", "replace"))
    subject = " ".join(match.group(1).split()) if match else ""
    if reverse:
        files = [f.reversed() for f in reversed(files)]
    return Patch(name, subject, hashlib.sha256(data).hexdigest(), tuple(files), reverse)


class _Parser:
    """Line by line over one patch file."""

    def __init__(self, name: str, data: bytes, strip: int = 1) -> None:
        self.name = name
        self.strip = strip
        self.lines = split_lines(data)
        self.pos = 0
        if any(x.startswith((b"@@ -", b"+++ ", b"diff --git ")) and x.endswith(b"\r\n") for x in self.lines):
            raise UserError("has CRLF line ends", where=name, hint="convert it first, e.g. with dos2unix")
        if encoded := _ENCODED.search(data.partition(b"\n\n")[0]):
            how = encoded.group(1).decode().lower()
            raise UserError(f"is encoded for mail ({how})", where=name, hint="save it decoded, as b4 does")

    def fail(self, what: str, hint: str = "the patch is damaged: save it anew from its source") -> UserError:
        return UserError(what, where=f"{self.name}:{self.pos + 1}", hint=hint)

    def parse(self) -> list[FilePatch]:
        files: list[FilePatch] = []
        header: dict[str, str] = {}
        while self.pos < len(self.lines):
            line = self.lines[self.pos]
            if line.startswith(b"diff --git "):
                files += self._without_hunks(header)
                header = {"diff": line.decode("utf-8", "replace").strip()}
            elif header and self._extended(line, header):
                pass
            elif line.startswith(b"@@ -"):
                raise self.fail("not the head of a hunk, or a hunk of no file: @@ -line,count +line,count @@ is wanted")
            elif line.startswith(b"--- ") and self._next_is(b"+++ "):
                files.append(self._file(header))
                header = {}
                continue
            self.pos += 1
        return files + self._without_hunks(header)

    def _extended(self, line: bytes, header: dict[str, str]) -> bool:
        """Notes a line of git's extended header. False if it is none. Raises UserError for a binary file."""
        if match := _INDEX.match(line):
            header["old"], header["new"] = match.group(1).decode(), match.group(2).decode()
            return True
        if line.startswith((b"GIT binary patch", b"Binary files ")):
            file = header["diff"].rpartition(" ")[2].partition("/")[2]
            hint = "commit it, and name the tree itself: --range, or tree: git:REPO@REV"
            raise self.fail(f"changes a binary file, which kit does not apply: {file}", hint)
        match = _EXTENDED.match(line)
        if match:
            header[match.group(1).decode()] = match.group(2).decode("utf-8", "replace").rstrip()
        return match is not None

    def _without_hunks(self, header: dict[str, str]) -> list[FilePatch]:
        """A file of which only name or mode changes, or that is empty. Raises UserError where nothing is said of it."""
        if not header:
            return []
        old_mode, new_mode = header.get("old mode", ""), header.get("new mode", "")
        if "rename to" in header or "copy to" in header:
            return [self._moved(header, ())]
        made, gone = "new file mode" in header, "deleted file mode" in header
        if not (old_mode and new_mode) and not made and not gone:
            raise self.fail("a file header without any hunk", "the patch is damaged: save it anew from its source")
        words = header["diff"].split(" ")
        path = words[-1].partition("/")[2] if self.strip else words[-1]
        return [FilePatch(self._checked(path), (), creates=made, deletes=gone, modes=(old_mode, new_mode))]

    def _moved(self, header: dict[str, str], hunks: tuple[Hunk, ...]) -> FilePatch:
        """A rename or a copy; its two names stand bare in the extended header, without a/ and b/."""
        how = "rename" if "rename to" in header else "copy"
        source, path = self._checked(header.get(f"{how} from", "")), self._checked(header[f"{how} to"])
        modes = (header.get("old mode", ""), header.get("new mode", ""))
        old, new = header.get("old", ""), header.get("new", "")
        return FilePatch(path, hunks, old, new, source=source, moves=how == "rename", modes=modes)

    def _checked(self, path: str) -> str:
        """A path relative to the tree. Raises UserError for one that leads out of it."""
        if path.startswith('"'):
            raise self.fail(f"names a path in quotes: {path}", "paths with such characters are not supported")
        if path.startswith("/") or {"..", ".git", ""} & set(path.split("/")):
            raise self.fail(f"names a path outside the tree: {path}", "paths are relative to the tree, as a/… and b/…")
        return path

    def _next_is(self, start: bytes) -> bool:
        return self.pos + 1 < len(self.lines) and self.lines[self.pos + 1].startswith(start)

    def _file(self, header: dict[str, str]) -> FilePatch:
        old, new = (_path(self.lines[self.pos + i]) for i in (0, 1))
        name = new if new != "/dev/null" else old
        if name.startswith(('"', "/")):
            self._checked(name)
        stripped = self._checked(name.split("/", 1)[1] if self.strip and "/" in name else name)
        self.pos += 2
        hunks: list[Hunk] = []
        while self.pos < len(self.lines) and _HUNK.match(self.lines[self.pos]):
            hunks.append(self._hunk(len(hunks) + 1))
        if not hunks:
            raise self.fail(f"no hunk for {stripped}")
        if "rename to" in header or "copy to" in header:
            return self._moved(header, tuple(hunks))
        return FilePatch(
            stripped,
            tuple(hunks),
            header.get("old", ""),
            header.get("new", ""),
            creates=old == "/dev/null",
            deletes=new == "/dev/null",
            modes=(header.get("old mode", ""), header.get("new mode", "")),
        )

    def _hunk(self, number: int) -> Hunk:
        at = self.pos
        match = _HUNK.match(self.lines[at])
        assert match is not None
        old_start, old_count, new_start, new_count = (int(g) if g is not None else 1 for g in match.groups())
        old: list[bytes] = []
        new: list[bytes] = []
        self.pos += 1
        last = b""
        while len(old) < old_count or len(new) < new_count:
            if self.pos >= len(self.lines):
                raise self.fail(f"hunk {number} ends before its {old_count}+{new_count} lines")
            last = self.lines[self.pos][:1] if self.lines[self.pos][:1] != b"\\" else last
            self._hunk_line(self.lines[self.pos], old, new)
            self.pos += 1
        if len(old) > old_count or len(new) > new_count:
            raise self.fail(f"hunk {number} has more lines than its header says")
        if self.pos < len(self.lines) and self.lines[self.pos].startswith(_NO_NEWLINE):
            self._strip_newline(old, new)
            self.pos += 1
        if self.pos < len(self.lines) and _OVERHANG.match(self.lines[self.pos]):
            raise self.fail(f"hunk {number} has more lines than its header says")
        return Hunk(number, at + 1, old_start, new_start, tuple(old), tuple(new), last in (b" ", b"\n"))

    def _hunk_line(self, line: bytes, old: list[bytes], new: list[bytes]) -> None:
        kind, rest = line[:1], line[1:]
        if kind == b"\n":  # mailers strip the lone space of an empty context line
            kind, rest = b" ", line
        if line.startswith(_NO_NEWLINE):
            self._strip_newline(old, new)
        elif kind == b" ":
            old.append(rest)
            new.append(rest)
        elif kind == b"-":
            old.append(rest)
        elif kind == b"+":
            new.append(rest)
        else:
            raise self.fail(f"not a line of a hunk: {line[:40].decode(errors='replace').strip()!r}")

    def _strip_newline(self, old: list[bytes], new: list[bytes]) -> None:
        """The marker belongs to the line before it: to both sides if that was context."""
        kind = self.lines[self.pos - 1][:1]
        if kind in b" -" and old:
            old[-1] = old[-1].rstrip(b"\n")
        if kind in b" +" and new:
            new[-1] = new[-1].rstrip(b"\n")


def split_lines(data: bytes) -> list[bytes]:
    """Lines as git sees them, ends kept: only a newline ends one."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _path(line: bytes) -> str:
    return line[4:].split(b"\t")[0].strip().decode("utf-8", "replace")


def apply_file(patch: Patch, change: FilePatch, content: bytes | None) -> tuple[bytes | None, Applied]:
    """Applies one file's hunks to its content (None: no such file); gives the new content (None: deleted).

    Raises UserError that names file, hunk and the lines that differ.
    """
    where = f"{patch.name}: {change.path}"
    if content is None and not change.creates:
        missing = f"the tree has no {change.source}" if change.source else "the tree has no such file"
        raise UserError(missing, where=where, hint="is the patch for this kernel?")
    if content is not None and change.creates:
        raise UserError("the patch makes this file, but the tree has it", where=where, hint="already applied?")
    lines = split_lines(content or b"")
    offsets: list[int] = []
    shift = done = 0
    for hunk in change.hunks:
        place = _find(lines, hunk, shift, done)
        if place is None:
            raise _reject(patch, change, hunk, lines, shift, done)
        offsets.append(place - hunk.index - shift)
        lines[place : place + len(hunk.old)] = hunk.new
        shift = place - hunk.index + len(hunk.new) - len(hunk.old)
        done = place + len(hunk.new)
    after = b"".join(lines)
    if change.deletes and after:
        raise UserError("the patch removes this file, but lines are left", where=where, hint="is it for this kernel?")
    before_id = blob_id(content) if content is not None else ""
    after_id = "" if change.deletes else blob_id(after)
    exact = _identity(where, change, before_id, after_id)
    return (None if change.deletes else after), Applied(change.path, before_id, after_id, exact, tuple(offsets))


def _find(lines: Sequence[bytes], hunk: Hunk, shift: int, done: int) -> int | None:
    """Where the hunk's old lines stand: where it says, or the one other place below line `done` (from 0), down to
    which the file is patched already. None if nowhere, or away from where it says and twice."""
    old = list(hunk.old)
    if not old:
        return None if lines else 0
    last = len(lines) - len(old)
    places = range(done, last + 1)
    if hunk.old_start <= 1:
        places = places[:1] if done == 0 else range(0)
    if not hunk.trailing:
        places = range(last, last + 1) if last in places else range(0)
    found = [i for i in places if lines[i] == old[0] and list(lines[i : i + len(old)]) == old]
    if hunk.index + shift in found:
        return hunk.index + shift
    return found[0] if len(found) == 1 else None


def _reject(patch: Patch, change: FilePatch, hunk: Hunk, lines: Sequence[bytes], shift: int, done: int) -> UserError:
    verb = "does not reverse" if patch.reverse else "does not apply"
    what = f"hunk {hunk.number} of {change.path} {verb}"
    where = f"{patch.name}:{hunk.at}"
    if not hunk.old:
        return UserError(f"{what}: it has no context", where=where, hint="make the patch with context, as git does")
    place = _closest(lines, hunk, hunk.index + shift)
    if shown := _differences(lines, hunk, place):
        what += f" (line {place + 1}):\n{shown}"
    else:
        what += f": its lines stand at line {place + 1}, but not only there, or not at the file's beginning or end"
    return UserError(what, where=where, hint=_reject_hint(patch, change, hunk, lines, shift, done))


def _reject_hint(patch: Patch, change: FilePatch, hunk: Hunk, lines: Sequence[bytes], shift: int, done: int) -> str:
    if hunk.new and _find(lines, hunk.reversed(), shift, done) is not None:
        if patch.reverse:
            return "it seems not to be in this tree: leave it out, or apply it forwards"
        return "it seems to be there already: leave it out, or reverse it: {patch: FILE, reverse: true}"
    made = f" It was made for blob {change.old_blob} of this file" if change.old_blob.strip("0") else ""
    return "is the patch for this kernel?" + made


def _closest(lines: Sequence[bytes], hunk: Hunk, want: int) -> int:
    """The place where most of the hunk's lines match; where it says, if that is no worse."""

    def score(i: int) -> int:
        return sum(1 for a, b in zip(lines[i : i + len(hunk.old)], hunk.old, strict=False) if a == b)

    want = min(max(want, 0), max(len(lines) - 1, 0))
    first = set(hunk.old)
    places = [i for i in range(len(lines)) if lines[i] in first and lines[i].strip()]
    return max([want, *places], key=lambda i: (score(i), -abs(i - want)))


def _differences(lines: Sequence[bytes], hunk: Hunk, place: int, most: int = 6) -> str:
    out: list[str] = []
    for i, expected in enumerate(hunk.old):
        have = lines[place + i] if place + i < len(lines) else None
        if have == expected:
            continue
        number = place + i + 1
        out.append(f"    line {number} should be: {_show(expected)}")
        out.append(f"    line {number} is:        {_show(have) if have is not None else '(end of file)'}")
        if len(out) >= 2 * most:
            out.append("    …")
            break
    return "\n".join(out)


def _show(line: bytes) -> str:
    """A line with its tabs, trailing spaces and a missing newline made visible."""
    text = line.rstrip(b"\n").decode("utf-8", "replace")
    bare = text.rstrip(" ")
    visible = (bare + "·" * (len(text) - len(bare))).replace("\t", "→").replace("\r", "\\r")
    return visible if line.endswith(b"\n") else f"{visible} (no newline at the end of the file)"


def _identity(where: str, change: FilePatch, before: str, after: str) -> bool | None:
    """Whether the blobs are those of the `index` line; None if it names none.

    Raises UserError when the content before is the one named and the content after is not: the patch was changed.
    """
    if not change.old_blob and not change.new_blob:
        return None
    if not _named(before, change.old_blob):
        return False
    if not _named(after, change.new_blob):
        raise UserError(
            f"applied to blob {change.old_blob} it gives {after[:12]}, not the {change.new_blob} of its index line",
            where=where,
            hint="the patch was edited after it was made: save it anew, or remove its index line",
        )
    return True


def _named(blob: str, abbreviated: str) -> bool:
    if not abbreviated.strip("0"):  # git writes zeros for no file
        return not blob
    return blob.startswith(abbreviated)


def apply_series(
    patches: Sequence[Patch], read: Callable[[str], bytes | None]
) -> tuple[dict[str, bytes | None], list[tuple[Patch, list[Applied]]]]:
    """Applies patches one after the other. `read(path)` gives the tree's content or None.

    Returns the changed files (None: deleted) and, per patch, what was done.
    """
    changed: dict[str, bytes | None] = {}
    record: list[tuple[Patch, list[Applied]]] = []

    def now(path: str) -> bytes | None:
        return changed[path] if path in changed else read(path)

    for patch in patches:
        done: list[Applied] = []
        for change in patch.files:
            if change.source and now(change.path) is not None:
                what = f"the patch renames {change.source} to this, but the tree has it"
                raise UserError(what, where=f"{patch.name}: {change.path}", hint="already applied?")
            if change.source and patch.reverse and not change.moves:
                raise UserError("a copy cannot be taken out", where=f"{patch.name}: {change.source}")
            changed[change.path], applied = apply_file(patch, change, now(change.source or change.path))
            if change.moves:
                changed[change.source] = None
            done.append(applied)
        record.append((patch, done))
    return changed, record
