"""Tables of named locks under contention (kit.evidence.contended): verdict.json's content in, tables out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.base.words import number
from kit.evidence.tables import BACKGROUND, Row, Table
from kit.wording.phrase import between, p_words, signed

PER_JOB = ("acquisitions", "contentions", "wait_us", "hold_us")
SURE = 0.05  # below, a share is said to differ
MARKS = "exact: the same in every boot; else in brackets: the model's interval (model), or that of the boots (t)"


def contended_tables(verdict: Row, kind: str) -> list[Table]:
    """Numbers per job and call sites; none where no lock was contended."""
    details = verdict["evidence"][kind]["details"]
    return [*_per_job(verdict, details.get("contended", ())), *_sites(details.get("sites", ()))]


def _emulated(verdict: Row) -> str:
    """A mark for the title if the guests were emulated."""
    return "" if verdict["provenance"].get("accel", {}).get("used") == "kvm" else "EMULATED "


def _per_job(verdict: Row, found: Sequence[Row]) -> Iterator[Table]:
    groups: dict[tuple[object, ...], dict[str, Row]] = {}
    for row in found:
        place = (row["lock"], row["workload"], row["users"], row["cpus"], row["unit"], row["arm"])
        groups.setdefault(place, {})[row["metric"]] = row
    rows = tuple(_line(place, its) for place, its in sorted(groups.items(), key=_place_of) if PER_JOB[1] in its)
    if not rows:
        return
    headers = ("lock", "workload", "users", "vCPUs", "arm", "acquisitions", "contentions", "waited µs", "held µs")
    title = f"{_emulated(verdict)}Contention per job, shown only: times of a kernel that counts locks"
    yield Table(title, (*headers, "contentions against baseline", "boots"), "llrrlrrrrlr", rows, MARKS, BACKGROUND)


def _place_of(item: tuple[tuple[object, ...], dict[str, Row]]) -> tuple[object, ...]:
    lock, workload, users, cpus, *_ = item[0]
    return lock, workload, users, cpus


def _line(place: tuple[object, ...], its: dict[str, Row]) -> tuple[str, ...]:
    lock, workload, users, cpus, _, arm = map(str, place)
    met = its["contentions"]
    against = "–"
    if met["said"]:
        span = between(met["ratio_low"], met["ratio_high"])
        against = f"{signed(met['ratio'])} ({span}): {met['said']}"
    return (lock, workload, users, cpus, arm, *(_value(its.get(m)) for m in PER_JOB), against, str(met["boots"]))


def _value(row: Row | None) -> str:
    if row is None:
        return "–"
    if row["mark"] == "exact":
        return f"{number(row['value'])} exact"
    if row["low"] is None:
        return f"{_short(row['value'])}, one boot"
    what = " model" if row["mark"] == "interval" else ""
    return f"{_short(row['value'])} [{_short(row['low'])}, {_short(row['high'])}{what}]"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _sites(found: Sequence[Row]) -> Iterator[Table]:
    arms = list(dict.fromkeys(row["arm"] for row in found))
    places: dict[tuple[object, ...], dict[str, Row]] = {}
    for row in found:
        place = (row["lock"], row["workload"], row["cpus"], row["function"], row["part"])
        places.setdefault(place, {})[row["arm"]] = row
    rows = tuple(
        (lock, workload, cpus, f"{function} ({part})" if part else function, *(_share(its.get(a)) for a in arms))
        for (lock, workload, cpus, function, part), its in ((tuple(map(str, p)), i) for p, i in places.items())
    )
    if rows:
        boots = ", ".join(f"{arm} {max(r['boots'] for r in found if r['arm'] == arm)}" for arm in arms)
        headers = ("lock", "workload", "vCPUs", "function", *arms)
        title = "Call sites that met contention, their shares (a sample of boots)"
        yield Table(title, headers, "llrl" + "r" * len(arms), rows, f"boots at most: {boots}", BACKGROUND)


def _share(row: Row | None) -> str:
    if row is None:
        return "–"
    span = f" [{100 * row['low']:.0f}, {100 * row['high']:.0f}]" if row["low"] is not None else ""
    other = f", p {p_words(row['p'])}" if row["p"] is not None and row["p"] <= SURE else ""
    return f"{100 * row['share']:.1f}%{span}{other}"
