"""An append-only file of JSON lines, each synced to disk before `append` returns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kit.store.files import machine_errors


class Journal:
    """The file at `path`, which need not exist yet. A line that a kill cut off is skipped, and the next record gets a
    line of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: Any) -> None:
        """Appends a record and syncs it to disk. Raises MachineError on a disk error."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        with machine_errors(self.path), self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else f"\n{line}"
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[tuple[int, Any]]:
        """The records in order, each with its line number, from 1."""
        if not self.path.exists():
            return []
        out = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
            try:
                out.append((number, json.loads(line)))
            except (ValueError, RecursionError):
                continue
        return out
