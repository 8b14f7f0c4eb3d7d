"""`kit matrix` on fake kernels: every combination is a run, one that fails stops no other, and a kill loses nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rig import RMAP, Bench, interrupt, resume_command

from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, NOT_AS_EXPECTED, OK
from kit.run.matrix import axis_of


def found(bench: Bench) -> tuple[Path, dict[str, Any]]:
    """The newest matrix."""
    folder = max((bench.folder / "runs").glob("*-matrix-*"), key=lambda p: p.stat().st_mtime_ns)
    return folder, json.loads((folder / "matrix.json").read_text())


def verdicts(bench: Bench) -> list[tuple[str, str | None]]:
    return [(row["name"], row["verdict"]) for row in found(bench)[1]["cells"]]


@pytest.fixture
def other(bench: Bench) -> Path:
    """A second tree, whose unlink is unbatched too, so that the experiment's patch does not apply."""
    tree = bench.folder / "other"
    shutil.copytree(bench.tree, tree)
    text = (tree / RMAP).read_text()
    (tree / RMAP).write_text(text.replace("profile: 6.1 ", "profile: 6.0 "))
    return tree


def test_each_combination_is_a_run_of_its_own(bench: Bench) -> None:
    ran = bench.call("matrix", bench.write(), "--over", "guest.cpus=[[1], [2]]", "--over", "limit=[1%, 2%]")
    assert ran.code == OK, ran
    folder, matrix = found(bench)
    assert [row["keys"] for row in matrix["cells"]] == [
        {"guest.cpus": cpus, "limit": limit} for cpus in ("[1]", "[2]") for limit in ("1%", "2%")
    ]
    assert verdicts(bench) == [
        *(("01-1-1", "better"), ("02-1-2", "better"), ("03-2-1", "better"), ("04-2-2", "better"))
    ]
    for row in matrix["cells"]:
        verdict = json.loads((folder / "cells" / row["name"] / "verdict.json").read_text())
        assert (verdict["sentence"], verdict["exit_code"]) == (row["sentence"], row["exit_code"])
    assert "4 cells: 4 better" in ran.out
    assert bench.did("make vmlinux") == 3, "a dry run, and each arm once"
    assert bench.call("report", *map(str, (folder / "cells").iterdir()), "--markdown").code == OK


def test_a_cell_that_cannot_run_is_told_and_the_others_go_on(bench: Bench, other: Path) -> None:
    trees = f"tree=[dir:{other}, dir:{bench.tree}]"
    ran = bench.call("matrix", bench.write(), "--over", trees)
    assert ran.code == COULD_NOT_RUN
    first, second = found(bench)[1]["cells"]
    assert (first["verdict"], first["exit_code"]) == (None, COULD_NOT_RUN)
    assert "does not apply" in first["sentence"]
    assert (second["verdict"], second["exit_code"]) == ("better", OK)
    assert "could not run" in ran.out


def test_one_cell_that_is_not_as_expected_fails_the_whole(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("off by one")])
    ran = bench.call("matrix", bench.write(), "--over", "limit=[1%, 50%]")
    assert ran.code == NOT_AS_EXPECTED
    assert [verdict for _, verdict in verdicts(bench)] == ["worse", "same"]


def test_a_matrix_that_is_interrupted_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["matrix", bench.write(), "--over", "limit=[1%, 2%, 3%]", "--fresh"]
    assert bench.call(*argv).code == OK
    whole = [(row["keys"], row["verdict"], row["exit_code"]) for row in found(bench)[1]["cells"]]
    with monkeypatch.context() as patch:
        interrupt(patch, 6)
        ran = bench.call(*argv)
    folder, matrix = found(bench)
    assert [row["verdict"] for row in matrix["cells"]] == ["better", None, None]
    (bench.folder / "experiment.yaml").unlink()
    assert resume_command(ran) == ["matrix", "--resume", str(folder.relative_to(bench.folder))]
    assert bench.call(*resume_command(ran)).code == OK
    assert [(row["keys"], row["verdict"], row["exit_code"]) for row in found(bench)[1]["cells"]] == whole


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "no key to go over"),
        (["--over", "tree"], "not KEY=[VALUE, VALUE …]"),
        (["--over", "tree=x"], "not KEY=[VALUE, VALUE …]"),
        (["--over", "limit=[1%]", "--over", "limit=[2%]"], "a key is named twice"),
        (["--over", f"seed=[{', '.join(map(str, range(401)))}]"], "401 cells"),
        (["--over", "limt=[1%, 2%]"], "unknown key `limt`"),
    ],
)
def test_what_a_matrix_refuses(bench: Bench, argv: list[str], said: str) -> None:
    ran = bench.call("matrix", bench.write(), *argv)
    assert (ran.code, bench.did("boot")) == (BAD_INPUT, 0)
    assert said in ran.err
    assert not list((bench.folder / "runs").glob("*-matrix-*"))


def test_values_stay_what_they_are() -> None:
    axis = axis_of('x=["6.1", 6.1, debian:6.1, [1, 2], true, "yes", null]')
    assert axis.values == ('"6.1"', "6.1", "debian:6.1", "[1, 2]", "true", '"yes"', "null")


def test_a_folder_that_is_no_matrix_is_not_resumed(bench: Bench) -> None:
    assert "not a matrix" in bench.call("matrix", "--resume", str(bench.folder)).err
