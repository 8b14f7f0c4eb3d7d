"""The page of one experiment: a run's files in, a Page out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kit.base.words import several
from kit.evidence import aim7
from kit.evidence.callertables import caller_tables
from kit.evidence.contendedtables import contended_tables
from kit.evidence.shown import steps_table
from kit.evidence.tables import Table as Told
from kit.records.decode import exercised_from_json
from kit.report.html.boots import boots
from kit.report.html.classes import classes
from kit.report.html.contention import contention
from kit.report.html.depth import depths, table_of
from kit.report.html.flame import flames
from kit.report.html.forest import forests
from kit.report.html.layouts import by_layout
from kit.report.html.model import Cell, Excerpt, Figure, Link, Page, Section, Table, number, words
from kit.report.html.speed import speeds
from kit.report.html.svg import Names
from kit.report.numbers import Number, numbers
from kit.report.stacks import KIND as CALLGRAPH
from kit.report.style import Style
from kit.report.text import load_words
from kit.store.runfiles import RunFiles
from kit.wording.share import share

COULD_NOT_RUN = "could not run"
FILES = ("verdict.json", "boots.jsonl", "junit.xml")
PREDICTIONS = 60  # rows of counts that the model missed
LINES = 100  # rows of lines that ran
Row = Mapping[str, Any]


def page_of(files: RunFiles, style: Style) -> Page:
    """All that there is to see; what is broken stands first."""
    v = files.verdict
    names = Names()
    found = numbers(v)
    word = str(v["verdict"] or COULD_NOT_RUN)
    told = _splats(v, ("broken", "could_not_run"))
    once = _splats(v, ("once",))
    tables = (*_left(found), *_as_told(v))
    sections = (
        Section("splats", "What failed", excerpts=tuple(told)),
        Section("steps", "Each step, against the one before", tables=tuple(_steps(v))),
        Section("results", "What was measured", _kinds(v), (), tuple(_measured(files, found, names)), tables),
        Section("model", "Model and kernel disagree", *_missed(v)),
        Section("printed", "What payloads printed", tables=tuple(_printed(v))),
        Section("boots", "Boots", figures=tuple(boots(files.boots, _baseline(v), names))),
        Section("once", "Seen once, not counted", excerpts=tuple(once)),
        Section(
            "provenance", "Where it comes from", _exercised(v), tuple(_origin(files)), tables=(_arms(files), *_often(v))
        ),
    )
    links = tuple(Link(f, f) for f in FILES if style.beside)
    return Page(
        files.name, word, _sentence(v, word), tuple(_facts(files)), sections, links, str(v["provenance"]["reproduce"])
    )


def _measured(files: RunFiles, found: Sequence[Number], names: Names) -> Iterator[Figure]:
    v = files.verdict
    yield from depths(found, names)
    yield from speeds(found, names)
    yield from by_layout(found, names)
    yield from classes(v["evidence"].get("count", {}).get("details", {}), _baseline(v), names)
    yield from contention(v, names)
    if CALLGRAPH in v["evidence"]:
        yield from flames(v, files.boots, names)
    yield from forests(found, v["limits"], names)


def _sentence(v: Row, word: str) -> str:
    text = str(v["sentence"])
    return text[len(word) + 2 :] if text.lower().startswith(f"{word}: ") else text


def _baseline(v: Row) -> str:
    return next(str(name) for name, arm in v["arms"].items() if arm["baseline"])


def _facts(files: RunFiles) -> Iterator[tuple[str, str]]:
    v = files.verdict
    if v["verdict"]:
        yield "Expected", "yes" if v["expected"] else "no"
    if v["aa"]:
        yield "A/A", f"every arm is the kernel of {_baseline(v)}: a difference that is found is a false one"
    yield "Arms", ", ".join(f"{name} (baseline)" if arm["baseline"] else name for name, arm in v["arms"].items())
    boots_ = v["boots"]
    failed = f", {boots_['failed']} failed" if boots_["failed"] else ""
    reused = f", {boots_['reused']} from earlier runs" if boots_["reused"] else ""
    yield "Boots", f"{boots_['ok']} ok{failed}{reused}"
    yield "Begun", time.strftime("%Y-%m-%d %H:%M", time.localtime(files.started))
    if total := v.get("seconds", {}).get("total"):
        yield "Took", f"{total / 60:.1f} min" if total >= 90 else f"{total:.1f} s"


def _kinds(v: Row) -> tuple[str, ...]:
    out = []
    for kind, said in v["evidence"].items():
        shown = "" if said.get("decides", True) else " (shown only)"
        out.append(f"{kind}: {said['verdict']}{shown} – {said['why']}.")
        out += [f"{note}." for note in said["notes"]]
    return tuple(out)


def _left(found: Sequence[Number]) -> tuple[Table, ...]:
    """Comparisons that no picture of ratios has: predictions, and those without a ratio."""
    left = [n for n in found if n.kind == "model" or not n.comparison.ratio]
    rows = [n for n in left if n.kind != "model"]
    out = [table_of(rows, "Without a ratio: the baseline counts none, or the arm")] if rows else []
    model = [n for n in left if n.kind == "model"]
    return (*out, *([replace(table_of(model, "What the model predicts"), folded=True)] if model else []))


def _as_told(v: Row) -> Iterator[Table]:
    """The tables of the text that no picture has the numbers of."""
    said = v["evidence"]
    for told in (
        *(contended_tables(v, "count") if "count" in said else ()),
        *(caller_tables(v, "callers") if "callers" in said else ()),
        *(aim7.table(v, "time") if "time" in said else ()),
    ):
        yield Table(told.headers, _cells(told), f"{told.title}. {told.foot}" if told.foot else told.title, folded=True)


def _cells(told: Told) -> tuple[tuple[Cell, ...], ...]:
    """The rows of a table of the text, numbers to the right."""
    return tuple(
        tuple(words(text, "n" if side == "r" else "") for text, side in zip(row, told.align, strict=True))
        for row in told.rows
    )


def _steps(v: Row) -> Iterator[Table]:
    for told in steps_table(v):
        yield Table(told.headers, _cells(told), told.foot)


def _splats(v: Row, groups: Sequence[str]) -> Iterator[Excerpt]:
    for group in groups:
        for fault in v["splats"][group]:
            yield Excerpt(str(fault["why"]), str(fault["excerpt"]) or "(no excerpt)", str(fault["console"]))


def _predictions(v: Row) -> list[Row]:
    return [r for k in v["evidence"].values() for r in k["details"].get("predictions", ()) if r["agrees"] is not None]


def _missed(v: Row) -> tuple[tuple[str, ...], tuple[()], tuple[()], tuple[Table, ...]]:
    """What the model missed."""
    asked = _predictions(v)
    missed = [r for r in asked if not r["agrees"]]
    if not missed:
        return (), (), (), ()
    head = ("arm", "window", "vCPUs", "lock", "measured", "predicted from", "to", "jobs")
    table = tuple(
        (
            *(words(r["arm"]), words(r["window"]), words(r["cpus"]), words(r.get("lock", ""))),
            words(", ".join(map(str, r["measured"]))),
            *(number(r["predicted"][0], 12), number(r["predicted"][1], 12), number(r["jobs"])),
        )
        for r in missed[:PREDICTIONS]
    )
    return (f"In {several(len(missed), 'count')} of {len(asked)}.",), (), (), (Table(head, table),)


def _printed(v: Row) -> Iterator[Table]:
    rows = v["evidence"].get("count", {}).get("details", {}).get("metrics", ())
    if rows:
        arms = list(v["arms"])
        head = ("workload", "vCPUs", "metric", "unit", *arms, "")
        cells = []
        for r in rows:
            means = [number(sum(r["values"][a]) / len(r["values"][a])) if r["values"][a] else words(None) for a in arms]
            role = (r["direction"] or "no direction said") + (", decides" if r["decides"] else "")
            cells.append(
                (words(r["workload"]), words(r["cpus"]), words(r["metric"]), words(r["unit"]), *means, words(role))
            )
        yield Table(head, tuple(cells), "Means; in a kernel that counts locks: its times are not those of a plain one")


def _exercised(v: Row) -> tuple[str, ...]:
    ran = "; ".join(load_words(load) for load in v["exercised"])
    out = [f"Exercised: {ran}."] if v["boots"]["ok"] else [f"Nothing was exercised; asked for: {ran}."]
    out += [_ran(f) for f in v["functions"] if f["changed"]]
    return tuple(out)


def _ran(f: Row) -> str:
    changed, ran = several(len(f["changed"]), "function"), ", ".join(f["ran"]) or "none"
    found = exercised_from_json(f)
    lines = share(found.lines) if found and found.lines else ""
    return "; ".join(filter(None, [f"{f['arm']} changes {changed}; of these ran: {ran}", lines])) + "."


def _often(v: Row) -> Iterator[Table]:
    """How often each changed line ran, by window."""
    for f in v["functions"]:
        often: Mapping[str, Mapping[str, int]] = (f.get("lines") or {}).get("often", {})
        if often:
            windows = list(dict.fromkeys(name for times in often.values() for name in times))
            rows = [(words(at), *(number(times.get(name)) for name in windows)) for at, times in often.items()]
            caption = f"How often the lines that {f['arm']} adds or changes ran, in each window of one boot"
            yield Table(("line", *windows), tuple(rows[:LINES]), caption, folded=True)


def _arms(files: RunFiles) -> Table:
    rows = []
    for name, arm in files.verdict["provenance"]["arms"].items():
        how = [f"{p['subject'] or p['file']}{' (applied backwards)' if p['reversed'] else ''}" for p in arm["patches"]]
        tree = arm["tree"]
        kernels = ", ".join(f"{i} {k['key']}" for i, k in arm["kernels"].items())
        cells = (name, f"Linux {tree['version']}, {tree['ref']}", "; ".join(how) or "no patch", arm["profile"], kernels)
        rows.append(tuple(map(words, cells)))
    return Table(("arm", "tree", "patches", "profile", "kernels"), tuple(rows))


def _origin(files: RunFiles) -> Iterator[tuple[str, str]]:
    origin = files.verdict["provenance"]
    host, accel, guest = origin["host"], origin.get("accel", {}), files.experiment.get("guest", {})
    used = ", ".join(filter(None, [str(accel.get("used", "")), str(accel.get("why", ""))]))
    told = [
        ("Guest", f"{guest.get('arch', 'x86_64')}, memory {guest.get('memory', '?')}, {used}"),
        ("Host", f"{host['cpu']}, {several(host['cores'], 'core')}, {host['system']}, Linux {host['kernel']}"),
        ("Compiler", origin["toolchain"]),
        ("QEMU", origin["qemu"]),
        ("kit", f"{origin['kit']}, python {host['python']}"),
        ("Command", origin["command"]),
        ("Seeds", f"workloads {origin['seed']}, orders {origin['order_seed']}"),
    ]
    yield from ((name, str(text)) for name, text in told if text)
