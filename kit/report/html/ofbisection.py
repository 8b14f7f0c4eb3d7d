"""The page of a bisection: its files in, a Page out: the line of commits with values, and how it was narrowed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any

from kit.base.words import several
from kit.report.bisect import measured, sentence, value_words
from kit.report.html.model import Figure, Link, Page, Section, Table, number, words
from kit.report.html.svg import CHARACTER, WIDTH, Canvas, Names, Scale, frame, legend, padded, ticks
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, patch_place

Row = Mapping[str, Any]
MAIL = "mail.txt"
FILES = ("bisect.json", "tests.jsonl", MAIL, "junit.xml")
STATES = ("good", "bad", "skip")
ROLES = ("search", "again")
CROSS = "a cross is a commit that could not be tested."
LONGEST = 44  # characters of a step's label
ROOM = int((WIDTH - 8) / CHARACTER) - 2  # characters of a line of text, less the colon


def page_of(files: BisectionFiles, style: Style) -> Page:
    """The answer first."""
    found = files.found
    names = Names()
    line = [r for r in found["commits"] if r["search"] == 0]
    figures = [*_line(found, line, names), *_narrowing(files, line, names)]
    sections = (
        Section("line", "The line of commits", figures=tuple(figures), tables=(_commits(found),)),
        Section("proof", "Proof", tuple(_proof(found))),
        Section("notes", "Remarks", tuple(f"{note}." for note in found["notes"])),
        Section("provenance", "Where it comes from", pairs=tuple(_provenance(found))),
    )
    links = tuple(Link(f, f) for f in FILES if style.beside and (f != MAIL or found["culprit"]))
    word = "found" if found["culprit"] else str(found["end"]).replace("-", " ")
    said = sentence(found).partition(": ")[2]
    return Page(files.name, word, said, tuple(_facts(files)), sections, links, str(found["provenance"]["reproduce"]))


def _facts(files: BisectionFiles) -> Iterator[tuple[str, str]]:
    found = files.found
    yield "Measured", measured(found)
    yield "Between", f"{found['good']} (good) and {found['bad']} (bad)"
    yield "Method", found["method"] + ("" if found["method"] == "exact" else f", confidence {found['confidence']:.4g}")
    used, built = found["boots"], several(found["builds"]["made"], "build")
    yield "Used", f"{several(used['search'], 'boot')} to find it, {used['proof']} to prove it, {built}"
    yield "Begun", time.strftime("%Y-%m-%d %H:%M", time.localtime(files.started))


def _line(found: Row, line: Sequence[Row], names: Names) -> Iterator[Figure]:
    points = [(r["index"], v, r) for r in line for v in r["values"]]
    if not points:
        return
    last = max(max(r["index"] for r in line), 1)
    low, high = padded([float(v) for _, v, _ in points], zero=True)
    name = names()
    f = frame(name, (0, last), (low, high), 240, top=44)
    height = legend(f.canvas, [(STATES.index(s), s) for s in ("good", "bad")], 14)
    f.axes([t for t in ticks(0, last, 8) if t == int(t)], ticks(low, high), "commits, the good end first", "")
    unit = found["metric"]["unit"]
    f.canvas.text(
        4, 14 + height, f"{measured(found)}{f', {unit}' if unit and unit not in measured(found) else ''}", "name"
    )
    culprit = found["culprit"]
    if culprit and any(r["name"] == culprit["name"] for r in line):
        at = f.x(culprit["index"] - 0.5)
        f.canvas.rule(at, f.y.end, at, f.y.start, "change")
    for index, seen, r in points:
        f.canvas.dot(f.x(index), f.y(seen), STATES.index(r["state"]), f"{r['name']} {r['subject']}: {seen:g}")
    for r in line:
        if r["state"] == "skip":
            f.canvas.cross(f.x(r["index"]), f.y.start - 6, f"{r['name']}: {r['why']}")
    title = "Each commit that was tested, and its value"
    about = f"{several(len(line), 'place')} of {last + 1} were tested. " + (
        sentence(found) if culprit else found["why"]
    )
    caption = f"The dashed line is the change; {CROSS}"
    yield Figure(name, title, f.canvas.svg(title, about), _values(line), caption)


def _values(line: Sequence[Row]) -> Table:
    rows = [
        (words(r["index"]), words(r["name"]), number(v, 9), words(r["state"], r["state"]))
        for r in line
        for v in r["values"]
    ]
    return Table(("place", "commit", "value", "state"), tuple(rows))


def _narrowing(files: BisectionFiles, line: Sequence[Row], names: Names) -> Iterator[Figure]:
    """A row a test, in the order of time: which commits could still be the culprit after it."""
    steps = list(narrowed(files.trials, line))
    if len(steps) < 2:
        return
    name = names()
    last = max(r["index"] for r in line)
    canvas = Canvas(name, 0)
    head = legend(canvas, [(STATES.index(s), s) for s in ("good", "bad")], 14)
    scale = Scale(-0.5, max(last, 1) + 0.5, 12, WIDTH - 12)
    bottom = head + 16 + 32.0 * len(steps)
    canvas.height = bottom + 40
    for place in (t for t in ticks(0, last, 8) if t == int(t)):
        canvas.rule(scale(place), head + 8, scale(place), bottom, "grid")
        canvas.text(scale(place), bottom + 15, f"{place:g}", "tick", "middle")
    canvas.text(WIDTH / 2, bottom + 31, "commits that may be it", "name", "middle")
    for i, (r, value, low, high) in enumerate(steps):
        y = head + 22 + 32.0 * i
        told = _told(files.found, r, value)
        room = max(16, min(LONGEST, ROOM - len(told)))
        canvas.text(4, y, f"{shorten(r['name'] + ' ' + r['subject'], room, placeholder=' …')}: {told}")
        if high > low:
            canvas.box(scale(low + 0.5), y + 5, scale(high + 0.5) - scale(low + 0.5), 9, "left")
        if value is None and not r["same_code"]:
            canvas.cross(scale(r["index"]), y + 9.5, r["why"])
        else:
            canvas.dot(scale(r["index"]), y + 9.5, STATES.index(r["state"]), f"{r['name']}: {told}")
    title = "How the search was narrowed"
    left = steps[-1][3] - steps[-1][2]
    about = (
        f"After {several(len(steps), 'test')} {several(left, 'commit')} of {last} {'is' if left == 1 else 'are'} left."
    )
    rows = tuple((words(r["name"]), number(v), number(high - low)) for r, v, low, high in steps)
    table = Table(("commit", "value", "may still be it"), rows)
    yield Figure(
        name,
        title,
        canvas.svg(title, about),
        table,
        f"From top to bottom as it was done; the bar is what was left; {CROSS}",
    )


def _told(found: Row, r: Row, value: float | None) -> str:
    if value is not None:
        return value_words(found, value)
    return "the same code as one before" if r["same_code"] else "not tested"


def narrowed(trials: Sequence[Row], line: Sequence[Row]) -> Iterator[tuple[Row, float | None, int, int]]:
    """(row of the place, value, last good place, first bad place) after each test of the search."""
    by = {r["sha"] or patch_place(r["index"]): r for r in line} | {r["name"]: r for r in line}
    low, high = 0, max((r["index"] for r in line), default=0)
    for t in trials:
        r = by.get(t["place"])
        if r is None or t["role"] not in ("search", "same"):
            continue
        if t["value"] is not None or t["role"] == "same":
            low = max(low, r["index"]) if r["state"] == "good" else low
            high = min(high, r["index"]) if r["state"] == "bad" else high
        yield r, t["value"], low, high


def _commits(found: Row) -> Table:
    rows = []
    culprit = (found["culprit"] or {}).get("name")
    for r in found["commits"]:
        each = [number(v, 9) for v in r["values"]]
        values = each if len(each) == 1 else [words("; ".join(cell.text for cell in each))]
        mark = r["state"] + (", same code" if r["same_code"] else "") + (" ←" if r["name"] == culprit else "")
        rows.append((words(r["index"]), words(r["name"]), *values, words(mark, r["state"]),
                     words(r["subject"] or "(the good end)"), words(r["why"])))  # fmt: skip
    head = ("place", "commit", "value", "state", "subject", "")
    return Table(head, tuple(rows), "What was tested (←: it changed here)")


def _proof(found: Row) -> Iterator[str]:
    proof = found["proof"]
    if proof is None:
        return
    said = {True: "as it was", False: "NOT as it was", None: "it cannot be told"}
    yield f"The good end, measured again: {_list(proof['again'])} ({said[proof['again_holds']]})."
    if proof["reverted"]:
        good = {True: "good again", False: "still bad", None: "it cannot be told"}[proof["reverted_holds"]]
        yield f"The bad end without the commit: {_list(proof['reverted'])} ({good})."
    elif proof["why"]:
        yield f"No proof by a revert: {proof['why']}."


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def _provenance(found: Row) -> Iterator[tuple[str, str]]:
    origin = found["provenance"]
    host, guest = origin["host"], origin["guest"]
    told = [
        ("Tree", f"Linux {origin['version']}, {origin['tree']}"),
        ("Series", origin["series"] or ""),
        ("Guest", f"{guest['accel']}, vCPUs {', '.join(map(str, guest['cpus']))}"),
        ("Host", f"{host['cpu']}, {several(host['cores'], 'core')}, Linux {host['kernel']}"),
        ("Compiler", origin["toolchain"]),
        ("QEMU", origin["qemu"]),
        ("kit", origin["kit"]),
        ("Command", origin["command"]),
    ]
    yield from ((name, str(text)) for name, text in told if text)
