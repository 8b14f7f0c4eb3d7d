"""Explains why `git apply` refused a patch: one message with file and line, from git's messages and the tree. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.base.errors import UserError
from kit.kernel.forms import quoting_git
from kit.kernel.hunks import Hunk, Scan, Section, split_lines

Read = Callable[[str], bytes | None]
_FAILED = re.compile(r"^error: patch failed: (.*):(\d+)$", re.MULTILINE)
_MISSING = re.compile(r"^error: (.*): No such file or directory$", re.MULTILINE)
_EXISTS = re.compile(r"^error: (.*): already exists in (?:working directory|index)$", re.MULTILINE)
_LEFT = re.compile(r"^error: removal patch leaves file contents\nerror: (.*): patch does not apply$", re.MULTILINE)
_WHITE = re.compile(rb"\s+")
MOST_PARTS = 4  # leading components of a path that are tried for a hint
KERNEL = "is the patch for this kernel?"


@dataclass(frozen=True)
class Asked:
    """The patch that was to be applied. `forwards`: its text as read, not reversed; `line`: where the text begins in
    its file, from 0; `paths`: the path that git gives each section."""

    name: str
    forwards: Scan
    line: int
    paths: tuple[str, ...]
    strip: int
    reverse: bool

    def at(self, line: int) -> str:
        """`name:line` for a line (from 1) of the patch's text, counted in its file."""
        return f"{self.name}:{self.line + line}"

    def parts(self, path: str) -> list[Section]:
        """The sections about a path, in the direction and order of application."""
        sections = self.forwards.sections
        if len(sections) != len(self.paths):
            return []
        found = [s for s, p in zip(sections, self.paths, strict=True) if path in (p, s.source)]
        return [s.reversed() for s in reversed(found)] if self.reverse else found

    def section(self, path: str) -> Section | None:
        """The first section about a path."""
        return next(iter(self.parts(path)), None)


def explain(asked: Asked, err: str, read: Read) -> UserError:
    """The error for a patch that git refused to apply. `err`: git's messages; `read`: the content before the patch."""
    if match := _EXISTS.search(err):
        return _there_already(asked, match[1])
    if match := _MISSING.search(err):
        return _no_file(asked, match[1], read)
    if (match := _FAILED.search(err)) and (found := _rejected(asked, match[1], int(match[2]), read)):
        return found
    if match := _LEFT.search(err):
        return UserError("the patch removes this file, but lines are left", where=_where(asked, match[1]), hint=KERNEL)
    return quoting_git(
        asked.name, err, asked.line, f"cannot be {'reversed' if asked.reverse else 'applied'}", KERNEL
    )


def _where(asked: Asked, path: str) -> str:
    section = asked.section(path)
    return f"{asked.at(section.at)}: {path}" if section else f"{asked.name}: {path}"


def _there_already(asked: Asked, path: str) -> UserError:
    section = asked.section(path)
    verb = f"renames {section.source} to this" if section and section.source else "makes this file"
    what = f"the patch {verb}, but the tree has it"
    if asked.reverse:
        what = "taken out, the patch brings this file back, but the tree has it"
    return UserError(what, where=_where(asked, path), hint="already applied?")


def _no_file(asked: Asked, path: str, read: Read) -> UserError:
    section = asked.section(path)
    source = section.source if section else ""
    what = f"the tree has no {source}" if source == path else "the tree has no such file"
    for name in section.names if section else ():
        if said := _other_strip(asked, name, read):
            return UserError(f"{what}: {said[0]}", where=_where(asked, path), hint=said[1])
    return UserError(what, where=_where(asked, path), hint=KERNEL)


def _other_strip(asked: Asked, name: str, read: Read) -> tuple[str, str] | None:
    """Message and hint if the name is a file of the tree with another `strip`; None if it is not."""
    parts = name.split("/")
    for strip in range(min(MOST_PARTS, len(parts) - 1) + 1):
        path = "/".join(parts[strip:])
        if strip == asked.strip or not path or path.startswith("/") or read(path) is None:
            continue
        how = f"`{{patch: FILE, strip: {strip}}}` in an arm's series, or `FILE -p{strip}` in a quilt series file"
        if strip == 0:
            return (
                f"made with diff.noprefix? the tree has {path}",
                f"{how}; or `git diff --src-prefix=a/ --dst-prefix=b/`",
            )
        return f"its names have {strip} leading part{'s' * (strip > 1)}; the tree has {path}", how
    return None


