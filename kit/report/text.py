"""The verdict for a terminal: verdict.json's content in, text out: a table, a sentence, and where everything lies."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from kit.report.noisy import tables
from kit.stats.words import number, rough, several
from kit.workload.aim7 import left_out_said

Row = Mapping[str, Any]
DISAGREEMENTS = 8  # shown in full


def render(verdict: Row, folder: Path) -> str:
    """The whole report, a newline at its end."""
    parts = [_aa(verdict), _table(verdict), *tables(verdict), _metrics(verdict)]
    parts += [_disagreements(verdict), _classes(verdict), _splats(verdict)]
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


def _table(verdict: Row) -> str:
    """One row per arm, lock and window; machines that counted the same share a row."""
    kinds = verdict["evidence"]
    kind = next((k for k in ("count", "model") if kinds.get(k, {}).get("comparisons")), None)
    if kind is None:
        return ""
    ranked = {r["class"] for r in kinds[kind]["details"].get("classes", ()) if not r.get("named", True)}
    exact = [c for c in kinds[kind]["comparisons"] if c["said"] is None]  # the others have a table of their own, too
    of_locks = [c for c in exact if c["at"]["lock"] and c["at"]["lock"] not in ranked]
    if not of_locks:
        return ""
    comparisons = sorted(of_locks, key=_order(verdict, of_locks))
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for c in comparisons:
        at = c["at"]
        same = (c["arm_value"], c["baseline_value"], c["low"], c["high"], c["agrees"], c["baseline_agrees"])
        groups.setdefault((c["arm"], at["lock"], at["workload"], at["depth"], at["users"], *same), []).append(c)
    first = comparisons[0]
    locks = list(dict.fromkeys(c["at"]["lock"] for c in comparisons))
    several_arms = len({c["arm"] for c in comparisons}) > 1
    columns = ["arm"] * several_arms + ["lock"] * (len(locks) > 1) + ["workload", "at", "vCPUs"]
    counts = [first["baseline"], "arm" if several_arms else first["arm"]]
    title = f"{', '.join(f'{lock} lock' for lock in locks)}, {first['metric']} per fork or job ({kind})"
    return f"{title}\n" + tabulate(
        [_row(group, columns) for group in groups.values()],
        headers=[*columns, *counts, "ratio", "model", "boots"],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left"] * len(columns) + ["right", "right", "right", "left", "right"],
    )


def _order(verdict: Row, comparisons: Sequence[Row]) -> Callable[[Row], tuple[int, ...]]:
    """Rows stand by arm and lock, then by workload in the experiment's order, depth, users, vCPUs."""
    arms = list(verdict["arms"])
    locks = list(dict.fromkeys(c["at"]["lock"] for c in comparisons))
    workloads = [w["name"] for w in verdict["exercised"]]

    def key(c: Row) -> tuple[int, ...]:
        at = c["at"]
        place = [arms.index(c["arm"]), locks.index(at["lock"]), workloads.index(at["workload"].split("/")[0])]
        return (*place, *(at[k] if at[k] is not None else -1 for k in ("depth", "users", "cpus")))

    return key


def _row(group: Sequence[Row], columns: Sequence[str]) -> list[str]:
    c = group[0]
    at = c["at"]
    where = " ".join(
        f"{what} {at[key]}" for key, what in (("depth", "depth"), ("users", "users")) if at[key] is not None
    )
    cpus = ",".join(str(x["at"]["cpus"]) for x in group if x["at"]["cpus"] is not None) or "–"
    boots = sum(x["n"] + x["baseline_n"] for x in group)
    cells = {"arm": c["arm"], "lock": at["lock"], "workload": at["workload"], "at": where, "vCPUs": cpus}
    counts = [number(c["baseline_value"]), number(c["arm_value"])]
    return [*(cells[name] for name in columns), *counts, _ratio(c), _model(c), str(boots) if boots else "–"]


