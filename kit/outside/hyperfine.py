"""hyperfine --export-json: for each command the times of its runs, in seconds (hyperfine 1.x)."""

from __future__ import annotations

from typing import Any

from kit.base.errors import UserError
from kit.outside.found import LESS, Datum, Label, Reading
from kit.outside.jsonfields import mapping, numbers, objects
from kit.outside.source import Source


def is_hyperfine(data: Any) -> bool:
    """Whether it is JSON of hyperfine."""
    return isinstance(data, dict) and bool(_results(data)) and "command" in mapping(_results(data)[0])


def _results(data: dict[str, Any]) -> list[Any]:
    found = data.get("results")
    return found if isinstance(found, list) else []


def read_hyperfine(data: Any, source: Source) -> Reading:
    """Reads the wall time of each run, by command; failed runs are noted. Raises UserError."""
    out, notes, seen = [], [], set()
    for result in objects(data["results"], f"{source.name}: results"):
        command = str(result.get("command"))
        where = f"{source.name}: {command}"
        if "times" not in result:
            raise UserError("no times of single runs", where=where, hint="hyperfine --export-json FILE writes them")
        if command in seen:
            notes.append(f"{command}: stands more than once, its times are taken together")
        seen.add(command)
        failed = sum(1 for code in result.get("exit_codes") or [] if code)
        if failed:
            notes.append(f"{command}: {failed} of {len(result['times'])} runs failed (exit code not 0); kept")
        out.append(Datum("time", numbers(result["times"], where), "s", LESS, (Label("command", command, True),)))
    return Reading(tuple(out), tuple(notes))
