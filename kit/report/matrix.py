"""A matrix for a terminal: the content of matrix.json in, a table, a count of verdicts and where it lies, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit.base.project import command
from kit.base.words import several
from kit.report.tabled import tabled


def render_matrix(found: Mapping[str, Any], folder: Path, columns: int = 0) -> str:
    """A row for each cell, a newline at the end. `columns`: of the terminal, 0 if there is none."""
    keys = list(found["keys"])
    said = [str(row["verdict"] or "could not run") for row in found["cells"]]
    rows = [
        (*(str(row["keys"][key]) for key in keys), word, "" if row["exit_code"] == 0 else "!", _short(row["sentence"]))
        for row, word in zip(found["cells"], said, strict=True)
    ]
    counts = ", ".join(f"{count} {word}" for word, count in Counter(said).items())
    return (
        tabled((*keys, "verdict", "", "in words"), rows, "l" * (len(keys) + 3), columns)
        + f"\n\n{several(len(rows), 'cell')}: {counts}; `!`: not as expected, or not decided\n"
        + f"Everything lies in {folder} (matrix.json; a run folder for each cell below cells/)\n"
        + f"Over the cells: {command('history', str(folder / 'cells'))}\n"
    )


def _short(sentence: str) -> str:
    """The first line of a sentence, up to its first semicolon."""
    return sentence.partition("\n")[0].partition("; ")[0]
