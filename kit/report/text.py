"""The verdict for a terminal: verdict.json's content in, text out: a table, a sentence, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

Row = Mapping[str, Any]


def render(verdict: Row, folder: Path) -> str:
    """The whole report, a newline at its end."""
    parts = [_table(verdict), _disagreements(verdict), _classes(verdict), _splats(verdict)]
    parts += [_evidence(verdict), _sentence(verdict), _where(verdict, folder)]
    return "\n\n".join(p for p in parts if p) + "\n"


def _table(verdict: Row) -> str:
    """One row per arm, lock and window; machines that counted the same share a row."""
    kinds = verdict["evidence"]
    kind = next((k for k in ("count", "model") if kinds.get(k, {}).get("comparisons")), None)
    if kind is None:
        return ""
    rows: dict[tuple[Any, ...], list[Row]] = {}
    for c in kinds[kind]["comparisons"]:
        at = c["at"]
        same = (c["arm_value"], c["baseline_value"], c["low"], c["high"], c["agrees"], c["baseline_agrees"])
        key = (c["arm"], at["lock"], at["workload"], at["depth"], at["users"], *same)
        rows.setdefault(key, []).append(c)
    several_arms = len({c["arm"] for c in kinds[kind]["comparisons"]}) > 1
    several_locks = len({c["at"]["lock"] for c in kinds[kind]["comparisons"]}) > 1
    table = [_row(group, several_arms, several_locks) for group in rows.values()]
    first = next(iter(rows.values()))[0]
    title = f"{_lock_title(kinds[kind]['comparisons'])}, {first['metric']} per fork or job ({kind})"
    headers = _headers(first, several_arms, several_locks)
    align = _align(headers)
    return f"{title}\n" + tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)


def _lock_title(comparisons: Sequence[Row]) -> str:
    locks = dict.fromkeys(c["at"]["lock"] for c in comparisons)
    return ", ".join(f"{lock} lock" for lock in locks)


def _headers(first: Row, several_arms: bool, several_locks: bool) -> list[str]:
    head = ["workload", "at", "vCPUs"]
    head = (["lock"] if several_locks else []) + head
    head = (["arm"] if several_arms else []) + head
    return [*head, first["baseline"], "arm" if several_arms else first["arm"], "ratio", "model", "boots"]


def _align(headers: Sequence[str]) -> list[str]:
    left = {"arm", "lock", "workload", "at", "vCPUs", "model"}
    places = [("left" if h in left else "right") for h in headers]
    for column in (-5, -4, -3, -1):
        places[column] = "right"
    return places


def _row(group: Sequence[Row], several_arms: bool, several_locks: bool) -> list[str]:
    c = group[0]
    at = c["at"]
    where = " ".join(
        f"{what} {at[key]}" for key, what in (("depth", "depth"), ("users", "users")) if at[key] is not None
    )
    cpus = ",".join(str(x["at"]["cpus"]) for x in group if x["at"]["cpus"] is not None) or "–"
    boots = sum(x["n"] for x in group) * 2
    cells = [at["workload"], where, cpus, _number(c["baseline_value"]), _number(c["arm_value"])]
    cells = ([at["lock"]] if several_locks else []) + cells
    cells = ([c["arm"]] if several_arms else []) + cells
    return [*cells, _ratio(c), _model(c), str(boots) if boots else "–"]


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def _ratio(c: Row) -> str:
    if c["ratio"] is None:
        return "–"
    if c["low"] == c["high"]:
        return f"{c['ratio']:.3f}"
    return f"{c['ratio']:.3f} [{c['low']:.3f}, {c['high']:.3f}]"


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


def _disagreements(verdict: Row) -> str:
    """Each count that the model missed, with the operations that it counted."""
    details = [kind["details"] for kind in verdict["evidence"].values()]
    rows = [r for d in details for r in d.get("predictions", ()) if r["agrees"] is False]
    if not rows:
        return ""
    out = [f"Model and kernel disagree in {len(rows)} counts:"]
    for r in rows[:8]:
        predicted = str(r["predicted"][0]) if r["predicted"][0] == r["predicted"][1] else f"{r['predicted']}"
        out.append(f"  {r['arm']}, {r['window']}, {r['cpus']} vCPU: measured {r['measured']}, predicted {predicted}:")
        for name, count in r["by_operation"].items():
            if count:
                out.append(f"    {count:>10} {name} ({count / r['jobs']:.2f} per job)")
        out += [f"    {hint}" for hint in _hints(r)]
    return "\n".join(out)


def _hints(row: Row) -> Iterable[str]:
    """Which operation the difference is a multiple or a share of."""
    for measured in sorted(set(row["measured"])):
        difference = measured - row["predicted"][0 if measured < row["predicted"][0] else 1]
        if not difference:
            continue
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
            _number(r["baseline_mean"]),
            _number(r["arm_mean"]),
            f"{r['difference']:+.0f}",
            "exact" if r["exact"] else f"noisy, boots of one arm differ by up to {r['spread']}",
        ]
        for r in rows
    ]
    headers = ["lock class", "arm", "baseline", "in the arm", "difference", ""]
    align = ["left", "left", "right", "right", "right", "left"]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)
    return "All lock classes whose acquisitions per boot differ by more than boots of one arm do\n" + text


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
    return "\n".join(["Evidence", *rows, *notes, f"Exercised: {ran}"])


def _load(load: Row) -> str:
    def short(value: Any) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{k}: {short(v)}" for k, v in value.items()) + "}"
        if isinstance(value, (list, tuple)):
            if len(value) > 2 and list(value) == list(range(value[0], value[-1] + 1)):
                return f"{value[0]}..{value[-1]}"
            return "[" + ", ".join(map(short, value)) + "]"
        return f"{value:g}" if isinstance(value, float) else str(value)

    params = ", ".join(f"{k} {short(v)}" for k, v in load["params"].items() if v is not None)
    return f"{load['name']} ({params})"


def _sentence(verdict: Row) -> str:
    word = str(verdict["verdict"] or "could not run").upper()
    expected = "" if verdict["expected"] else " (not as expected)"
    return f"{word}{expected}: {verdict['sentence']}"


def _where(verdict: Row, folder: Path) -> str:
    boots = verdict["boots"]
    lines = [f"Everything lies in {folder} (verdict.json, provenance.json, boots.jsonl, console/)"]
    if boots["reused"]:
        lines.append(f"{boots['reused']} of {boots['ok']} boots are those of earlier runs: same kernel, same program")
    lines.append(f"Again: {verdict['provenance']['reproduce']}")
    return "\n".join(lines)
