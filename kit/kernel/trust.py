"""Whose source a kernel is built from. A build may plant what later builds take for their own objects, so builds share
an object folder, and write to one folder of ccache, only if they are of one trust:

- a tree as it is named, or with patches that come with kit: Debian's trees together, any other with itself alone;
- each series of other patches by itself. Its build begins with a copy of the objects of its tree, in a folder of its
  own, and can read the tree's ccache, not write to it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from kit.base.project import PROJECT
from kit.kernel.patch import read_file
from kit.kernel.toolchain import DEPEND
from kit.kernel.tree import Tree
from kit.records import digest

DEBIAN = "debian:"  # nothing of it is used without the signature of Debian's archive


@functools.cache
def _own() -> frozenset[str]:
    return frozenset(_hash(path.read_bytes()) for path in (PROJECT / "patches").rglob("*.patch"))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def are_own(paths: Sequence[str]) -> bool:
    """Whether these patch files all come with kit, wherever they lie now."""
    return all(_hash(read_file(path)) in _own() for path in paths)


def ccache_of(tree: Tree, *, held: bool) -> tuple[str, str]:
    """The folder of the cache that ccache has for builds of a tree, in a sandbox (`held`) or not: what a build without
    wrote there may be anybody's, and another user's."""
    kind, name = DEPEND if tree.ref.startswith(DEBIAN) else ("ccache", digest(tree.workspace)[:16])
    return kind, f"{name}-held" if held else name
