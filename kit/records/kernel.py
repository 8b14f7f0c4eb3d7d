"""A kernel to build, and a built one. No I/O, standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from kit.records.digest import digest

WAY = "ccache in depend mode"
"""How kit builds. Another way may make other objects of the same source: kernels of both are not compared."""


@dataclass(frozen=True)
class KernelSpec:
    """What to build: an arm for an instrument. Its key names the built kernel in the cache."""

    arm: str
    instrument: str  # "counting"
    arch: str
    tree: str  # as in the experiment, "debian:6.1"
    tree_key: str  # content of the tree
    workspace: str  # names the object folder: the tree's key; of a user's folder its path, so that an edit is cheap
    series: tuple[tuple[str, str], ...]  # (path in the tree, blob id of the patched file; "" if deleted)
    config_key: str  # content of the merged fragments
    toolchain: str  # compiler and binutils, as their --version prints them
    shims: tuple[tuple[str, str], ...] = ()  # (name, content) of what this toolchain needs to build an old kernel

    @cached_property
    def key(self) -> str:
        """Content key: two arms with the same sources share one kernel."""
        return digest([self.instrument, self.arch, self.tree_key, self.series, *self._made_with])

    @cached_property
    def object_key(self) -> str:
        """Key of the object folder, which arms of the same tree, configuration and toolchain share."""
        return digest([self.instrument, self.arch, self.workspace, *self._made_with])

    @property
    def _made_with(self) -> tuple[object, ...]:
        return (self.config_key, self.toolchain, WAY, *self.shims)


@dataclass(frozen=True)
class Kernel:
    """A built kernel. `image`: the path of the file that QEMU boots, vmlinux or (before 5.0) bzImage."""

    key: str
    image: str
    config: str
    log: str
    seconds: float
    cached: bool
    image_sha256: str

    @property
    def vmlinux(self) -> str:
        """The path of the kernel with its symbols, beside the image."""
        return str(PurePath(self.image).parent / "vmlinux")
