"""Tables of who takes a lock (kit.evidence.callers): verdict.json's content in, tables out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.base.words import number
from kit.evidence.tables import DETAILS, Row, Table

DEPTH = 8  # functions of a chain


def caller_tables(verdict: Row, kind: str) -> list[Table]:
    """Who takes each named lock, and by which call chains."""
    details = verdict["evidence"][kind]["details"]
    return [*_shares(details.get("callers", ())), *_chains(details.get("chains", ()))]


def _shares(found: Sequence[Row]) -> Iterator[Table]:
    rows = tuple(
        (
            *(row["lock"], row["workload"], row["arm"]),
            f"{row['function']} ({row['operation']})" if row["operation"] else row["function"],
            number(row["count"]),
            f"{100 * row['share']:.2f}%",
            "–" if row["predicted"] is None else number(row["predicted"]),
            number(row["count"] / row["jobs"]),
        )
        for row in found
    )
    if rows:
        headers = ("lock", "workload", "arm", "caller", "acquisitions", "share", "predicted", "per job")
        foot = "exact; in every window the callers add up to lock_stat's number"
        yield Table("Who takes the lock (callers)", headers, "llllrrrr", rows, foot, DETAILS)


def _chains(found: Sequence[Row]) -> Iterator[Table]:
    arms = list(dict.fromkeys(arm for row in found for arm in row["counts"]))
    rows = tuple(
        (row["lock"], row["workload"], *(number(row["counts"].get(arm, 0)) for arm in arms), _words(row["chain"]))
        for row in found
    )
    if rows:
        title = "By which call chains, first those that differ between the arms"
        headers = ("lock", "workload", *arms, "called by")
        yield Table(title, headers, "ll" + "r" * len(arms) + "l", rows, place=DETAILS)


def _words(chain: Sequence[str]) -> str:
    shown = " ← ".join(chain[:DEPTH])
    return f"{shown} ← …" if len(chain) > DEPTH else shown