def _ratio(c: Row) -> str:
    if c["low"] == c["high"] and c["ratio"] is not None:
        return f"{c['ratio']:.3f}"
    if c["ratio"] is None and c["low"] is None:
        return "–"
    return f"{_bound(c['ratio'])} [{_bound(c['low'])}, {_bound(c['high'])}]"


def _bound(ratio: float | None) -> str:
    return f"{ratio:.3f}" if ratio is not None else "–"


def _model(c: Row) -> str:
    """What the model says of the two arms."""
    if c["n"] == 0:
        return "predicted"
    said = [x for x in (c["agrees"], c["baseline_agrees"]) if x is not None]
    if not said:
        return "no prediction"
    if not all(said):
        return "DISAGREES"
    exact = all(p is None or p[0] == p[1] for p in (c["predicted"], c["baseline_predicted"]))
    return "as predicted" if exact else "in its interval"


def _metrics(verdict: Row) -> str:
    """What payloads printed: the mean of each arm's boots, and how far they lie apart."""
    rows = verdict["evidence"].get("count", {}).get("details", {}).get("metrics", ())
    if not rows:
        return ""
    arms = list(verdict["arms"])
    table = [
        [r["workload"], r["cpus"], r["metric"], r["unit"], *(_spread(r["values"][a]) for a in arms), _role(r)]
        for r in rows
    ]
    headers = ["workload", "vCPUs", "metric", "unit", *arms, ""]
    align = ["left", "right", "left", "left", *["right"] * len(arms), "left"]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)
    return f"What payloads printed, in a kernel that counts locks: its times are not those of a plain one\n{text}"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return f"{mean:.6g}" if low == high else f"{mean:.6g} [{low:.6g}, {high:.6g}]"


def _role(row: Row) -> str:
    said = row["direction"] or "no direction said"
    return f"{said}, decides" if row["decides"] else said


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


def _classes(verdict: Row) -> str:
    rows = verdict["evidence"].get("count", {}).get("details", {}).get("classes", ())
    if not rows:
        return ""
    table = [
        [
            r["class"],
            r["arm"],
            number(r["baseline_mean"]),
            number(r["arm_mean"]),
            f"{r['difference']:+.0f}",
            f"{r['ratio']:.3f}" if r.get("ratio") is not None else "–",
            "exact" if r["exact"] else f"noisy, boots of one arm differ by up to {r['spread']}",
            r.get("window", ""),
        ]
        for r in rows
    ]
    headers = ["lock class", "arm", "baseline", "in the arm", "difference", "ratio", "", "most in"]
    align = ["left", "left", "right", "right", "right", "right", "left", "left"]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)
    others = verdict["evidence"]["count"]["details"].get("classes_noise")
    rest = f"\n{several(others, 'other class', 'other classes')} moved no more than noise may" if others else ""
    if seen := verdict["evidence"]["count"]["details"].get("classes_seen"):
        rest += f"; nine of ten differences of {rough(seen)} in a class of 1,000 a boot would have been told"
    return f"Lock classes whose acquisitions per boot differ by more than boots of one arm do\n{text}{rest}"


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
    ran = ", ".join(_load(load) for load in verdict["exercised"])
    exercised = f"Exercised: {ran}" if verdict["boots"]["ok"] else f"Nothing was exercised; asked for: {ran}"
    return "\n".join(["Evidence", *rows, *notes, exercised])


def _load(load: Row) -> str:
    def short(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{k}: {short(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            whole = len(value) > 2 and all(isinstance(v, int) for v in value)
            if whole and list(value) == list(range(value[0], value[-1] + 1)):
                return f"{value[0]}..{value[-1]}"
            return "[" + ", ".join(map(short, value)) + "]"
        return f"{value:g}" if isinstance(value, float) else str(value)

    params = ", ".join(f"{k} {short(v)}" for k, v in load["params"].items() if v is not None and k != "left_out")
    left_out = left_out_said(load["params"]) if load["kind"] == "aim7" else ""
    return f"{load['name']} ({'; '.join(filter(None, [params, left_out]))})"


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
