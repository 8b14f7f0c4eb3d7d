"""`kit compare --history`: where, by how much, how sure; exit codes; messages and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kit.cli import main

Captured = pytest.CaptureFixture[str]


def files(folder: Path, levels: list[float], runs: int = 1, metric: str = "fork_ms", noise: float = 0.01) -> list[str]:
    rng = np.random.default_rng(1)
    out = []
    for number, level in enumerate(levels):
        path = folder / f"run{number:02}.json"
        path.write_text(json.dumps({metric: (level * np.exp(noise * rng.normal(size=runs))).tolist(), "odd": 1}))
        out.append(str(path))
    return out


def called(capsys: Captured, *words: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = main(["compare", "--json", "--history", *words])
    return code, json.loads(capsys.readouterr().out)


def test_a_regression_is_named_with_its_file(tmp_path: Path, capsys: Captured) -> None:
    names = files(tmp_path, [10.0] * 12 + [11.0] * 10)
    code, shown = called(capsys, *names)
    (change,) = shown["changes"]
    assert (code, shown["verdict"], change["said"]) == (1, "worse", "worse")
    assert (change["after"], change["before"], change["at"]) == (names[11], names[12], 12)
    assert 1.08 < change["low"] < change["high"] < 1.12
    assert change["ratio"] == pytest.approx(1.1, rel=0.02)
    assert "worse since" in shown["sentence"]
    assert any("odd: shown only" in n for n in shown["notes"])
    assert main(["compare", "--history", *names]) == 1
    text = capsys.readouterr().out
    assert "22 files in order: 1 change" in text
    assert max(len(line) for line in text.split("\n\n")[1].splitlines()) <= 80


def test_what_was_mended_is_better_by_its_last_change(tmp_path: Path, capsys: Captured) -> None:
    code, shown = called(capsys, *files(tmp_path, [10.0] * 12 + [11.0] * 10 + [10.0] * 12))
    assert (code, [c["said"] for c in shown["changes"]]) == (0, ["worse", "better"])


@pytest.mark.parametrize(("noise", "code"), [(0.002, 0), (0.05, 3)])
def test_without_a_change_it_is_the_same_or_open(noise: float, code: int, tmp_path: Path, capsys: Captured) -> None:
    got, shown = called(capsys, *files(tmp_path, [10.0] * 20, noise=noise))
    assert (got, shown["changes"]) == (code, [])


def test_few_files_of_many_values_count_their_values_and_say_so(tmp_path: Path, capsys: Captured) -> None:
    code, shown = called(capsys, *files(tmp_path, [10.0, 10, 12, 12], runs=6))
    assert (code, shown["changes"][0]["at"]) == (1, 2)
    assert any("fewer than 8 files" in n for n in shown["notes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--history", "a", "b"], "three files or more"),
        (["--history", "a", "b", "a", "--metric", "odd"], "is higher or lower better? odd"),
        (["--history", "--paired", "a", "b", "a"], "a history has no pairs"),
        (["a", "b", "a"], "two sides are needed, not 3"),
    ],
)
def test_what_cannot_be_asked_is_bad_input(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / name).write_text('{"odd": [1, 2], "fork_ms": [3, 4]}')
    assert main(["compare", *words]) == 2
    assert said in capsys.readouterr().err
