"""A series of patches on one tree as a line of commits: a quilt series or an mbox in, the source of each prefix out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.bisection.line import Commit, Line, Source
from kit.kernel.mail import Mail
from kit.kernel.patch import Patch, apply_series, read_file, read_patches
from kit.kernel.quilt import Entry, is_series, own_names, read_series
from kit.kernel.tree import Tree
from kit.store.runfiles import patch_place

_LINK = re.compile(r"^Link: +(\S+)", re.MULTILINE)
LORE = "https://lore.kernel.org/r/"


@dataclass(frozen=True)
class Piece:
    """One patch of a series, with its commit for reports."""

    patch: Patch
    commit: Commit


@dataclass(frozen=True)
class Series:
    """A series of patches on a tree, as a line."""

    tree: Tree
    pieces: tuple[Piece, ...]
    sources: tuple[dict[str, bytes | None], ...]  # what each prefix changes, the empty one first

    @property
    def good(self) -> str:
        """The tree without any patch, as the experiment names it."""
        return self.tree.ref

    @property
    def bad(self) -> str:
        """The last patch's name."""
        return self.commits[-1].name

    @property
    def commits(self) -> Sequence[Commit]:
        """The patches in order, as commits."""
        return tuple(piece.commit for piece in self.pieces)

    def place(self, index: int) -> str:
        """The name of a place: how many patches are applied."""
        return patch_place(index)

    def source(self, index: int) -> Source:
        """The tree with the first `index` patches."""
        return Source(self.tree, self.sources[index])

    def paths(self, index: int) -> tuple[str, ...]:
        """The paths that the patch at a place changes."""
        before, after = self.sources[index - 1], self.sources[index]
        return tuple(path for path in after if path not in before or after[path] != before[path])

    def changing(self, file: str) -> tuple[int, ...]:
        """The patches that change a file."""
        return tuple(index for index in range(1, len(self.pieces) + 1) if file in self.paths(index))

    def inside(self, index: int) -> tuple[Line, ...]:
        """Nothing: a series has no merges."""
        return ()


def entries_of(path: Path) -> list[Entry]:
    """The files of a quilt `series` file or an mbox. Raises UserError with file and line."""
    return read_series(path) if is_series(path) else [Entry(path)]


def read_pieces(path: Path) -> list[Piece]:
    """The patches of a quilt `series` file or an mbox, in order. Raises UserError with file and line."""
    entries = entries_of(path)
    return [piece for entry, name in zip(entries, own_names(entries), strict=True) for piece in _pieces(entry, name)]


def _pieces(entry: Entry, own: str) -> list[Piece]:
    """The patches of one file, which a report calls `own`."""
    path = entry.path
    found = list(read_patches(str(path), read_file(str(path)), reverse=entry.reverse, strip=entry.strip))
    out = []
    for number, (mail, patch) in enumerate(found, 1):
        name = own if len(found) == 1 else f"{own}:{number}"
        out.append(Piece(patch, _commit(name, patch, mail)))
    return out


def _commit(name: str, patch: Patch, mail: Mail) -> Commit:
    """A patch's commit for reports. The link to its own mail comes before the links in its text."""
    links = [LORE + mail.message_id.strip("<>")] if mail.message_id else []
    subject = patch.subject or mail.subject or name
    said = f'Revert "{subject}"' if patch.reverse else subject
    return Commit(name, said, mail.author, mail.date, links=(*links, *_LINK.findall(mail.text)))


def line_of(tree: Tree, pieces: Sequence[Piece]) -> Series:
    """Applies the patches one after the other, in memory. Raises UserError for the first that does not apply."""
    sources: list[dict[str, bytes | None]] = [{}]
    for piece in pieces:
        before = sources[-1]

        def read(path: str, before: dict[str, bytes | None] = before) -> bytes | None:
            return before[path] if path in before else tree.entry(path)

        changed, _ = apply_series([piece.patch], read)
        sources.append({**before, **changed})
    return Series(tree, tuple(pieces), tuple(sources))
