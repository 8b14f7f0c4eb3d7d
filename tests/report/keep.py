"""Copies run folders into tests/report/recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).resolve().parent / "recorded"
LEFT_OUT = ("*.results", "*.log", "lock", "mail.txt", "report.html", "junit.xml")


def keep(run: Path, target: Path, place: str) -> None:
    """Copies a run folder made in `place`, without consoles, and with this machine's own paths replaced."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for file in (p for p in target.rglob("*") if p.is_file()):
        text = file.read_text()
        for own, other in (
            (str(run), str(target.relative_to(ROOT))),
            (place, "/home/ada"),
            (str(ROOT), "/home/ada/kit"),
            (str(Path.home()), "/home/ada"),
        ):
            text = text.replace(own, other)
        file.write_text(text)
