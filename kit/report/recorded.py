"""`kit show` and `kit rerun` for a terminal: plain data of a run folder in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from kit.base.words import several

Row = Mapping[str, Any]
EXCERPT = 12  # lines of a splat


def render_progress(state: Row) -> str:
    """A run without a verdict: how far it came, and how to go on."""
    boots = state["boots"]
    lines = [f"{state['name']}: no verdict yet" + (", a kit is at work on it" if state["under_way"] else "")]
    for k in state["kernels"]:
        how = "in the cache" if k["built"] else "not in the cache: built when the run goes on"
        lines.append(f"  kernel {k['arm']} ({k['instrument']}): {how}")
    if not state["kernels"]:
        lines.append("  it ended before it knew its kernels")
    planned = f" of {boots['planned']}" if boots["planned"] else ""
    failed = f", {boots['failed']} failed" if boots["failed"] else ""
    lines += [f"  boots done: {boots['ok']}{planned}{failed}", *(f"    {f}" for f in state["failures"])]
    if not state["under_way"]:
        lines.append(f"Go on with: {state['resume']}")
    return "\n".join(lines) + "\n"


def render_search(state: Row) -> str:
    """A bisection that has not ended."""
    return f"{several(state['tests'], 'test')} done, not ended; go on with: {state['resume']}\n"


def render_boots(rows: Sequence[Row]) -> str:
    """Every boot of a run, a line each."""
    if not rows:
        return "no boot is recorded\n"
    table = [
        [r["name"], r["arm"], r["cpus"], r["evidence"], r["outcome"], f"{r['seconds']:.1f}", _from(r)] for r in rows
    ]
    headers = ["boot", "arm", "vCPUs", "evidence", "outcome", "seconds", ""]
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True) + "\n"


def _from(row: Row) -> str:
    return f"from run {row['reused']}" if row["reused"] else str(row["why"])[:60]


def render_boot(boot: Row) -> str:
    """One boot, all that a reader of its failure wants to see first."""
    ended = f"{boot['outcome']}: {boot['why']}" if boot["why"] else str(boot["outcome"])
    where = f"arm {boot['arm']}, {several(boot['cpus'], 'vCPU')}, {boot['accel']}, {boot['evidence']}"
    parts = [
        f"boot {boot['name']}: {where}\n"
        f"{ended} ({boot['seconds']:.1f} s)" + (f", taken from run {boot['reused']}" if boot["reused"] else "")
    ]
    if boot["windows"]:
        parts.append(_windows(boot["windows"]))
    parts += [_printed(run) for run in boot["payloads"]]
    for splat in boot["splats"]:
        excerpt = "\n".join(f"    {line}" for line in splat["excerpt"].splitlines()[:EXCERPT])
        parts.append(f"{splat['kind']}: {splat['title']} (line {splat['line']} of the console)\n{excerpt}")
    tail = "\n".join(f"    {line}" for line in boot["console_tail"])
    parts.append(f"The console's last lines\n{tail}" if tail else "The console is empty, or its log is gone")
    parts.append(f"Console: {boot['console']}\nResults as the guest sent them: {boot['raw'] or 'none'}")
    return "\n\n".join(parts) + "\n"


def _printed(run: Row) -> str:
    """A payload, with the end of what it printed."""
    lines = [f"{run['name']}: exit status {run['status']}, {run['elapsed'] / 1e9:.3f} s"]
    for stream in ("stdout", "stderr"):
        said = run[stream].rstrip().splitlines()[-EXCERPT:]
        lines += [f"  {stream}:", *(f"    {line}" for line in said)] if said else []
    return "\n".join(lines)


def _windows(windows: Sequence[Row]) -> str:
    locks = list(dict.fromkeys(lock for w in windows for lock in w["acquisitions"]))
    table = [[w["name"], f"{w['seconds']:.3f}", *(w["acquisitions"][lock] for lock in locks)] for w in windows]
    align = ["left", "right", *("right" for _ in locks)]
    headers = ["window", "guest s", *locks]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)
    return f"Acquisitions\n{text}"


def render_rerun(again: Row) -> str:
    """A boot beside its repetition."""
    old, new = again["recorded"], again["now"]
    parts = [
        f"boot {again['boot']}\n  recorded: {_ended(old)}\n  now:      {_ended(new)}",
        _compared(again["windows"]),
    ]
    for splat in again["splats"]:
        excerpt = "\n".join(f"    {line}" for line in splat["excerpt"].splitlines()[:EXCERPT])
        parts.append(f"{splat['kind']}: {splat['title']}\n{excerpt}")
    if again["other_classes_that_differ"]:
        parts.append(f"other lock classes that differ in some window: {again['other_classes_that_differ']}")
    parts += [f"note: {note}" for note in again["notes"]]
    parts.append(f"{_same(again)} Console: {again['console']}")
    return "\n".join(p for p in parts if p) + "\n"


def _same(again: Row) -> str:
    """What is the same and what was not compared, in a sentence."""
    if not again["same"]:
        return "NOT the same as recorded."
    return "The same as recorded." if again["compared"] else "It ended as recorded; there was no count to compare."


def _ended(side: Row) -> str:
    return f"{side['outcome']}{': ' if side['why'] else ''}{side['why']} ({side['seconds']:.1f} s)"


def _compared(rows: Sequence[Row]) -> str:
    def cell(count: int | None) -> str:
        return "–" if count is None else str(count)

    table = [
        [
            r["window"],
            r["lock"],
            cell(r["recorded"]),
            cell(r["now"]),
            "same" if r["recorded"] == r["now"] else _difference(r["recorded"], r["now"]),
        ]
        for r in rows
    ]
    headers = ["window", "lock", "recorded", "now", ""]
    align = ["left", "left", "right", "right", "left"]
    return tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align) if rows else ""


def _difference(old: int | None, new: int | None) -> str:
    return "differs" if old is None or new is None else f"differs by {new - old:+d}"
