"""Where a job works: the cache, the toolchain and a run folder. The cache is swept before the job, and brought within
its limit after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.base.progress import Progress
from kit.kernel.build import BuildInput
from kit.kernel.toolchain import Toolchain, find_toolchain
from kit.store.cache import Cache
from kit.store.eviction import keep_within, size_limit, sweep, temporary_files
from kit.store.runfolder import RunFolder


@dataclass
class Workplace:
    """A job's workplace. `folder` is set inside `at` only; `spared`: (kind, name) of the cache entries that the job
    used; they stay."""

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
        """Holds a run folder, with temporary files of its own. Raises MachineError if another process works on it."""
        with folder.hold(), temporary_files():
            self._folder = folder
            yield self

    def spare(self, entries: Iterable[tuple[str, str]]) -> None:
        """Keeps cache entries, (kind, name), from being removed at the job's end."""
        self.spared.update(entries)

    def spare_kernel(self, job: BuildInput) -> None:
        """Spares a kernel and its object folders, which make the next build quick."""
        folders = {job.objects, job.trees_objects}
        self.spare([("kernels", job.spec.key), *(("objects", name) for name in folders)])


@contextmanager
def workplace(cache: Cache, progress: Progress, toolchain: str) -> Iterator[Workplace]:
    """A workplace for a job. First removes what killed processes left; after a job that ended without an exception,
    brings the cache within its limit; in any case releases the cache entries in use.

    Raises UserError if KIT_CACHE_LIMIT is not a size, MachineError if a tool is missing.
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
