"""All that evidence has to show: verdict.json's content in, its tables out, in the order of reports."""

from __future__ import annotations

import re

from kit.evidence import EVIDENCE
from kit.evidence.tables import COMPARED, Row, Table, intervals

WARNINGS = 8  # shown in full
STEP = ("step", "against", "says", "warnings", "in words")


def tables_of(verdict: Row) -> list[Table]:
    """Every table of every kind of evidence, in the order in which a report has them."""
    found: list[Table] = []
    for kind, said in verdict["evidence"].items():
        row = EVIDENCE.get(kind)
        title = row.title if row else kind
        if row and not said.get("decides", True):
            title = row.void_title.format(title)
        found += [*(row.tables(verdict, kind) if row else ()), *intervals(said, title, row.subject if row else "")]
    found += steps_table(verdict)
    return sorted(found, key=lambda table: table.place)


def steps_table(verdict: Row) -> list[Table]:
    """The table of a series, a step a row; none without steps."""
    rows = tuple(
        (s["arm"], s["against"], str(s["verdict"] or "could not run"), _count(s["warnings"]), _in_short(s))
        for s in verdict.get("steps", ())
    )
    new = [f"{s['arm']}: {warning}" for s in verdict.get("steps", ()) for warning in s["warnings"] or ()]
    foot = "\n".join([f"new warnings of the compiler: {new[0]}", *new[1:WARNINGS]]) if new else ""
    foot += f"\nand {len(new) - WARNINGS} more, all in verdict.json" * (len(new) > WARNINGS)
    return [Table("Each step, against the one before", STEP, "lllrl", rows, foot, COMPARED)] if rows else []


def _count(warnings: list[str] | None) -> str:
    return "?" if warnings is None else f"+{len(warnings)}" if warnings else "–"


def _in_short(step: Row) -> str:
    """The first clause of a step's sentence, without what the other columns say."""
    arm, against = re.escape(step["arm"]), re.escape(step["against"])
    heads = rf"(Broken|Inconclusive|Could not run|{arm} is \w+ than {against}|{arm} and {against} are the same): "
    text = re.sub(f"^{heads}", "", step["sentence"].rstrip("."))
    return re.split(r"; |(?<=\)), ", text, maxsplit=1)[0]
