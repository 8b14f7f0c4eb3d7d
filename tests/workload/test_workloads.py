"""What the workloads make of their parameters: programs that the guest reads, windows with their jobs, mixes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from kit.base.errors import UserError
from kit.model.parse import parse_program
from kit.model.predict import Prediction, Unmodelled, predict
from kit.model.profiles import PROFILES
from kit.model.program import Crew, Fork, Job, MapFile, Program, Ramp, Repeat, Users, Window, Write
from kit.records import WorkloadSpec
from kit.workload.aim7 import Aim7, WorkFile, left_out_said, mix_params, prepare, read_mix, shown
from kit.workload.aim7jobs import TESTS, Size
from kit.workload.catalog import WORKLOADS, make_loads, parse_params
from kit.workload.exim import Exim
from kit.workload.forkchain import ForkChain, depths
from kit.workload.kind import Place
from kit.workload.load import boot_program
from kit.workload.longer import longer, rounds_program
from kit.workload.micro import LOOPS, RECLAIM, THREADED, Micro
from tests.model.scenes import WORKER

HERE = Place(lambda name: Path(name) if Path(name).exists() else None, "looked for here")
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
    size = Size(0.01, 10)
    fork, script = TESTS["fork_test"].ops(size), TESTS["exec_test"].ops(size)
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
        {"mix": {"fork_test": 1}, "users": "slope"},
        {"mix": {"fork_test": 1}, "users": [1], "most": 8},
        {"mix": {"fork_test": 1}, "users": "ramp", "most": 65},
        {"mix": {"fork_test": 1}, "users": "ramp", "crossover": 0},
        {"mix": {"disk_cp": 1}, "users": "ramp", "poolsize": 64},
        {"mix": {"fork_test": 1}, "jobs": 0},
        {},
    ],
)
def test_what_aim7_refuses(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_params("aim7", params)


def test_a_ramp_has_windows_known_before_where_time_is_not_measured() -> None:
    """Of as many users each; the same seed gives a user the same jobs in both."""
    params = {"mix": {"fork_test": 3, "exec_test": 1}, "users": "ramp", "most": 6, "jobs": 8}
    load = Aim7.model_validate(params).load("a", 1)
    assert load.ramp is not None
    assert [(w.name, w.jobs) for w in load.windows] == [("a/u1", 8), ("a/u2", 16), ("a/u4", 32)]
    (ramp,) = load.ramp.program.ops
    assert isinstance(ramp, Ramp)
    assert len(ramp.users) == 6
    assert ramp.milliseconds == 8 * 60_000
    for users in load.program.ops:
        assert isinstance(users, Users)
        assert users.users == ramp.users[: len(users.users)]


def test_a_ramp_s_bounds_are_said() -> None:
    said = WORKLOADS["aim7"].said(Aim7.model_validate({"mix": {"fork_test": 1}, "users": "ramp"}).model_dump())
    assert said.startswith("where time is measured, users grow from 1 until each does 1 jobs per minute, to 32 users")
    assert WORKLOADS["aim7"].said(Aim7.model_validate({"mix": {"fork_test": 1}}).model_dump()) == ""


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
    work = read_mix(work_file(tmp_path, text))
    assert (work.mix, work.left_out) == (mix, {})


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("FILESIZE: 10K\nPOOLSIZE: 20M\n", {"filesize": 10, "poolsize": 20480}),
        ("filesize 1m\nPOOLSIZE 8192\n", {"filesize": 1024, "poolsize": 8}),
        ("FILESIZE:5MB\r\nPOOLSIZE\r\n", {"filesize": 5120}),
        ("# FILESIZE: 1M\n", {}),
    ],
)
def test_sizes_of_files_are_read_in_kib(tmp_path: Path, text: str, sizes: dict[str, int]) -> None:
    params = prepare({"mix": str(work_file(tmp_path, f"{text}10 disk_rd\n"))}, HERE)
    assert {k: v for k, v in params.items() if k != "mix"} == sizes
    own = prepare({"mix": str(work_file(tmp_path, f"{text}10 disk_rd\n")), "filesize": 3}, HERE)
    assert own["filesize"] == 3


def test_a_file_is_as_large_as_the_pool_makes_it_for_so_many_users() -> None:
    params = Aim7.model_validate({"mix": {"disk_rd": 1}, "users": [1, 4], "jobs": 1, "filesize": 2, "poolsize": 10})
    prepared, one, again, four = params.load("a", 1).program.ops
    assert isinstance(one, Users)
    assert isinstance(four, Users)
    assert (prepared, one.users[0]) == (Job("prepare", 12), (Job("disk_rd", 12),))
    assert (again, four.users[3]) == (Job("prepare", 4), (Job("disk_rd", 4),))


def test_kernels_have_what_a_mix_needs_and_no_more() -> None:
    def needed(*tests: str) -> tuple[str, ...]:
        return Aim7.model_validate({"mix": dict.fromkeys(tests, 1)}).fragments()

    assert needed("fork_test", "exec_test", "disk_rd", "pipe_cpy") == ()
    assert needed("tcp_test", "add_int") == needed("shared_memory") == ("messages",)
    assert needed("disk_dio_rd", "dgram_pipe") == ("messages", "ramdisk")


def test_files_that_do_not_fit_into_the_guest_are_refused() -> None:
    params = Aim7.model_validate({"mix": {"disk_cp": 1}, "users": [1, 8], "filesize": 8192})
    params.require_room(512)
    with pytest.raises(UserError, match="of files at once: more than half of the guest's memory of 128M"):
        params.require_room(128)
    Aim7.model_validate({"mix": {"fork_test": 1}, "filesize": 65536}).require_room(64)


def test_every_test_of_the_suite_s_mixes_is_here() -> None:
    """Twelve mixes; with alltests, which has no O_DIRECT, and disk there are 67 tests."""
    found = {own.name: read_mix(own) for own in MIXES.iterdir()}
    assert {name: (len(work.mix), sum(work.mix.values())) for name, work in found.items()} == {
        **{"exec": (3, 50), "fork": (1, 10), "shared": (53, 780), "high_systime": (18, 260), "alltests": (62, 1000)},
        **{"compute": (26, 820), "dbase": (23, 550), "fserver": (31, 595), "disk": (20, 400), "short": (17, 340)},
        **{"long": (18, 180), "five_sec": (11, 220), "custom": (27, 410), "all_utime": (16, 170)},
    }
    assert {test for work in found.values() for test in work.mix} == set(TESTS)
    assert len(TESTS) == 67


def test_tests_that_are_not_here_are_left_out_and_told(tmp_path: Path) -> None:
    text = "# AIM9's\n30 fun_cal\n10 fork_test\n20 exec_test\n10 disk_aio_rr\n30 shell_rtns_1\n"
    work = read_mix(work_file(tmp_path, text))
    assert work == WorkFile({"fork_test": 10, "exec_test": 20, "shell_rtns_1": 30}, {"fun_cal": 30, "disk_aio_rr": 10})
    params = parse_params("aim7", mix_params(work)).model_dump(mode="json")
    said = "3 of the 5 tests of its work file, 60% of the weight (60 of 100); not here: fun_cal, disk_aio_rr"
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
        ("30 fun_cal\n1 nosuch\n", r"none of its tests is here \(fun_cal, nosuch\); there are fork_test"),
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


def test_a_large_mix_is_shown_as_its_size_and_keys_only_where_they_matter() -> None:
    small = parse_params("aim7", {"mix": {"fork_test": 10, "exec_test": 20}, "users": [2], "jobs": 3}).model_dump()
    assert shown(small) == {"mix": {"fork_test": 10, "exec_test": 20}, "users": (2,), "jobs": 3}
    large = parse_params("aim7", mix_params(read_mix(MIXES / "shared"))).model_dump()
    assert shown(large)["mix"] == "of 53 tests, weight 780"
    assert shown(large).keys() == {"mix", "users", "jobs", "compute", "filesize", "poolsize"}


def test_a_mail_server_forks_twice_a_message_from_a_large_master() -> None:
    keys = {"connections": [1, 2], "messages": 3, "vmas": 4, "dirty": 2, "touched": 1, "bytes": 7}
    params = Exim.model_validate(keys)
    load = params.load("e", 1)
    assert parse_program(load.program.text()) == load.program
    prepared, listening, *master, one, two = load.program.ops
    assert (prepared, listening) == (Job("prepare", 1), Job("mail_listen", 2))
    assert [str(op) for op in master[6:9]] == [str(op) for op in (MapFile(2, 8), Write(2, 0), Write(2, 1))]
    assert len(master) == 4 * 3
    assert isinstance(one, Users)
    assert isinstance(two, Users)
    server, client = one.users
    assert two.users == (server, server, client, client)
    append = Fork((Write(0, 0), Job("mail_deliver", 7)))
    delivery = Fork((Write(0, 0), append, Job("mail_remove", 0)))
    message = (Write(0, 0), Job("mail_receive", 7), delivery)
    assert server == (Job("mail_accept", 0), *message * 3, Job("mail_quit", 0))
    assert client == (Job("mail_connect", 0), *[Job("mail_send", 7)] * 3, Job("mail_leave", 0))
    assert [(w.name, w.at.users, w.jobs, w.unit) for w in load.windows] == [
        ("e/u1", 1, 3, "message"),
        ("e/u2", 2, 6, "message"),
    ]
    assert params.fragments() == ("messages",)


def test_a_mail_server_s_client_takes_no_lock() -> None:
    """One connection is predicted exactly, and as without its client."""
    load = Exim.model_validate({"connections": [1], "messages": 2}).load("e", 1)
    *before, window = load.program.ops
    assert isinstance(window, Users)
    alone = Program((*before, Users(window.name, window.users[:1])))
    with_client, without = (predict(program, WORKER, "6.1")["e/u1"] for program in (load.program, alone))
    assert isinstance(with_client, Prediction)
    assert with_client.low == with_client.high
    assert with_client == without


@pytest.mark.parametrize("params", [{"connections": []}, {"connections": 65}, {"bytes": 0}, {"vmas": 65}, {"dirty": 9}])
def test_what_exim_refuses(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_params("exim", params)


@pytest.mark.parametrize("loop", sorted(LOOPS.keys() - {RECLAIM}))
def test_a_loop_leaves_its_process_as_it_was_and_is_predicted(loop: str) -> None:
    """In every generation a turn costs the same as the one before: twice the turns, twice the acquisitions."""
    once, twice = (
        Micro.model_validate({"loop": loop, "users": 1, "times": n, "pages": 4}).load("m", 1) for n in (10, 20)
    )
    assert parse_program(twice.program.text()) == twice.program
    assert [(w.name, w.jobs, w.unit) for w in twice.windows] == [("m/u1", 20, "turn")]
    for profile in PROFILES:
        few, many = (
            predict(load.program, WORKER, profile, shell=WORKER, tool=WORKER)["m/u1"] for load in (once, twice)
        )
        assert isinstance(few, Prediction)
        assert isinstance(many, Prediction)
        assert (2 * few.low, 2 * few.high) == (many.low, many.high), profile


def test_under_memory_pressure_no_count_is_predicted() -> None:
    """Nor that of users who would race; what comes after it is predicted as ever."""
    params = Micro.model_validate({"loop": RECLAIM, "users": [1, 2], "times": 3, "pages": 4})
    load = params.load("m", 1)
    assert parse_program(load.program.text()) == load.program
    assert params.fragments() == ("swap",)
    assert not Micro.model_validate({"loop": "fork"}).fragments()
    after = Program((*load.program.ops, Window("after", (Fork(),))))
    said = predict(after, WORKER, "6.1")
    assert [type(said[w]) for w in ("m/u1", "m/u2", "after")] == [Unmodelled, Unmodelled, Prediction]
    assert "kswapd" in str(said["m/u1"])
    assert "repeat 5\nrepeat 3\n" in rounds_program([longer(load, 5)], 2)


@pytest.mark.parametrize("loop", THREADED)
def test_threads_do_the_loop_on_memory_of_their_own(loop: str) -> None:
    """As many acquisitions as of one thread, for each, and exactly."""
    load = Micro.model_validate({"loop": loop, "users": [1, 3], "times": 2, "pages": 2, "form": "thread"}).load("m", 1)
    assert parse_program(load.program.text()) == load.program
    *_, three = load.program.ops
    assert isinstance(three, Crew)
    assert [str(user).replace(f"region={1 + n}", "region=1") for n, user in enumerate(three.users)] == [
        str(three.users[0])
    ] * 3
    assert [(w.name, w.at.users, w.jobs) for w in load.windows] == [("m/u1", 1, 2), ("m/u3", 3, 6)]
    for profile in PROFILES:
        said = predict(load.program, WORKER, profile)
        one, all_ = said["m/u1"], said["m/u3"]
        assert isinstance(one, Prediction)
        assert isinstance(all_, Prediction)
        assert (all_.low, all_.high) == (3 * one.low, 3 * one.low), profile
    timed = rounds_program([longer(load, 5)], 2)
    assert timed.count("crew m/u3~1\nuser\nrepeat 5\nrepeat 2\n") == 1


def test_what_micro_refuses() -> None:
    for wrong, said in (({"loop": "fork"}, "threads do page-fault or mmap"), ({"loop": "mmap", "users": 33}, "32 thr")):
        with pytest.raises(ValidationError, match=said):
            parse_params("micro", {**wrong, "form": "thread"})
    with pytest.raises(ValidationError, match="no such loop: forks; there are fork, wide-fork"):
        parse_params("micro", {"loop": "forks"})
    for params in ({}, {"loop": "fork", "users": 0}, {"loop": "fork", "times": 0}, {"loop": "mmap", "pages": 1}):
        with pytest.raises(ValidationError):
            parse_params("micro", params)
