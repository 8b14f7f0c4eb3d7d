"""A change taken apart: two states of some files in, a patch for each contiguous change of lines out. Pure.

The patches apply one after the other, and all of them make the whole change. Headers come first, since what is declared
there is used elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, diff_bytes, unified_diff

from kit.base.errors import UserError
from kit.kernel.content import Link
from kit.kernel.hunks import split_lines

NO_NEWLINE = b"\n\\ No newline at end of file\n"
Lines = Sequence[bytes]


@dataclass(frozen=True)
class Part:
    """One contiguous change: `path:line` of the file as it is then, with what goes and comes, and its patch."""

    where: str
    removed: int
    added: int
    patch: bytes

    @property
    def subject(self) -> str:
        """As a report names it: `mm/rmap.c:311 (+3 -1)`."""
        return f"{self.where} (+{self.added} -{self.removed})"


def parts(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> list[Part]:
    """The parts that turn `before` into `after`: path → content, None for no file; both with the same paths. Raises
    UserError for a file that is no text."""
    paths = [path for path in after if before[path] != after[path]]
    return [part for path in sorted(paths, key=_order) for part in _of_file(path, before[path], after[path])]


def _order(path: str) -> tuple[bool, str]:
    return not path.endswith(".h"), path


def _of_file(path: str, before: bytes | None, after: bytes | None) -> Iterator[Part]:
    if any(isinstance(content, Link) or b"\0" in (content or b"") for content in (before, after)):
        raise UserError("not a text: it cannot be taken apart", where=path)
    old, new = split_lines(before or b""), split_lines(after or b"")
    if before is None or after is None:
        yield Part(path, len(old), len(new), _patch(path, old, new, before is None, after is None))
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            patch = _patch(path, [*new[:j1], *old[i1:]], [*new[:j2], *old[i2:]])
            yield Part(f"{path}:{j1 + 1}", i2 - i1, j2 - j1, patch)


def _patch(path: str, old: Lines, new: Lines, created: bool = False, deleted: bool = False) -> bytes:
    name = path.encode()
    sides = b"/dev/null" if created else b"a/" + name, b"/dev/null" if deleted else b"b/" + name
    mode = b"new file mode 100644\n" if created else b"deleted file mode 100644\n" if deleted else b""
    lines = diff_bytes(unified_diff, old, new, *sides)
    text = b"".join(line if line.endswith(b"\n") else line + NO_NEWLINE for line in lines)
    return b"diff --git a/%s b/%s\n%s%s" % (name, name, mode, text)
