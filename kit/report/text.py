"""The verdict for a terminal: verdict.json's content in, text out: a table, a sentence, and where everything lies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kit.base.words import several
from kit.evidence.shown import tables_of
from kit.evidence.tables import BACKGROUND, Row, Table
from kit.report.tabled import tabled
from kit.workload.catalog import WORKLOADS

DISAGREEMENTS = 8  # shown in full


def render(verdict: Row, folder: Path, columns: int = 0) -> str:
    """The whole report, a newline at its end. `columns`: of the terminal; 0 where there is none."""
    tables = tables_of(verdict)
    parts = [_aa(verdict), *(drawn(t, columns) for t in tables if t.place < BACKGROUND), _disagreements(verdict)]
    parts += [*(drawn(t, columns) for t in tables if t.place == BACKGROUND), _splats(verdict)]
    parts += [_evidence(verdict), _sentence(verdict), _where(verdict, folder)]
    return "\n\n".join(p for p in parts if p) + "\n"


def wrapped(text: str, width: int) -> str:
    """Prose folded at words to a terminal's width; tables stay whole, and commands that are there to be copied."""
    out = []
    in_table = False
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        rule = "--" in line and not line.strip("- ")
        in_table = rule or (in_table and "  " in line.strip())
        if len(line) <= width or in_table or "   " in line.strip() or line.startswith("Again: "):
            out.append(line)
        else:
            rest = indent + "  " if indent else ""
            out += textwrap.wrap(line, width, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    return "\n".join(out) + "\n"


def _aa(verdict: Row) -> str:
    if not verdict.get("aa"):
        return ""
    base = next(name for name, arm in verdict["arms"].items() if arm["baseline"])
    return f"A/A experiment: every arm is the kernel of {base}, so a difference that is found is a false one"


def drawn(table: Table, columns: int = 0) -> str:
    """A table for a terminal, folded to its columns where they are known."""
    text = tabled(table.headers, table.rows, table.align, columns)
    return "\n".join(filter(None, [table.title, text, table.foot]))


def _disagreements(verdict: Row) -> str:
    """Each count that the model missed, with the operations that it counted."""
    details = [kind["details"] for kind in verdict["evidence"].values()]
    rows = [r for d in details for r in d.get("predictions", ()) if r["agrees"] is False]
    if not rows:
        return ""
    out = [f"Model and kernel disagree in {several(len(rows), 'count')}:"]
    for r in rows[:DISAGREEMENTS]:
        low, high = r["predicted"]
        predicted = f"{low}" if low == high else f"{low} to {high}"
        measured = ", ".join(map(str, r["measured"]))
        where = f"{r['arm']}, {r['window']}, {several(r['cpus'], 'vCPU')}"
        out.append(f"  {where}: measured {measured}; predicted {predicted}, of these")
        for name, count in r["by_operation"].items():
            if count:
                out.append(f"    {count:>10} {name} ({count / r['jobs']:.2f} per job)")
        out += [f"    {hint}" for hint in _hints(r)]
    if len(rows) > DISAGREEMENTS:
        out.append(f"  and {len(rows) - DISAGREEMENTS} more, all in verdict.json")
    for s in (s for d in details for s in d.get("suspects", ())):
        out.append(f"  {s['worker']} of {s['arm']}: counts are as measured if {s['function']} is that of {s['like']}")
    return "\n".join(out)


def _hints(row: Row) -> Iterable[str]:
    """Which operation the difference is a multiple of."""
    low, high = row["predicted"]
    for measured in sorted(set(row["measured"])):
        if low <= measured <= high:
            continue
        difference = measured - (low if measured < low else high)
        yield f"difference {difference:+d}, {difference / row['jobs']:+.3f} per job"
        for name, count in row["by_operation"].items():
            if count and difference % count == 0:
                yield f"  that is {difference // count:+d} times the predicted acquisitions of {name}"


def _splats(verdict: Row) -> str:
    out = []
    for group, title in (("broken", "broken"), ("could_not_run", "could not run"), ("once", "seen once, not counted")):
        for fault in verdict["splats"][group]:
            out.append(f"{title}: {fault['why']}")
            out += [f"    {line}" for line in fault["excerpt"].splitlines()[:12]]
            out += [f"    {fault['console']}"] if fault["console"] else []
    return "\n".join(out)


def _evidence(verdict: Row) -> str:
    rows = [f"  {kind}: {k['verdict']} – {k['why']}" for kind, k in verdict["evidence"].items()]
    notes = [f"  {note}" for k in verdict["evidence"].values() for note in k["notes"]]
    ran = ", ".join(load_words(load) for load in verdict["exercised"])
    exercised = f"Exercised: {ran}" if verdict["boots"]["ok"] else f"Nothing was exercised; asked for: {ran}"
    return "\n".join(["Evidence", *rows, *notes, exercised])


def load_words(load: Row) -> str:
    """A workload with its parameters: `aim7 (mix exec, users [1, 2], jobs 6)`."""

    def short(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{k}: {short(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            whole = len(value) > 2 and all(isinstance(v, int) for v in value)
            if whole and list(value) == list(range(value[0], value[-1] + 1)):
                return f"{value[0]}..{value[-1]}"
            return "[" + ", ".join(map(short, value)) + "]"
        return f"{value:g}" if isinstance(value, float) else str(value)

    kind = WORKLOADS.get(load["kind"])
    shown = kind.shown(load["params"]) if kind else load["params"]
    params = ", ".join(f"{k} {short(v)}" for k, v in shown.items() if v is not None)
    said = kind.said(load["params"]) if kind else ""
    return f"{load['name']} ({'; '.join(filter(None, [params, said]))})"


def _sentence(verdict: Row) -> str:
    word = str(verdict["verdict"] or "could not run")
    text = str(verdict["sentence"])
    if text.lower().startswith(f"{word}: "):  # the word stands before it in capitals
        text = text[len(word) + 2 :]
    expected = "" if verdict["expected"] or not verdict["verdict"] else " (not as expected)"
    return f"{word.upper()}{expected}: {text}"


def _where(verdict: Row, folder: Path) -> str:
    boots = verdict["boots"]
    lines = [f"Everything lies in {folder} (verdict.json, provenance.json, boots.jsonl, console/)"]
    if boots["reused"]:
        lines.append(f"Boots taken from earlier runs (same kernel, same program): {boots['reused']} of {boots['ok']}")
    lines.append(f"Again: {verdict['provenance']['reproduce']}")
    return "\n".join(lines)
