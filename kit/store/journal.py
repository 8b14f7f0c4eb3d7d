"""A file of JSON lines that only grows: each record is on the disk before the next thing begins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kit.store.files import machine_errors


class Journal:
    """The file at `path`, which need not be there yet. A line that a kill cut off is no record, and stays by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, record: Any) -> None:
        """One record more, on the disk before this returns. Raises MachineError where the disk refuses."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        with machine_errors(self.path), self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else f"\n{line}"
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[tuple[int, Any]]:
        """The records in order, each with the number of its line, from 1."""
        if not self.path.exists():
            return []
        out = []
        for number, line in enumerate(self.path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
            try:
                out.append((number, json.loads(line)))
            except ValueError:
                continue
        return out
