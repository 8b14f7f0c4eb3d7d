"""A run folder read back as plain data: its verdict, its progress, or one of its boots. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError, UserError
from kit.base.project import command
from kit.evidence.locks import acquisitions, named
from kit.evidence.request import Site
from kit.experiment.reader import read_experiment
from kit.records import Boot, Experiment, Outcome, Results, to_json
from kit.run.plan import Plan
from kit.run.runner import load_boots
from kit.store.cache import Cache
from kit.store.files import read_json
from kit.store.runfiles import resume_command
from kit.store.runfolder import EXPERIMENT, RunFolder

TAIL = 20  # lines shown of a console's end


def find_run(name: str, runs: Path) -> RunFolder:
    """The folder of the run or bisection with that path or name; `last`: the one in `runs` that was started or resumed
    last.

    Raises UserError if there is none.
    """
    return RunFolder.find(name, runs, EXPERIMENT)


def experiment_of(folder: RunFolder) -> Experiment:
    """The experiment as the run resolved it. Raises UserError if the file is damaged."""
    return read_experiment(folder.path / EXPERIMENT, [])


def provenance_of(folder: RunFolder) -> dict[str, Any]:
    """provenance.json. Raises MachineError if it is missing or damaged."""
    origin = read_json(folder.path / "provenance.json")
    if not isinstance(origin, dict) or not isinstance(origin.get("arms"), dict):
        hint = f"to write it again: {resume_command(folder.path)}"
        raise MachineError("missing or damaged", where=str(folder.path / "provenance.json"), hint=hint)
    return origin


def kernels_of(origin: dict[str, Any], *, every: bool = False) -> dict[tuple[str, str], str]:
    """(arm, instrument) → key of the kernel, for the kernels that are booted. `every`: also those that turned out to
    have the baseline's code; they may have boots from before that was known."""
    return {
        (arm, instrument): str(kernel["key"])
        for arm, made in origin["arms"].items()
        for instrument, kernel in made["kernels"].items()
        if every or kernel.get("booted", True)
    }


def planned(exp: Experiment, origin: dict[str, Any], accel: str, *, every: bool = False) -> Plan:
    """The run's plan; `every` as in `kernels_of`."""
    return Plan.of(exp, Site(kernels_of(origin, every=every), accel, str(origin.get("guest", ""))))


def progress_of(folder: RunFolder, cache: Cache) -> dict[str, Any]:
    """The progress of a run without a verdict: kernels, boots, and the command that resumes it."""
    exp = experiment_of(folder)
    done = load_boots(folder)
    out: dict[str, Any] = {"name": exp.name, "folder": str(folder.path), "under_way": folder.is_held()}
    kernels: list[dict[str, Any]] = []
    of = 0
    if (folder.path / "provenance.json").exists():
        origin = provenance_of(folder)
        of = planned(exp, origin, str(origin.get("accel", {}).get("used", "tcg"))).so_far(done)[1]
        for (arm, instrument), key in kernels_of(origin).items():
            there = (cache.root / "kernels" / key / "kernel.json").exists()
            kernels.append({"arm": arm, "instrument": instrument, "key": key, "built": there})
    good = {(b.key, b.arm) for b in done if b.outcome is Outcome.OK}
    return {
        **out,
        "kernels": kernels,
        "boots": {"planned": of, "ok": len(good), "failed": len(done) - len(good)},
        "failures": [f"boot {name_of(b)}: {b.outcome}: {b.why}" for b in done if b.outcome is not Outcome.OK],
        "resume": resume_command(folder.path),
    }


def name_of(boot: Boot) -> str:
    """The name of a boot's files, without suffix."""
    return Path(boot.console).stem


def find_boot(folder: RunFolder, name: str) -> Boot:
    """The boot with that number (`3`), or that name (`003-with-1cpu-count-try2`). Raises UserError."""
    boots = load_boots(folder)
    found = [b for b in boots if name_of(b) == name]
    if not found and name.isascii() and name.isdigit():
        found = [b for b in boots if b.order == int(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        hint = f"`{command('show', str(folder.path), '--boot')}` lists them"
        raise UserError(f"no boot {name} among the {len(boots)} that are recorded", where=str(folder.path), hint=hint)
    hint = "give the name of one: " + ", ".join(name_of(b) for b in found)
    raise UserError(f"{len(found)} boots have the number {name}", where=str(folder.path), hint=hint)


def boot_rows(folder: RunFolder) -> list[dict[str, Any]]:
    """A row for every recorded boot, in order."""
    keys = ("order", "arm", "cpus", "evidence", "outcome", "why", "seconds", "reused")
    return [{"name": name_of(b), **{k: to_json(getattr(b, k)) for k in keys}} for b in load_boots(folder)]


def boot_shown(folder: RunFolder, boot: Boot, exp: Experiment) -> dict[str, Any]:
    """A boot's record, with the counts of the locks that the experiment names and the end of its console."""
    console = folder.path / boot.console
    raw = folder.raw(console)
    out: dict[str, Any] = to_json(boot)
    windows = [
        {"name": name, "seconds": elapsed / 1e9, "acquisitions": counts}
        for name, elapsed, counts in window_counts(boot.results, named(exp.locks))
    ]
    runs = boot.results.payloads if boot.results else ()
    del out["results"]
    return {
        **out,
        "name": name_of(boot),
        "console": str(console),
        "raw": str(raw) if raw.exists() else None,
        "windows": windows,
        "payloads": [{**to_json(run), "stdout": run.stdout.text, "stderr": run.stderr.text} for run in runs],
        "console_tail": _tail(console),
    }


def window_counts(results: Results | None, locks: Sequence[str]) -> list[tuple[str, int, dict[str, int]]]:
    """(window, guest nanoseconds, lock → acquisitions) for each window of a boot."""
    windows = results.windows if results else ()
    return [(w.name, w.elapsed, {lock: acquisitions(w, lock) for lock in locks}) for w in windows]


def _tail(console: Path) -> list[str]:
    try:
        text = console.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip("\r") for line in text.rstrip().split("\n")[-TAIL:]]
