"""What an exploration of the model found, for a terminal or as JSON: rows of kit.model.explore.asked in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.model.explore.told import data as finding_data
from kit.model.explore.told import lines


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each profile: what was looked at, then each broken rule with its counterexample."""
    parts: list[str] = []
    for row in rows:
        found = row["findings"]
        said = f"{len(found)} of the rules broken" if len(found) > 1 else "a rule is broken" if found else "no finding"
        parts.append(f"{row['profile']}: {said} ({looked_at(row)})")
        for finding in found:
            parts += ["", *lines(finding)]
    return "\n".join(parts)


def looked_at(row: Mapping[str, Any]) -> str:
    """How much was looked at."""
    if "schedules" in row:
        return f"{row['schedules']} random schedules"
    if "unreduced" in row:
        more = "" if row["unreduced_whole"] else "more than "
        known = f"; the start breaks: {', '.join(row['known'])}" if row["known"] else ""
        whole = f"without the reduction {more}{row['unreduced']} states"
        return f"{row['states']} states where the order matters; {whole}{known}"
    scenes = f", {row['scenes']} scenes in all their interleavings" if row["scenes"] else ""
    return f"{row['histories']} histories{scenes}; {row['states']} states where the order matters"


def data(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {**row, "findings": [finding_data(finding) for finding in row["findings"]]}
