"""Tables of counts: acquisitions by lock and window, payloads' metrics, the ranking of all lock classes.

verdict.json's content in, tables (kit.evidence.tables) out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kit.base.words import join, number, rough, several
from kit.evidence.contendedtables import contended_tables
from kit.evidence.tables import BACKGROUND, COMPARED, Row, Table


def counted(verdict: Row, kind: str) -> list[Table]:
    """All tables of a kind that counts."""
    details = verdict["evidence"][kind]["details"]
    tables = [*_acquisitions(verdict, kind), *_printed(verdict, details), *_classes(details)]
    return [*tables, *contended_tables(verdict, kind)]


def predicted(verdict: Row, kind: str) -> list[Table]:
    """The table of predicted counts, if no other kind has counts."""
    others = (c for k, said in verdict["evidence"].items() if k != kind for c in said["comparisons"])
    return [] if any(c["at"]["lock"] for c in others) else _acquisitions(verdict, kind)


def _acquisitions(verdict: Row, kind: str) -> list[Table]:
    """One row per arm, lock and window; machines that counted the same share a row."""
    said = verdict["evidence"][kind]
    ranked = {r["class"] for r in said["details"].get("classes", ()) if not r.get("named", True)}
    exact = [c for c in said["comparisons"] if c["said"] is None]  # the others are in the table with intervals
    of_locks = [c for c in exact if c["at"]["lock"] and c["at"]["lock"] not in ranked]
    if not of_locks:
        return []
    comparisons = sorted(of_locks, key=_order(verdict, of_locks))
    groups: dict[tuple[object, ...], list[Row]] = {}
    for c in comparisons:
        at = c["at"]
        same = (c["arm_value"], c["baseline_value"], c["low"], c["high"], c["agrees"], c["baseline_agrees"])
        groups.setdefault((c["arm"], at["lock"], at["workload"], at["depth"], at["users"], *same), []).append(c)
    first = comparisons[0]
    locks = list(dict.fromkeys(c["at"]["lock"] for c in comparisons))
    several_arms = len({c["arm"] for c in comparisons}) > 1
    columns = ["arm"] * several_arms + ["lock"] * (len(locks) > 1) + ["workload", "at", "vCPUs"]
    counts = [first["baseline"], "arm" if several_arms else first["arm"]]
    units = sorted({c["unit"].removeprefix("per ") for c in comparisons})
    title = f"{', '.join(f'{lock} lock' for lock in locks)}, {first['metric']} per {join(units, 'or')} ({kind})"
    headers = (*columns, *counts, "ratio", "model", "boots")
    rows = tuple(_row(group, columns) for group in groups.values())
    return [Table(title, headers, "l" * len(columns) + "rrrlr", rows, place=COMPARED)]


def _order(verdict: Row, comparisons: Sequence[Row]) -> Callable[[Row], tuple[int, ...]]:
    """The sort key of rows: arm, lock, workload in the experiment's order, depth, users, vCPUs."""
    arms = list(verdict["arms"])
    locks = list(dict.fromkeys(c["at"]["lock"] for c in comparisons))
    workloads = [w["name"] for w in verdict["exercised"]]

    def key(c: Row) -> tuple[int, ...]:
        at = c["at"]
        place = [arms.index(c["arm"]), locks.index(at["lock"]), workloads.index(at["workload"].split("/")[0])]
        return (*place, *(at[k] if at[k] is not None else -1 for k in ("depth", "users", "cpus")))

    return key


def _row(group: Sequence[Row], columns: Sequence[str]) -> tuple[str, ...]:
    c = group[0]
    at = c["at"]
    where = " ".join(
        f"{what} {at[key]}" for key, what in (("depth", "depth"), ("users", "users")) if at[key] is not None
    )
    cpus = ",".join(str(x["at"]["cpus"]) for x in group if x["at"]["cpus"] is not None) or "–"
    boots = sum(x["n"] + x["baseline_n"] for x in group)
    cells = {"arm": c["arm"], "lock": at["lock"], "workload": at["workload"], "at": where, "vCPUs": cpus}
    counts = [number(c["baseline_value"]), number(c["arm_value"])]
    return (*(cells[name] for name in columns), *counts, _ratio(c), _model(c), str(boots) if boots else "–")


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


def _printed(verdict: Row, details: Row) -> list[Table]:
    """The payloads' metrics: mean and extremes of each arm's boots."""
    arms = list(verdict["arms"])
    rows = tuple(
        (r["workload"], str(r["cpus"]), r["metric"], r["unit"], *(_spread(r["values"][a]) for a in arms), _role(r))
        for r in details.get("metrics", ())
    )
    title = "What payloads printed, in a kernel that counts locks: its times are not those of a plain one"
    headers = ("workload", "vCPUs", "metric", "unit", *arms, "")
    return [Table(title, headers, "lrll" + "r" * len(arms) + "l", rows)] if rows else []


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return f"{mean:.6g}" if low == high else f"{mean:.6g} [{low:.6g}, {high:.6g}]"


def _role(row: Row) -> str:
    said = row["direction"] or "no direction said"
    return f"{said}, decides" if row["decides"] else str(said)


def _classes(details: Row) -> list[Table]:
    rows = tuple(
        (
            str(r["class"]),
            str(r["arm"]),
            number(r["baseline_mean"]),
            number(r["arm_mean"]),
            f"{r['difference']:+.0f}",
            f"{r['ratio']:.3f}" if r.get("ratio") is not None else "–",
            "exact" if r["exact"] else f"noisy, boots of one arm differ by up to {r['spread']}",
            str(r.get("window", "")),
        )
        for r in details.get("classes", ())
    )
    if not rows:
        return []
    headers = ("lock class", "arm", "baseline", "in the arm", "difference", "ratio", "", "most in")
    foot = []
    if others := details.get("classes_noise"):
        foot.append(f"{several(others, 'other class', 'other classes')}: no difference beyond noise")
    if seen := details.get("classes_seen"):
        size = f"a difference of {rough(seen)} in a class of 1,000 acquisitions per boot"
        foot.append(f"nine of ten such runs would have detected {size}")
    title = "Lock classes whose acquisitions per boot differ by more than boots of one arm do"
    return [Table(title, headers, "llrrrrll", rows, "; ".join(foot), BACKGROUND)]
