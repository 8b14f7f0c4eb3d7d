"""The HTML of runs: its content, that no foreign text becomes markup, and that every number is the verdict's."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rig import Bench

from kit.report.html.forest import FACTORS, axis, rows_of
from kit.report.html.ofbisection import narrowed
from kit.report.html.svg import CHARACTER, Scale, labels, short, ticks, whole
from kit.report.numbers import numbers
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles, read_files
from tests.report.folders import NAMES, RUNS, bisection, comparisons, every, folder, grid, run, told

VOID = {"meta", "link", "br", "hr", "img", "input"}


@dataclass
class Node:
    """An element."""

    tag: str
    attributes: dict[str, str]
    nodes: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(n if isinstance(n, str) else n.text for n in self.nodes)

    def all(self, tag: str) -> Iterator[Node]:
        """Every element of that name below."""
        for n in self.nodes:
            if isinstance(n, Node):
                if n.tag == tag:
                    yield n
                yield from n.all(tag)


class Reader(HTMLParser):
    """HTML as a tree; an element that is closed by another's end tag is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {k: v or "" for k, v in attrs})
        self.open[-1].nodes.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].nodes.append(Node(tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].nodes.append(data)


def parsed(*files: Files) -> Node:
    """A page as a tree."""
    reader = Reader()
    reader.feed(told("html", *files))
    (top,) = reader.open
    return top


def named(name: str) -> Files:
    return dict(zip(NAMES, every(), strict=True))[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_sentence_stands_first(name: str) -> None:
    files = named(name)
    page = parsed(files)
    (heading,) = page.all("h1")
    said = files.verdict["sentence"] if isinstance(files, RunFiles) else ""
    assert heading.text in said or not said
    assert next(d for d in page.all("div") if "word" in d.attributes["class"]).text.split(" ", 1)[1] in (
        *("better", "worse", "broken", "could not run", "found"),
    )
    assert files.name in next(page.all("title")).text


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_no_network_and_no_script(name: str) -> None:
    text = told("html", named(name))
    page = parsed(named(name))
    assert list(page.all("script")) == []
    assert {link.attributes["href"].partition(":")[0] for link in page.all("link")} == {"data"}
    assert not re.search(r"(?:src|url\(|@import|href)\s*=?\s*[\"']?(?:https?:)?//", text)
    assert "default-src 'none'" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_words_and_a_table(name: str) -> None:
    page = parsed(named(name))
    figures = list(page.all("figure"))
    ids = [
        e.attributes["id"]
        for tag in ("figure", "section", "title", "desc")
        for e in page.all(tag)
        if "id" in e.attributes
    ]
    assert len(set(ids)) == len(ids)
    for figure in figures:
        (svg,) = figure.all("svg")
        assert svg.attributes["role"] == "img"
        assert set(svg.attributes["aria-labelledby"].split()) <= set(ids)
        assert len(next(svg.all("desc")).text) > 20
        assert list(figure.all("table"))
    assert figures or name == "nothing"


def drawn(page: Node) -> Iterator[float]:
    """Every coordinate in the pictures."""
    for svg in page.all("svg"):
        for tag in ("polyline", "line", "rect", "text", "path"):
            for e in svg.all(tag):
                for key in ("points", "x1", "x2", "y1", "y2", "x", "y", "width", "height", "d"):
                    yield from map(float, re.findall(r"-?\d+\.?\d*(?:e-?\d+)?|nan|inf", e.attributes.get(key, "")))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_drawn_outside(name: str) -> None:
    page = parsed(named(name))
    for svg in page.all("svg"):
        _, _, width, height = map(float, svg.attributes["viewbox"].split())
        for e in (*svg.all("line"), *svg.all("text"), *svg.all("rect")):
            for key, most in (
                ("x", width),
                ("x1", width),
                ("x2", width),
                ("y", height),
                ("y1", height),
                ("y2", height),
            ):
                assert -0.5 <= float(e.attributes.get(key, 0)) <= most + 0.5, (svg.attributes, e.attributes)
    assert all(v == v and abs(v) < 1e4 for v in drawn(page))


@pytest.mark.parametrize("files", [*every(), grid(40, 2)], ids=[*NAMES, "grid"])
def test_labels_of_an_axis_have_room(files: Files) -> None:
    for svg in parsed(files).all("svg"):
        rows: dict[str, list[tuple[float, float]]] = {}
        for e in svg.all("text"):
            if e.attributes.get("class") == "tick" and e.attributes.get("text-anchor") == "middle":
                half = CHARACTER * len(e.text) / 2
                at = float(e.attributes["x"])
                rows.setdefault(e.attributes["y"], []).append((at - half, at + half))
        for row in rows.values():
            row.sort()
            assert all(a[1] <= b[0] for a, b in pairwise(row)), svg.attributes


# Every number.


def numbers_of(page: Node) -> list[dict[str, float | None]]:
    """The rows of comparisons; each number's text must be a shortened form of its value."""
    out = []
    for table in page.all("table"):
        head = [th.text for th in table.all("th")]
        if head[:4] != ["evidence", "arm", "where", "what"]:
            continue
        for tr in next(table.all("tbody")).all("tr"):
            cells = list(tr.all("td"))
            exact = [float(c.attributes["data-value"]) if "data-value" in c.attributes else None for c in cells]
            out.append(dict(zip(("baseline_value", "arm_value", "ratio", "low", "high"), exact[4:9], strict=True)))
    return out


@pytest.mark.parametrize("name", RUNS)
def test_every_number_is_that_of_the_verdict(name: str) -> None:
    files = run(name)
    found = numbers_of(parsed(files))
    keys = ("baseline_value", "arm_value", "ratio", "low", "high")
    wanted = [{k: c[k] for k in keys} for c in comparisons(files)]
    assert [f for f in found if f not in wanted] == []
    assert [w for w in wanted if w not in found] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_is_short_for_the_number(name: str) -> None:
    cells = [c for c in parsed(named(name)).all("td") if "data-value" in c.attributes]
    for cell in cells:
        text, value = cell.text.replace(",", "").replace("−", "-"), float(cell.attributes["data-value"])
        if text.endswith("%"):
            assert float(text[:-1]) / 100 + 1 == pytest.approx(value, abs=5.1e-5)
        elif text.endswith("×"):
            assert float(text[:-1]) == pytest.approx(value, abs=5.1e-3)
        else:
            assert float(text) == pytest.approx(value, rel=1e-4)
    assert cells or name in ("nothing",)


# What others wrote.

NASTY = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;{{ 7*7 }}"


def nasty(value: Any) -> Any:
    """Replaces every string of a verdict that a guest, a patch or a path can set by a nasty one."""
    if isinstance(value, dict):
        return {
            k: nasty(v) if k not in ("verdict", "kind", "direction", "said", "name", "sha") else v
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [nasty(v) for v in value]
    return value + NASTY if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_others_is_markup(name: str) -> None:
    files = named(name)
    plain = {tag: len(list(parsed(files).all(tag))) for tag in ("script", "img", "pre", "td", "svg", "text")}
    changed: Files
    if isinstance(files, RunFiles):
        changed = RunFiles(files.folder, nasty(json.loads(json.dumps(files.verdict))))
    else:
        changed = BisectionFiles(
            files.folder, {**nasty(dict(files.found)), "end": files.found["end"], "metric": files.found["metric"]}
        )
        for row, old in zip(changed.found["commits"], files.found["commits"], strict=True):
            row["state"] = old["state"]
    page = parsed(changed)
    assert {tag: len(list(page.all(tag))) for tag in plain} == plain
    assert "alert(1)" in page.text
    assert "{{ 7*7 }}" in page.text


# Charts.


def test_ticks_are_round_and_inside() -> None:
    for low, high in ((0, 1), (0.98, 1.031), (-3, 17), (1e6, 3.3e6), (5, 5)):
        found = ticks(low, high)
        assert all(low - 1e-9 <= t <= high + 1e-9 for t in found)
        assert len(found) <= 7
        assert len(set(labels(found))) == len(found)
    assert labels([0.0, 20.0, 40.0, 60.0]) == ["0", "20", "40", "60"]
    assert labels([1.0, 1.00025, 1.0005]) == ["1", "1.00025", "1.0005"]
    assert [short(v) for v in (0.25, 999.0, 20000.0, 1.5e6, 3e9)] == ["0.25", "999", "20k", "1500k", "3G"]


def test_arms_that_count_the_same_are_both_seen() -> None:
    figure = next(f for f in parsed(run("better")).all("figure") if "by depth" in next(f.all("h3")).text)
    marks = [p for p in figure.all("path") if list(p.all("title"))]
    starts = [p.attributes["d"].partition(",")[0] for p in marks if "depth 0: 9" in p.text]
    assert len(starts) == 2
    assert abs(float(starts[0][1:]) - float(starts[1][1:])) > 2


def test_of_many_places_those_with_room_are_labelled() -> None:
    scale = Scale(1, 40, 0, 340, log=True)
    found = whole([float(u) for u in range(1, 41)], scale)
    assert (found[0], found[-1]) == (1.0, 40.0)
    assert 8 <= len(found) <= 20
    assert whole([3.0], scale) == [3.0]
    assert whole([1.0, 2.0, 4.0, 2.0], scale) == [1.0, 2.0, 4.0]


def test_marks_of_a_verdict_are_named() -> None:
    for name, words in (
        ("better", {"better", "same"}),
        ("worse", {"worse", "same"}),
        ("timed", {"inconclusive", "A/A"}),
    ):
        figure = [f for f in parsed(run(name)).all("figure") if "each arm over" in next(f.all("h3")).text][-1]
        legend = {t.text for t in figure.all("text") if t.attributes.get("class") == "legend"}
        assert legend == words


def test_a_scale_of_factors_has_equal_steps() -> None:
    scale = Scale(1, 8, 0, 300, log=True)
    assert [round(scale(v)) for v in (1, 2, 4, 8)] == [0, 100, 200, 300]


def test_machines_that_say_the_same_share_a_row() -> None:
    found = [n for n in numbers(run("better").verdict) if n.kind == "count"]
    rows = rows_of(found)
    assert len(rows) < len(found)
    assert any(r.label.endswith("1, 2 vCPUs") for r in rows)
    scale, marks = axis(rows, 0.01)
    assert all(scale.low <= r.ratio <= scale.high for r in rows)
    assert {value for value, _ in marks} <= set(FACTORS)


def test_a_bisection_shows_how_it_was_narrowed() -> None:
    files = bisection()
    line = [r for r in files.found["commits"] if r["search"] == 0]
    steps = list(narrowed(files.trials, line))
    lefts = [high - low for _, _, low, high in steps]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 1
    assert steps[-1][3] == files.found["culprit"]["index"]
    figure = next(f for f in parsed(files).all("figure") if "narrowed" in next(f.all("h3")).text)
    told = [t.text.rpartition(": ")[2] for t in figure.all("text") if ": " in t.text]
    assert told == ["45", "75", "not tested", "75", "75", "45", "45", "the same code as one before"]
    assert len([p for p in figure.all("path") if p.attributes["class"] == "fault"]) == 1


def test_a_bisection_of_a_series_shows_how_it_was_narrowed() -> None:
    """Its places have no ids: a test names how many patches were applied, a row the patch."""
    files = bisection()
    rows = [r for r in files.found["commits"] if r["search"] == 0]
    line = [{**r, "sha": "", "name": f"{r['index']:02d}.patch"} for r in rows]
    places = {r["sha"] or r["name"]: f"patch{r['index']:03d}" for r in rows} | {rows[0]["name"]: "patch000"}
    trials = [{**t, "place": next((p for k, p in places.items() if k.startswith(t["place"])), t["place"])}
              for t in files.trials]  # fmt: skip
    assert [left[1:] for left in narrowed(trials, line)] == [left[1:] for left in narrowed(files.trials, rows)]


def test_runs_stand_side_by_side() -> None:
    page = parsed(run("better"), run("worse"), bisection())
    table = next(iter(page.all("table")))
    first = list(next(table.all("tbody")).all("td"))[::4]
    assert [td.text for td in first] == [folder(n).name for n in ("better", "worse", "bisected")]
    assert "BUT" not in page.text
    shown = [
        float(td.attributes["data-value"])
        for td in list(page.all("table"))[-1].all("td")
        if "data-value" in td.attributes
    ]
    wanted = [c["ratio"] for n in ("better", "worse") for c in comparisons(run(n)) if c["ratio"] is not None]
    assert sorted(shown) == sorted(wanted)


# Many boots.


def many(boots: int, place: Path) -> RunFiles:
    """A run of so many boots: the boots and values of `timed`, repeated, each slightly changed."""
    files = run("timed")
    verdict = json.loads(json.dumps(files.verdict))
    for c in verdict["evidence"]["time"]["comparisons"]:
        for key in ("arm_values", "baseline_values"):
            c[key] = [c[key][i % len(c[key])] * (1 + i % 97 / 1e4) for i in range(boots // 3)]
    rows = [b for b in files.boots if b["evidence"] == "time"]
    with (place / "boots.jsonl").open("w") as file:
        for i in range(boots):
            row = json.loads(json.dumps(rows[i % len(rows)]))
            for window in row["results"]["windows"]:
                window["elapsed"] = int(window["elapsed"] * (1 + i % 89 / 1e4))
            file.write(json.dumps({**row, "order": i, "console": f"console/{i:04d}-{row['arm']}.log"}) + "\n")
    (place / "experiment.yaml").write_bytes((files.folder / "experiment.yaml").read_bytes())
    (place / "verdict.json").write_text(json.dumps(verdict))
    read = read_files(place)
    assert isinstance(read, RunFiles)
    return read


def test_a_thousand_boots_are_a_small_page(tmp_path: Path) -> None:
    files = many(1000, tmp_path)
    text = told("html", files)
    assert len(text.encode()) < 2_000_000
    assert text.count("<tr>") > 1000
    page = parsed(files)
    assert all(v == v for v in drawn(page))


def test_a_run_without_values_of_boots_is_drawn_too() -> None:
    """As earlier versions of kit wrote it."""
    files = run("better")
    evidence = json.loads(json.dumps(files.verdict["evidence"]))
    for said in evidence.values():
        for c in said["comparisons"]:
            del c["arm_values"], c["baseline_values"]
    page = parsed(replace(files, verdict={**files.verdict, "evidence": evidence}))
    assert len(list(page.all("figure"))) == len(list(parsed(files).all("figure")))


# What a run writes by itself.


def test_a_run_writes_its_reports_and_says_where(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_NO_REPORT")
    bench.arms(with_=[])
    ran = bench.run()
    place = bench.runs()[-1]
    assert f"Report: runs/{place.name}/report.html, runs/{place.name}/junit.xml" in ran.out
    assert (place / "report.html").read_text() == told("html", read_files(place), style=Style(beside=True))
    assert time.time() > (place / "junit.xml").stat().st_mtime
    code = bench.run("--no-report").code
    assert code == ran.code
    assert not (bench.runs()[-1] / "report.html").exists()


def test_what_no_picture_has_is_a_table_of_its_own_with_foreign_text_as_text() -> None:
    files = run("real-worse")
    evidence = copy.deepcopy(files.verdict["evidence"])
    place = {"lock": "anon_vma", "workload": "<b>exec</b>", "cpus": 2, "boots": 3, "function": "unlink_anon_vmas"}
    evidence["count"]["details"]["sites"] = [
        {**place, "arm": arm, "part": "", "share": share, "low": 0.2, "high": 0.6, "p": p}
        for arm, share, p in (("without", 0.5, None), ("with", 0.25, 0.01))
    ]
    page = parsed(run("real-worse", evidence=evidence))
    (table,) = (t for t in page.all("table") if "Call sites that met contention" in t.text)
    head, *rows = (tuple(c.text for n in ("th", "td") for c in row.all(n)) for row in table.all("tr"))
    assert head[-2:] == ("without", "with")
    assert rows == [("anon_vma", "<b>exec</b>", "2", "unlink_anon_vmas", "50.0% [20, 60]", "25.0% [20, 60], p = 0.01")]
    assert [c.attributes.get("class") for c in list(table.all("td"))[2:5]] == ["n", None, "n"]
    assert "Call sites" not in parsed(files).text
