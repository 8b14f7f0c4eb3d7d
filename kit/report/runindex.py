"""An index of a folder of runs: what a history asks of each, in an SQLite file beside them.

The folders alone are the truth: a run that is new, or whose verdict was written anew, is read again; one that is gone
is forgotten; an index that is missing, damaged or of another kit is built from nothing. Where it cannot be written (a
folder of others), it is kept in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.base.errors import KitError
from kit.report.bisect import sentence
from kit.report.numbers import numbers
from kit.store.runfiles import FOUND, VERDICT, BisectionFiles, Files, read_files
from kit.store.runfolder import RunFolder

NAME = ".history.sqlite3"
FORM = 2
TABLES = """
create table runs (run text primary key, stamp integer, title text, kind text, started real, verdict text,
                   expected integer, kernel text, sentence text, fault text);
create table numbers (run text, evidence text, name text, arm text, baseline text, what text, place text, unit text,
                      direction text, baseline_value real, arm_value real, ratio real, verdict text, kernel text);
create index by_name on numbers (name);
"""


@dataclass(frozen=True)
class Run:
    """A folder. `title`: the experiment's name; `verdict`: empty where there is none; `fault`: why there is none."""

    run: str
    title: str
    kind: str
    started: float
    verdict: str
    expected: bool
    kernel: str
    sentence: str
    fault: str


@dataclass(frozen=True)
class Point:
    """One comparison of one run. `kernel`: the version that the arm has."""

    run: str
    title: str
    kernel: str
    evidence: str
    name: str
    arm: str
    baseline: str
    what: str
    place: str
    unit: str
    direction: str
    baseline_value: float
    arm_value: float
    ratio: float | None
    verdict: str


class Index:
    """The index of one folder of runs, up to date once it is made. Use as a context: it closes its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._db = _opened(folder / NAME)
        self._refresh()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def runs(self) -> list[Run]:
        """All, oldest first."""
        keys = "run, title, kind, started, verdict, expected, kernel, sentence, fault"
        rows = self._db.execute(f"select {keys} from runs order by started, run")
        return [Run(**dict(zip(keys.split(", "), row, strict=True))) for row in rows]

    def points(self) -> list[Point]:
        """Every comparison of every run, oldest run first."""
        keys = (
            "n.evidence, n.name, n.arm, n.baseline, n.what, n.place, n.unit, n.direction, n.baseline_value, n.arm_value"
        )
        query = (
            f"select r.run, r.title, n.kernel, {keys}, n.ratio, n.verdict from numbers n join runs r on r.run = n.run"
        )
        return [Point(*row) for row in self._db.execute(f"{query} order by r.started, r.run, n.rowid")]

    def _refresh(self) -> None:
        known = dict(self._db.execute("select run, stamp from runs"))
        there = {p.name: p for p in sorted(self.folder.glob("*")) if RunFolder(p).is_any}
        with self._db:
            for name in known.keys() - there.keys():
                self._forget(name)
            for name, path in there.items():
                if known.get(name) != (stamp := _stamp(path)):
                    self._forget(name)
                    self._read(path, stamp)

    def _forget(self, name: str) -> None:
        self._db.execute("delete from runs where run = ?", (name,))
        self._db.execute("delete from numbers where run = ?", (name,))

    def _read(self, path: Path, stamp: int) -> None:
        try:
            files = read_files(path)
            row, rows = _row(files), list(_numbers(files))
        except KitError as error:
            row, rows = (path.name, "run", 0.0, "", 0, "", "", str(error).splitlines()[0]), []
        except (KeyError, TypeError, ValueError) as error:
            fault = f"verdict.json is not as kit writes it: {type(error).__name__}: {error}"
            row, rows = (path.name, "run", 0.0, "", 0, "", "", fault), []
        self._db.execute(f"insert into runs values (?, ?{', ?' * len(row)})", (path.name, stamp, *row))
        self._db.executemany(f"insert into numbers values ({', '.join('?' * 14)})", rows)


def _opened(path: Path) -> sqlite3.Connection:
    """The file, made anew where it is damaged or of another form; in memory where it cannot be written."""
    for place in (str(path), str(path), ":memory:"):
        try:
            db = sqlite3.connect(place)
            if db.execute("pragma user_version").fetchone()[0] != FORM:
                if db.execute("select count(*) from sqlite_master").fetchone()[0]:
                    raise sqlite3.DatabaseError("another form")
                db.executescript(TABLES + f"pragma user_version = {FORM};")
            db.execute("select count(*) from runs")
            db.execute("update runs set stamp = stamp where run = ''")  # whether it may be written
            db.commit()
            return db
        except sqlite3.DatabaseError:
            with closing(db):
                _discard(path)
    raise AssertionError("memory is always there")


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _stamp(path: Path) -> int:
    """When the verdict was written; 0 where there is none yet."""
    found = [path / n for n in (VERDICT, FOUND) if (path / n).exists()]
    return found[0].stat().st_mtime_ns if found else 0


def _row(files: Files) -> tuple[Any, ...]:
    """title, kind, started, verdict, expected, kernel, sentence, fault."""
    if isinstance(files, BisectionFiles):
        f = files.found
        word = "found" if f["culprit"] else str(f["end"])
        return f["name"], "bisection", files.started, word, 1, f["provenance"]["version"], sentence(f), ""
    v = files.verdict
    kernels = sorted({str(arm["tree"]["version"]) for arm in v["provenance"]["arms"].values()})
    word = str(v["verdict"] or "could not run")
    return v["name"], "run", files.started, word, int(v["expected"]), ", ".join(kernels), v["sentence"], ""


def _numbers(files: Files) -> Iterator[tuple[Any, ...]]:
    if isinstance(files, BisectionFiles):
        return
    arms: Mapping[str, Any] = files.verdict["provenance"]["arms"]
    for n in numbers(files.verdict):
        c = n.comparison
        yield (files.name, n.kind, n.name, c.arm, c.baseline, n.what, n.where, c.unit, c.direction, c.baseline_value,
               c.arm_value, c.ratio, str(n.verdict), _version(arms, c.arm, c.baseline))  # fmt: skip


def _version(arms: Mapping[str, Any], arm: str, baseline: str) -> str:
    """Of the arm's kernel; the baseline rides along under another name, too."""
    return str(arms[arm if arm in arms else baseline]["tree"]["version"])
