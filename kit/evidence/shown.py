"""All that evidence has to show: verdict.json's content in, its tables out, in the order of reports."""

from __future__ import annotations

from kit.evidence import EVIDENCE
from kit.evidence.tables import Row, Table, intervals


def tables_of(verdict: Row) -> list[Table]:
    """Every table of every kind of evidence, in the order in which a report has them."""
    found: list[Table] = []
    for kind, said in verdict["evidence"].items():
        row = EVIDENCE.get(kind)
        title = row.title if row else kind
        if row and not said.get("decides", True):
            title = row.void_title.format(title)
        found += [*(row.tables(verdict, kind) if row else ()), *intervals(said, title, row.subject if row else "")]
    return sorted(found, key=lambda table: table.place)
