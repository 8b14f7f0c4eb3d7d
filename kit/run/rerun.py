"""`kit rerun`: does a recorded boot of a run again, and finds what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.base.project import command
from kit.evidence import EVIDENCE
from kit.evidence.locks import by_class, named
from kit.kernel.build import cached_kernel, source_folders
from kit.records import Boot, BootSpec, Experiment, Kernel, Results, to_json
from kit.run import bootrequest
from kit.run.plan import Plan
from kit.run.recorded import experiment_of, find_boot, name_of, planned, provenance_of
from kit.run.runner import load_boots
from kit.store.cache import Cache
from kit.store.eviction import temporary_files
from kit.store.runfiles import resume_command
from kit.store.runfolder import RunFolder
from kit.vm.boot import BootRun
from kit.workload.guestimage import archive_name, build_guest


@dataclass(frozen=True)
class Rerun:
    """A boot done again. `rows`: window, lock, recorded and new acquisitions (None if a side has no such window); empty
    for a boot that measures time or sent no results."""

    recorded: Boot
    run: BootRun
    rows: tuple[dict[str, Any], ...]
    other_classes: int
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the outcome and all counts are as recorded."""
        counts = all(row["recorded"] == row["now"] for row in self.rows)
        return counts and self.run.outcome is self.recorded.outcome

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        old, new = self.recorded, self.run
        return {
            "boot": name_of(old),
            "same": self.same,
            "compared": len(self.rows),
            "recorded": {"outcome": str(old.outcome), "why": old.why, "seconds": old.seconds},
            "now": {"outcome": str(new.outcome), "why": new.why, "seconds": round(new.seconds, 2)},
            "windows": list(self.rows),
            "other_classes_that_differ": self.other_classes,
            "splats": to_json(new.splats),
            "console": str(new.console),
            "notes": list(self.notes),
        }


def rerun(
    folder: RunFolder,
    name: str,
    cache: Cache,
    progress: Progress,
    *,
    gdb: bool = False,
    keep: bool = False,
    say: Callable[[str], None] = print,
) -> Rerun:
    """Does a boot of a run again; the run's records do not change.

    `gdb`: stop the guest before its first instruction for gdb; `keep`: if it hangs, leave it for gdb; `say` gets the
    instructions for the user. Raises UserError if there is no such boot, MachineError if its kernel is no longer in the
    cache.
    """
    if folder.is_bisection:
        hint = f"to list its boots: {command('show', str(folder.path), '--boot')}"
        what = "a boot of a bisection cannot be done again, only one of a run"
        raise UserError(what, where=str(folder.path), hint=hint)
    exp, boot, origin = experiment_of(folder), find_boot(folder, name), provenance_of(folder)
    notes: list[str] = []
    spec = _spec(exp, boot, origin, notes)
    try:
        kernel = _kernel(boot, folder, cache)
        base = _guest(str(origin.get("guest", "")), cache, progress, notes)
        with temporary_files(), progress.task(f"boot {name_of(boot)} again"):
            console = _console(folder, boot)
            asked = bootrequest.request_for(
                spec, kernel, base, console, raw=folder.raw(console), debug=gdb,
                seconds=Plan(exp, ()).limit(spec, load_boots(folder)), sources=source_folders(kernel.key, cache),
            )  # fmt: skip
            if gdb or keep:
                run = bootrequest.debug(asked, progress, say, stopped=gdb)
            else:
                run = bootrequest.boot(asked, progress)
    finally:
        cache.release()
    return Rerun(boot, run, *_differences(boot, run.results, exp), tuple(notes))


def _spec(exp: Experiment, boot: Boot, origin: dict[str, Any], notes: list[str]) -> BootSpec:
    place = (boot.arm, boot.evidence, boot.cpus, boot.order)
    specs = planned(exp, origin, boot.accel, every=True).wanted
    found = [s for s in specs if s.key == boot.key] or [
        s for s in specs if (s.arm, s.evidence, s.machine.cpus, s.order) == place
    ]
    if not found:
        what = "this version of kit plans no such boot for the experiment"
        raise MachineError(what, where=name_of(boot), hint="resume the run with --resume")
    if found[0].key != boot.key:
        notes.append("this version of kit makes another program for that boot than the run's: counts may differ")
    return found[0]


def _kernel(boot: Boot, folder: RunFolder, cache: Cache) -> Kernel:
    cache.use("kernels", boot.kernel_key)
    kernel = cached_kernel(boot.kernel_key, cache)
    if kernel is None:
        hint = f"to build it again: {resume_command(folder.path)}"
        where = f"{name_of(boot)}, kernel {boot.kernel_key}"
        raise MachineError("the kernel is no longer in the cache, or is damaged there", where=where, hint=hint)
    return kernel


def _guest(recorded: str, cache: Cache, progress: Progress, notes: list[str]) -> Path:
    """The archive of the guest's programs that the run used; today's if that is gone."""
    cache.use("guest", archive_name(recorded))
    kept = cache.root / "guest" / archive_name(recorded)
    if kept.exists():
        return kept
    guest = build_guest(cache.folder("guest"), on_command=progress.command)
    if guest.key != recorded:
        notes.append("the guest's own programs have changed since the run: counts may differ")
    return guest.base_cpio_path


def _console(folder: RunFolder, boot: Boot) -> Path:
    """A new path for the console's log, in the run folder."""
    number = 1
    while (path := folder.path / "reruns" / f"{name_of(boot)}-{number}.log").exists():
        number += 1
    return path


def _differences(boot: Boot, new: Results | None, exp: Experiment) -> tuple[tuple[dict[str, Any], ...], int]:
    """Rows of what must repeat (counts of the named locks, or instructions) by window, and the number of lock classes
    that differ in some window. Time is not compared."""
    old = boot.results
    if old is None and new is None:
        return (), 0
    before, after = _counts(boot, old, exp), _counts(boot, new, exp)
    rows = tuple(
        {"window": w, "lock": what, "recorded": before.get(w, {}).get(what), "now": after.get(w, {}).get(what)}
        for w in dict.fromkeys([*before, *after])
        for what in dict.fromkeys([*before.get(w, {}), *after.get(w, {})])
    )
    return rows, len(_all_classes(old, new)) if old and new else 0


def _counts(boot: Boot, results: Results | None, exp: Experiment) -> dict[str, Mapping[str, int]]:
    """What must repeat: window → lock → count."""
    repeats, locks = EVIDENCE[boot.evidence].repeats, named(exp.locks)
    return {w.name: repeats(w, locks) for w in results.windows} if results else {}


def _all_classes(old: Results, new: Results) -> set[str]:
    """Every class whose count differs in a window that both have."""
    windows = {w.name: by_class(w) for w in new.windows}
    out = set()
    for window in old.windows:
        before, after = by_class(window), windows.get(window.name)
        if after is not None:
            out |= {name for name in {*before, *after} if before.get(name, 0) != after.get(name, 0)}
    return out
