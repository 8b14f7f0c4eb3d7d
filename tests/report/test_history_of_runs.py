"""`kit history`: the index of a folder of runs, change points, flips, and the site."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from test_page import Reader

from kit.base.errors import BAD_INPUT, OK
from kit.cli import main
from kit.report.runhistory import flips_of, kernel_order, series_of
from kit.report.runindex import NAME, Index
from tests.report.folders import NAMES, folder, run


def made(place: Path, values: list[float], words: list[str] | None = None, kernels: list[str] | None = None) -> Path:
    """A folder of runs of one experiment, a day apart, each with one comparison of that value and verdict, and that
    kernel in both arms."""
    source = run("worse")
    for i, value in enumerate(values):
        verdict = json.loads(json.dumps(source.verdict))
        (c, *_) = verdict["evidence"]["count"]["comparisons"]
        ratio = value / c["baseline_value"]
        c |= {"arm_value": value, "ratio": ratio, "low": ratio, "high": ratio, "said": (words or ["same"] * 99)[i]}
        verdict["evidence"]["count"]["comparisons"] = [c]
        for arm in verdict["provenance"]["arms"].values() if kernels else ():
            arm["tree"]["version"] = kernels[i] if kernels else ""
        path = place / f"fake-202611{i + 1:02d}-120000"
        path.mkdir(parents=True)
        (path / "experiment.yaml").write_text("name: fake\n")
        (path / "verdict.json").write_text(json.dumps(verdict))
    return place


def test_every_run_is_listed_oldest_first(tmp_path: Path) -> None:
    for name in NAMES:
        shutil.copytree(folder(name), tmp_path / "runs" / folder(name).name)
    (tmp_path / "runs" / folder("bisected").name / "console").mkdir(exist_ok=True)
    with Index(tmp_path / "runs") as index:
        runs = index.runs()
        assert [r.run for r in runs] == sorted(folder(n).name for n in NAMES) or len(runs) == len(NAMES)
        assert [r.started for r in runs] == sorted(r.started for r in runs)
        assert {r.run.split("-")[0]: r.verdict for r in runs} == {
            **{n: n for n in ("better", "worse", "broken")},
            **{"nothing": "could not run", "timed": "worse", "bisected": "found"},
        }
        assert len(index.points()) == sum(
            len(k["comparisons"]) for n in NAMES[:-1] for k in run(n).verdict["evidence"].values()
        )


def test_the_index_follows_the_folders(tmp_path: Path) -> None:
    place = made(tmp_path, [10.0, 11.0, 12.0])
    names = sorted(p.name for p in place.iterdir())
    with Index(place) as index:
        assert [p.arm_value for p in index.points()] == [10.0, 11.0, 12.0]
    shutil.rmtree(place / names[0])
    changed = place / names[1] / "verdict.json"
    changed.write_text(changed.read_text().replace("11.0", "15.0"))
    os.utime(changed, (1, 1))
    with Index(place) as index:
        assert [p.arm_value for p in index.points()] == [15.0, 12.0]
        assert [r.run for r in index.runs()] == names[1:]


def test_what_is_not_written_anew_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = made(tmp_path, [10.0, 11.0])
    Index(place).__exit__()

    def read(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr("kit.report.runindex.read_files", read)
    with Index(place) as index:
        assert len(index.points()) == 2


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 200])
def test_a_damaged_index_is_built_from_nothing(tmp_path: Path, damage: bytes) -> None:
    place = made(tmp_path, [10.0])
    (place / NAME).write_bytes(damage)
    with Index(place) as index:
        assert len(index.points()) == 1


def test_an_index_of_another_form_is_built_from_nothing(tmp_path: Path) -> None:
    place = made(tmp_path, [10.0])
    db = sqlite3.connect(place / NAME)
    db.executescript("create table runs (x); pragma user_version = 999;")
    db.close()
    with Index(place) as index:
        assert len(index.points()) == 1


def test_a_run_that_cannot_be_read_is_listed_with_why(tmp_path: Path) -> None:
    place = made(tmp_path, [10.0, 11.0, 12.0, 13.0])
    names = sorted(p.name for p in place.iterdir())
    (place / names[0] / "verdict.json").unlink()
    (place / names[1] / "verdict.json").write_text("{")
    (place / names[2] / "verdict.json").write_text('{"schema": 1}')
    with Index(place) as index:
        faults = {r.run: r.fault for r in index.runs()}
        assert "no verdict yet" in faults[names[0]]
        assert "damaged" in faults[names[1]]
        assert "KeyError" in faults[names[2]]
        assert faults[names[3]] == ""


def test_a_change_is_marked_where_it_came(tmp_path: Path) -> None:
    values = [10.0, 10.1, 9.9, 10.05, 10.0, 9.95, 10.1, 15.0, 15.1, 14.9, 15.05, 15.0, 14.95, 15.1]
    with Index(made(tmp_path, values)) as index:
        (series,) = series_of(index.points())
    (level,) = series.levels
    assert (level.place, level.run) == (7, "fake-20261108-120000")
    assert level.ratio == pytest.approx(1.5, rel=0.01)
    with Index(made(tmp_path / "flat", [10.0 + i % 3 / 10 for i in range(14)])) as index:
        assert [s.levels for s in series_of(index.points())] == [()]


KERNELS = ["7.0", "6.1.5", "6.12", "6.6-rc2"] * 4  # not in their order
BY_KERNEL = {"6.1.5": 10.0, "6.6-rc2": 10.0, "6.12": 15.0, "7.0": 15.0}


def test_kernels_are_in_their_own_order() -> None:
    ordered = ["2.6.38", "3.0", "3.0.1", "6.1-rc2", "6.1-rc10", "6.1.0", "6.1.5", "6.1.12", "6.12", "7.0"]
    ordered_as_text = sorted(ordered)
    assert ordered_as_text != ordered
    assert sorted(ordered_as_text, key=kernel_order) == ordered
    assert kernel_order("6.1.0")[:2] == kernel_order("6.1")[:2]
    assert sorted(["6.1", "next-20261130"], key=kernel_order)[0] == "next-20261130"


def test_a_change_is_marked_between_kernels(tmp_path: Path) -> None:
    with Index(made(tmp_path, [BY_KERNEL[k] for k in KERNELS], kernels=KERNELS)) as index:
        (series,) = series_of(index.points())
    assert series.levels == ()  # in the order of time they come and go
    assert [p.kernel for p in series.by_kernel] == [k for k in BY_KERNEL for _ in range(4)]
    (step,) = series.steps
    assert series.by_kernel[step.place].kernel == "6.12"
    assert step.ratio == pytest.approx(1.5)


def test_what_changed_while_the_kernel_stayed_is_not_a_kernel_s(tmp_path: Path) -> None:
    """Another compiler, for instance: over time, that is a change."""
    values, kernels = [10.0] * 8 + [15.0] * 8, ["6.1"] * 12 + ["6.12"] * 4
    with Index(made(tmp_path / "a", values, kernels=kernels)) as index:
        (series,) = series_of(index.points())
    assert [level.place for level in series.levels] == [8]
    assert all(series.by_kernel[step.place].kernel == "6.12" for step in series.steps)
    assert all(step.place == 12 for step in series.steps)
    with Index(made(tmp_path / "b", values, kernels=["6.1"] * 16)) as index:
        (series,) = series_of(index.points())
    assert (series.by_kernel, series.steps) == ((), ())


def test_each_arm_has_its_own_kernel(tmp_path: Path) -> None:
    place = made(tmp_path, [10.0])
    (path,) = place.glob("*/verdict.json")
    verdict = json.loads(path.read_text())
    verdict["provenance"]["arms"]["with"]["tree"]["version"] = "7.0"
    again = {**verdict["evidence"]["count"]["comparisons"][0], "arm": "without-again", "aa": True}
    verdict["evidence"]["count"]["comparisons"].append(again)
    path.write_text(json.dumps(verdict))
    with Index(place) as index:
        assert {p.arm: p.kernel for p in index.points()} == {"with": "7.0", "without-again": "6.1.0-fake"}


def test_a_metric_is_drawn_over_dates_and_over_kernels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = made(tmp_path / "runs", [BY_KERNEL[k] for k in KERNELS], kernels=KERNELS)
    assert main(["history", str(place)]) == OK
    assert "changed with Linux 6.12: +50.00%" in capsys.readouterr().out
    assert main(["history", str(place), "--html", str(tmp_path / "site")]) == OK
    reader = Reader()
    reader.feed((tmp_path / "site" / "history.html").read_text())
    dates, kernels = reader.open[0].all("figure")
    labels = {
        figure.attributes["id"]: [t.text for t in figure.all("text") if t.attributes.get("text-anchor") == "middle"]
        for figure in (dates, kernels)
    }
    assert next(kernels.all("h3")).text.endswith(", by kernel")
    assert labels[kernels.attributes["id"]] == ["6.1.5", "6.6-rc2", "6.12", "7.0", "Linux"]
    shown = labels[dates.attributes["id"]]
    assert (shown[0], shown[-2]) == ("2026-11-01", "2026-11-16")
    assert [len([x for x in f.all("line") if x.attributes["class"] == "change"]) for f in (dates, kernels)] == [0, 1]
    (line,) = (x for x in kernels.all("line") if x.attributes["class"] == "change")
    places = {t.text: float(t.attributes["x"]) for t in kernels.all("text") if t.text in BY_KERNEL}
    assert float(line.attributes["x1"]) == pytest.approx((places["6.6-rc2"] + places["6.12"]) / 2, abs=0.2)


def test_what_comes_and_goes_flips(tmp_path: Path) -> None:
    words = ["same", "worse", "same", "same", "worse"]
    with Index(made(tmp_path / "a", [10.0] * 5, words)) as index:
        (flip,) = flips_of(index.points())
    assert (flip.flips, flip.words) == (3, tuple(words))
    with Index(made(tmp_path / "b", [10.0] * 4, ["same", "same", "worse", "worse"])) as index:
        assert flips_of(index.points()) == []


def test_the_text_has_80_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["same", "worse", "same", "same", "worse"] * 3
    place = made(tmp_path, [10.0 if i < 7 else 15.0 for i in range(15)], words)
    assert main(["history", str(place)]) == OK
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "15 runs, 1 change, 1 test that flips" in out
    assert "changed since fake-20261108-120000: +50.00%" in out


def test_metrics_can_be_named_and_printed_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = made(tmp_path, [10.0, 11.0])
    assert main(["history", str(place), "--metric", "*no such*", "--json"]) == OK
    shown = json.loads(capsys.readouterr().out)
    assert (len(shown["runs"]), shown["series"]) == (2, [])


def test_no_folder_and_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(tmp_path / "nowhere")]) == BAD_INPUT
    assert "no such folder" in capsys.readouterr().err
    assert main(["history", str(tmp_path)]) == OK
    assert "no run here yet" in capsys.readouterr().out


def test_the_site_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = made(tmp_path / "runs", [10.0 if i < 7 else 15.0 for i in range(14)])
    shutil.copytree(folder("broken"), place / folder("broken").name)
    (place / "fake-20261101-120000" / "verdict.json").unlink()
    site = tmp_path / "site"
    assert main(["history", str(place), "--html", str(site)]) == OK
    assert capsys.readouterr().out == f"{site}/index.html\n"
    there = {p.name for p in site.iterdir()}
    assert {"index.html", "history.html", "flakes.html", f"{folder('broken').name}.html"} <= there
    assert "fake-20261101-120000.html" not in there
    for page in site.iterdir():
        reader = Reader()
        reader.feed(page.read_text())
        links = {a.attributes["href"] for a in reader.open[0].all("a")}
        assert {link for link in links if not link.startswith("#")} <= there
        assert links
    history = (site / "history.html").read_text()
    assert 'class="change"' in history
    (tmp_path / "file").touch()
    assert main(["history", str(place), "--html", str(tmp_path / "file")]) == BAD_INPUT