def _rejected(asked: Asked, path: str, start: int, read: Read) -> UserError | None:
    """The error for the hunk that git could not place; None if it cannot be found."""
    parts = asked.parts(path)
    content = read(parts[0].source or path) if parts else None
    if content is None:
        return None
    lines = split_lines(content)
    for part in parts:
        shift = done = 0
        for hunk in part.hunks:
            place = find(lines, hunk, shift, done)
            if place is None or (hunk.old_start == start and part is parts[-1]):
                return _reject(asked, path, part, hunk, lines, shift, done)
            lines[place : place + len(hunk.old)] = hunk.new
            shift = place - hunk.index + len(hunk.new) - len(hunk.old)
            done = place + len(hunk.new)
    return None


def places(lines: Sequence[bytes], hunk: Hunk, done: int) -> list[int]:
    """The indices (from 0) at which the hunk's old lines occur, from line `done` on; the lines before it are already
    patched. As in git, a hunk that begins at line 1 must match there, and one without trailing context at the end."""
    old = list(hunk.old)
    if not old:
        return [] if lines else [0]
    last = len(lines) - len(old)
    where = range(done, last + 1)
    if hunk.old_start <= 1:
        where = where[:1] if done == 0 else range(0)
    if not hunk.trailing:
        where = range(last, last + 1) if last in where else range(0)
    return [i for i in where if lines[i] == old[0] and list(lines[i : i + len(old)]) == old]


def find(lines: Sequence[bytes], hunk: Hunk, shift: int, done: int) -> int | None:
    """The place nearest to where the hunk's header says, moved by `shift` lines; None if there is none."""
    found = places(lines, hunk, done)
    return min(found, key=lambda i: abs(i - hunk.index - shift)) if found else None


def _reject(
    asked: Asked, path: str, section: Section, hunk: Hunk, lines: Sequence[bytes], shift: int, done: int
) -> UserError:
    verb = "does not reverse" if asked.reverse else "does not apply"
    what = f"hunk {hunk.number} of {path} {verb}"
    where = asked.at(hunk.at)
    if not hunk.old:
        return UserError(f"{what}: it has no context", where=where, hint="make the patch with context, as git does")
    place = _closest(lines, hunk, hunk.index + shift)
    if shown := _differences(lines, hunk, place):
        what += f" (line {place + 1}):\n{shown}"
    else:
        what += f": its lines stand at line {place + 1}, but not at the file's beginning or end, where they belong"
    return UserError(what, where=where, hint=_hint(asked, section, hunk, lines, shift, done))


def _hint(asked: Asked, section: Section, hunk: Hunk, lines: Sequence[bytes], shift: int, done: int) -> str:
    if hunk.new and find(lines, hunk.reversed(), shift, done) is not None:
        if asked.reverse:
            return "it seems not to be in this tree: leave it out, or apply it forwards"
        return "it seems to be there already: leave it out, or reverse it: {patch: FILE, reverse: true}"
    if _only_white_space(lines, hunk):
        return (
            "only white space differs: a mail program or a copy from a terminal changed tabs or line ends; "
            "take the patch from its source (lore.kernel.org's raw, git format-patch)"
        )
    made = f" It was made for blob {section.old_blob} of this file" if section.old_blob.strip("0") else ""
    return KERNEL + made


def _only_white_space(lines: Sequence[bytes], hunk: Hunk) -> bool:
    """Whether the old lines occur somewhere if white space is ignored."""
    bare = [_WHITE.sub(b"", x) for x in lines]
    old = [_WHITE.sub(b"", x) for x in hunk.old]
    return any(old) and any(bare[i : i + len(old)] == old for i in range(len(bare) - len(old) + 1))


def _closest(lines: Sequence[bytes], hunk: Hunk, want: int) -> int:
    """The index at which most of the hunk's lines match; on a tie the nearest to `want`."""

    def score(i: int) -> int:
        return sum(1 for a, b in zip(lines[i : i + len(hunk.old)], hunk.old, strict=False) if a == b)

    want = min(max(want, 0), max(len(lines) - 1, 0))
    first = set(hunk.old)
    near = [i for i in range(len(lines)) if lines[i] in first and lines[i].strip()]
    return max([want, *near], key=lambda i: (score(i), -abs(i - want)))


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
    """A line with tabs, trailing spaces and a missing newline made visible."""
    text = line.rstrip(b"\n").decode("utf-8", "replace")
    bare = text.rstrip(" ")
    visible = (bare + "·" * (len(text) - len(bare))).replace("\t", "→").replace("\r", "\\r")
    return visible if line.endswith(b"\n") else f"{visible} (no newline at the end of the file)"
