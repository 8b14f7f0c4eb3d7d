"""What the workloads make of their parameters: programs that the guest reads, windows with their jobs, mixes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from kit.model.parse import parse_program
from kit.model.program import Fork, Program, Repeat, Users, Window
from kit.records import WorkloadSpec
from kit.workload.aim7 import TESTS, Aim7, WorkFile, left_out_said, mix_params, read_mix
from kit.workload.catalog import make_loads, parse_params
from kit.workload.forkchain import ForkChain, depths
from kit.workload.load import boot_program

MIXES = Path(__file__).resolve().parents[2] / "configs" / "mixes"


@pytest.mark.parametrize(
    ("value", "wanted"), [("0..3", (0, 1, 2, 3)), ("5", (5,)), (7, (7,)), ([2, 0, 2], (0, 2)), (" 1 .. 2 ", (1, 2))]
)
def test_depths(value: object, wanted: tuple[int, ...]) -> None:
    assert depths(value) == wanted


@pytest.mark.parametrize(
    "value", ["", "..", "1..", "3..1", "a", "0..65", "-1", -1, 65, True, [], [True], [1.0], None, "²"]
)
def test_what_is_no_depth(value: object) -> None:
    with pytest.raises(ValueError, match="depth"):
        depths(value)


def test_a_chain_forks_once_a_level_and_counts_at_the_asked_ones() -> None:
    load = ForkChain.model_validate({"depth": [0, 2], "forks": 5, "vmas": 3, "written": {0: [0], 1: [2]}}).load("c", 1)
    assert load.program.text().split("\n") == [
        *("map 0 4", "map 1 4", "map 2 4", "write 0 0"),
        *("window c/d0", "repeat 5", "fork", "end", "end", "end"),
        *("fork", "write 2 0", "fork"),
        *("window c/d2", "repeat 5", "fork", "end", "end", "end"),
        *("end", "end", ""),
    ]
    assert [(w.name, w.at.workload, w.at.depth, w.jobs, w.unit) for w in load.windows] == [
        ("c/d0", "c", 0, 5, "fork"),
        ("c/d2", "c", 2, 5, "fork"),
    ]


def test_users_run_the_same_jobs_each_in_an_order_of_its_own() -> None:
    params = Aim7.model_validate({"mix": {"fork_test": 3, "exec_test": 1}, "users": [1, 3], "jobs": 8})
    load = params.load("a", 1)
    assert load == params.load("a", 1)
    assert load != params.load("a", 2)
    one, three = load.program.ops
    assert isinstance(one, Users)
    assert isinstance(three, Users)
    assert one.users[0] == three.users[0]
    fork, script = TESTS["fork_test"], TESTS["exec_test"]
    for user in three.users:
        assert sorted(map(str, user)) == sorted(map(str, fork * 6 + script * 2))
    assert len(set(three.users)) > 1
    assert [(w.name, w.at.users, w.jobs) for w in load.windows] == [("a/u1", 1, 8), ("a/u3", 3, 24)]


def test_each_test_of_a_mix_runs_at_least_once_and_jobs_are_the_real_number() -> None:
    load = Aim7.model_validate({"mix": {"fork_test": 1000, "exec_test": 1}, "jobs": 2}).load("a", 1)
    assert load.windows[0].jobs == 3


@pytest.mark.parametrize(
    "params",
    [
        {"mix": {}},
        {"mix": {"nosuch": 1}},
        {"mix": {"fork_test": 0}},
        {"mix": {"fork_test": float("nan")}},
        {"mix": {"fork_test": 1}, "users": []},
        {"mix": {"fork_test": 1}, "users": [65]},
        {"mix": {"fork_test": 1}, "users": [True]},
        {"mix": {"fork_test": 1}, "jobs": 0},
        {},
    ],
)
def test_what_aim7_refuses(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_params("aim7", params)


def work_file(folder: Path, text: str) -> Path:
    path = folder / "mix"
    path.write_bytes(text.encode("latin-1"))
    return path


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        (
            "# mine\nFILESIZE: 10K\nPOOLSIZE: 20M\n10 fork_test\n 2.5\texec_test # often\n\n",
            {"fork_test": 10, "exec_test": 2.5},
        ),
        ("FILESIZE 1M\nPOOLSIZE  25m\n05 fork_test\n", {"fork_test": 5}),
        ("FILESIZE:5MB\r\npoolsize : 0\r\nPOOLSIZE\r\n10 fork_test\r\n", {"fork_test": 10}),
        ("10 fork_test\n20 exec_test\n30 fork_test\n", {"fork_test": 40, "exec_test": 20}),
        ("# f\xfcr alle\n1 fork_test", {"fork_test": 1}),
    ],
)
def test_mixes_are_read_as_work_files_are_written(tmp_path: Path, text: str, mix: dict[str, float]) -> None:
    assert read_mix(work_file(tmp_path, text)) == WorkFile(mix, {})


def test_tests_that_are_not_here_are_left_out_and_told(tmp_path: Path) -> None:
    text = "# shared mix\nFILESIZE 1M\n30 add_double\n10 fork_test\n20 exec_test\n10 page_test\n30 shell_rtns_1\n"
    work = read_mix(work_file(tmp_path, text))
    assert work == WorkFile({"fork_test": 10, "exec_test": 20, "shell_rtns_1": 30}, {"add_double": 30, "page_test": 10})
    params = parse_params("aim7", mix_params(work)).model_dump(mode="json")
    said = "3 of the 5 tests of its work file, 60% of the weight (60 of 100); not here: add_double, page_test"
    assert left_out_said(params) == said
    whole = parse_params("aim7", mix_params(WorkFile({"fork_test": 1}, {}))).model_dump(mode="json")
    assert left_out_said(whole) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(
            (f"1 exec_test\n{line}\n", "mix:2: not a line of a mix")
            for line in ("fork_test 10", "10", "-1 a", "1 a b", "FILESIZE: x")
        ),
        ("1 exec_test\n0 fork_test\n", "mix:2: fork_test has the weight 0"),
        ("30 add_double\n1 sieve\n", r"none of its tests is here \(add_double, sieve\); there are fork_test"),
        ("# nothing\nFILESIZE: 1M\n", "no line of a mix in it"),
    ],
)
def test_what_is_no_work_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_mix(work_file(tmp_path, text))


def test_the_mixes_of_kit_are_whole() -> None:
    for own in MIXES.iterdir():
        assert Aim7(**mix_params(read_mix(own))).left_out is None


def test_the_guest_reads_what_loads_write() -> None:
    specs = [
        WorkloadSpec("fork-chain", "c", {"depth": "0..8", "vmas": 64}),
        WorkloadSpec("aim7", "a", {"mix": {"fork_test": 1, "shell_rtns_1": 2}, "users": [1, 2], "jobs": 4}),
    ]
    loads = make_loads(specs, 1)
    for load in loads:
        assert parse_program(load.program.text()) == load.program
    text = boot_program(loads)
    assert text.startswith("worker c\nmap 0 4\n")
    assert text.count("worker ") == 2
    names = [w.name for load in loads for w in load.windows]
    assert len(set(names)) == len(names) == 11


def test_program_text_of_each_operation() -> None:
    program = Program((Window("w", (Repeat(2, (Fork(),)),)),))
    assert program.text() == "window w\nrepeat 2\nfork\nend\nend\nend\n"
