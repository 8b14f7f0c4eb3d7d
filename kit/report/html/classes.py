"""The lock classes that differ most: rows of verdict.json in, a figure out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.words import rough, several
from kit.report.html.model import Figure, Table, change, number, words
from kit.report.html.svg import WIDTH, Canvas, Names, Scale, short, ticks

ROW, HEAD, FOOT = 36.0, 34.0, 34.0
MOST = 20
Row = Mapping[str, Any]


def classes(details: Row, baseline: str, names: Names) -> Iterator[Figure]:
    """A figure for each arm; none where no class differs. `details`: of the kind `count`."""
    rows = details.get("classes", ())
    for arm in dict.fromkeys(r["arm"] for r in rows):
        yield _figure([r for r in rows if r["arm"] == arm], arm, baseline, names(), _others(details))


def _others(details: Row) -> str:
    """What is said of the classes that are not shown."""
    out = ""
    if "classes_noise" in details:
        counts = (
            (details["classes_noise"], "differed by no more than noise"),
            (details.get("classes_same", 0), "did not differ"),
        )
        out += "".join(f" {several(n, 'other class', 'other classes')} {what}." for n, what in counts if n)
    if seen := details.get("classes_seen"):
        out += f" In a class of 1,000 acquisitions a boot a difference of {rough(seen)} or more would have shown."
    return out


def _figure(rows: Sequence[Row], arm: str, baseline: str, name: str, others: str) -> Figure:
    shown = rows[:MOST]
    canvas = Canvas(name, HEAD + ROW * len(shown) + FOOT)
    high = max(max(r["baseline_mean"], r["arm_mean"]) for r in shown) or 1.0
    scale = Scale(0, high * 1.04, 12, WIDTH - 14)
    bottom = HEAD + ROW * len(shown) - 6
    for value in ticks(0, high, 4):
        canvas.rule(scale(value), HEAD - 14, scale(value), bottom, "grid")
        canvas.text(scale(value), bottom + 15, short(value), "tick", "middle")
    canvas.text(WIDTH / 2, bottom + 31, "acquisitions in a boot", "name", "middle")
    canvas.dot(10, 10, 0)
    canvas.text(18, 14, baseline, "legend")
    canvas.dot(34 + 6.2 * len(baseline), 10, 1)
    canvas.text(42 + 6.2 * len(baseline), 14, arm, "legend")
    for i, r in enumerate(shown):
        y = HEAD + ROW * i
        canvas.text(4, y + 2, f"{r['class']} · {r['kind']}")
        one, other = scale(r["baseline_mean"]), scale(r["arm_mean"])
        canvas.rule(one, y + 14, other, y + 14, f"span l{1}")
        canvas.dot(one, y + 14, 0, f"{baseline}: {r['baseline_mean']}")
        canvas.dot(other, y + 14, 1, f"{arm}: {r['arm_mean']}")
    title = f"Lock classes that {arm} takes more or less often than {baseline}"
    first = shown[0]
    about = (
        f"Acquisitions in a boot, mean of {baseline} and of {arm}, of {len(shown)} lock classes. The first, "
        f"{first['class']}: {first['baseline_mean']:g} and {first['arm_mean']:g}."
    )
    caption = f"Exact: boots of one arm agree to the digit. Beyond noise: more than they scatter by.{others}"
    return Figure(name, title, canvas.svg(title, about), _table(rows), caption)


def _table(rows: Sequence[Row]) -> Table:
    head = ("lock class", "arm", "baseline", "arm", "difference", "change", "spread", "kind", "most in")
    cells = [
        (
            *(words(r["class"]), words(r["arm"]), number(r["baseline_mean"], 9), number(r["arm_mean"], 9)),
            *(number(r["difference"], 9), change(r.get("ratio")), number(r["spread"])),
            *(words(r["kind"]), words(r.get("window", ""))),
        )
        for r in rows
    ]
    return Table(head, tuple(cells))
