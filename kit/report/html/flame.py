"""Flame graphs of the instructions of `callgraph`, and where an arm executes others than the baseline: a run's boots
and verdict.json in, figures out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from kit.evidence.callgraphtables import most
from kit.report.html.model import Figure, Table, number, words
from kit.report.html.svg import CHARACTER, WIDTH, Canvas, Names
from kit.report.stacks import KIND, Stacks, stacks_of

ROW = 15.0
NARROW = 0.6  # units; narrower boxes are left out
STRONG = 0.02  # a difference by this share of a box has its full colour
SERIES = (("asm_sysvec", 2), ("asm_common_interrupt", 2), ("asm_exc", 1), ("[user]", 4))  # not of a system call
Row = Mapping[str, Any]


@dataclass
class _Box:
    """A function below its callers: instructions of it and of all that it calls, in both arms."""

    name: str
    arm: int = 0
    base: int = 0
    below: dict[str, _Box] = field(default_factory=dict)


def flames(v: Row, boots: Sequence[Row], names: Names) -> Iterator[Figure]:
    """Two pictures for each arm, of the window that differs most; none without call chains."""
    rows = v["evidence"].get(KIND, {}).get("details", {}).get("by_function", ())
    stacks = stacks_of(boots) if rows else {}
    base = next((str(name) for name, arm in v["arms"].items() if arm["baseline"]), "")
    for arm in dict.fromkeys(r["arm"] for r in rows):
        mine = [r for r in rows if r["arm"] == arm]
        window = most(mine)
        if (arm, window) in stacks and (base, window) in stacks:
            root = _tree(stacks[arm, window], stacks[base, window])
            table = _table([r for r in mine if r["window"] == window])
            yield _figure(root, f"Instructions of {arm} in {window}, by call chain", names(), table, differs=False)
            title = f"Where {arm} executes more than {base}, or fewer, in {window}"
            yield _figure(root, title, names(), table, differs=True)


def _tree(arm: Stacks, base: Stacks) -> _Box:
    root = _Box("all")
    for stacks, mine in ((arm, True), (base, False)):
        for path, count in stacks.items():
            box = root
            for name in ("", *path):
                box = box.below.setdefault(name, _Box(name)) if name else box
                box.arm += count * mine
                box.base += count * (not mine)
    return root


def _figure(root: _Box, title: str, name: str, table: Table, *, differs: bool) -> Figure:
    canvas = Canvas(name, 0)
    rows = _draw(canvas, root, root, 0.0, 0, 0, differs=differs)
    canvas.height = ROW * rows + 2
    about = f"{root.arm:,} instructions, of the baseline {root.base:,}; callers above what they call."
    caption = (
        "As wide as its instructions, of the first layout of memory. Green: fewer than the baseline, red: more."
        if differs
        else "As wide as its instructions and those of all that it calls. Interrupts and exceptions stand apart."
    )
    return Figure(name, title, canvas.svg(title, about), table, caption)


def _draw(canvas: Canvas, root: _Box, box: _Box, x: float, depth: int, series: int, *, differs: bool) -> int:
    """Draws a box and what is below it; how many rows there are."""
    width = WIDTH * box.arm / max(root.arm, 1)
    if width < NARROW:
        return depth
    series = next((s for start, s in SERIES if box.name.startswith(start)), series)
    kind, opacity = f"s{series % 6}", 0.45
    if differs:
        gap = box.arm - box.base
        kind = "more" if gap > 0 else "fewer"
        opacity = min(abs(gap) / max(box.base, 1) / STRONG, 1.0) * 0.85
    told = f"{box.name}: {box.arm:,} ({box.arm - box.base:+,})"
    canvas.parts.append(
        f'<g><rect class="flame {kind}" x="{x:.1f}" y="{ROW * depth:.1f}" width="{width:.1f}" height="{ROW - 1:.1f}"'
        f' fill-opacity="{opacity:.2f}"/><title>{escape(told)}</title></g>'
    )
    if (fits := int(width / CHARACTER)) > 3:
        text = box.name if len(box.name) <= fits else f"{box.name[: fits - 1]}…"
        canvas.text(x + 2, ROW * depth + 11, text, "tick")
    rows = depth + 1
    for child in sorted(box.below.values(), key=lambda b: b.name):
        rows = max(rows, _draw(canvas, root, child, x, depth + 1, series, differs=differs))
        x += WIDTH * child.arm / max(root.arm, 1)
    return rows


def _table(rows: Sequence[Row]) -> Table:
    head = ("function", "baseline", "arm", "difference", "low", "high", "beyond the floor")
    keys = ("baseline_value", "arm_value", "difference", "low", "high")
    cells = [
        (words(r["function"]), *(number(r[k], 9) for k in keys), words("yes" if r["beyond"] else "")) for r in rows
    ]
    return Table(head, tuple(cells))
