"""Where a job works: the cache, the tools of kernels and a run folder in; a place that is swept before and kept within
its limit behind, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.base.progress import Progress
from kit.kernel.toolchain import Toolchain, find_toolchain
from kit.records import KernelSpec
from kit.store.cache import Cache
from kit.store.eviction import keep_within, size_limit, sweep, temporary_files
from kit.store.runfolder import RunFolder


@dataclass
class Workplace:
    """A job's place. `folder` only inside of `at`; `spared`: (kind, name) of what it has used of the cache, which stays
    there at its end."""

    cache: Cache
    tools: Toolchain
    progress: Progress
    spared: set[tuple[str, str]] = field(default_factory=set)
    _folder: RunFolder | None = None

    @property
    def folder(self) -> RunFolder:
        """The job's run folder."""
        assert self._folder is not None, "no run folder yet"
        return self._folder

    @contextmanager
    def at(self, folder: RunFolder) -> Iterator[Workplace]:
        """Works in a run folder, alone, with temporary files of its own. Raises MachineError where another kit does."""
        with folder.hold(), temporary_files():
            self._folder = folder
            yield self

    def spare(self, entries: Iterable[tuple[str, str]]) -> None:
        """Keeps entries of the cache, (kind, name), from going at the job's end."""
        self.spared.update(entries)

    def spare_kernel(self, spec: KernelSpec) -> None:
        """The same for a kernel, and for the object folder that makes the next one quick."""
        self.spare([("kernels", spec.key), ("objects", spec.object_key)])


@contextmanager
def workplace(cache: Cache, progress: Progress, toolchain: str) -> Iterator[Workplace]:
    """A place for a job. What killed kits left is swept out first; when the job has come to its end, the cache is
    brought within its limit; and whatever the job came to, what it used is let go.

    Raises UserError for a limit that is no size, MachineError where a tool is missing.
    """
    limit = size_limit()
    sweep(cache)
    place = Workplace(cache, find_toolchain(progress, toolchain), progress)
    try:
        yield place
        if said := keep_within(cache, limit, place.spared):
            progress.note(said)
    finally:
        cache.release()
