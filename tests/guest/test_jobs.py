"""The tests of AIM suite VII (guest/aim7/), compiled and run on the host: each does what its name says, or says that it
could not."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.model.jobs import COMPUTING, DIRECT, JOBS, MAIL, MAIL_CLIENT, MAIL_SERVER, NUMBERS, PREPARE
from kit.model.program import Job, Repeat
from kit.workload.aim7jobs import ARENA, COUNTS, TESTS, Size
from kit.workload.guestimage import SOURCES
from tests.guest.conftest import Compile

HERE = Path(__file__).resolve().parent
ALL = sorted((SOURCES / "aim7").glob("*.c"))
KIB = 8
AMOUNT = {name: job.amount for name in TESTS for job in TESTS[name].ops(Size(0.01, KIB)) if isinstance(job, Job)}

BLOCKS = {"read": KIB, "write": KIB}
HALF = KIB // 2
CALLS: Mapping[str, Mapping[str, int]] = {
    "disk_rd": {**BLOCKS, "sync": 2},
    "disk_wrt": {"write": KIB, "sync": 2},
    "disk_rr": {**BLOCKS, "lseek": KIB, "sync": 2},
    "disk_rw": {"write": 2 * KIB, "lseek": KIB, "sync": 2},
    "disk_cp": {**BLOCKS, "sync": 2},
    "disk_brd": {"read": KIB, "lseek": 1},
    "disk_bwrt": {"write": KIB},
    "disk_brr": {**BLOCKS, "lseek": KIB},
    "disk_brw": {"write": 2 * KIB, "lseek": KIB},
    "disk_bcp": BLOCKS,
    "sync_disk_rw": {"write": 2 * HALF, "lseek": HALF},
    "sync_disk_wrt": {"write": HALF},
    "sync_disk_cp": {"read": HALF, "write": HALF},
    "sync_disk_update": {"read": HALF, "write": KIB + HALF, "lseek": HALF},
    "creat_clo": {"open": 1000, "close": 1000, "unlink": 1},
    "link_test": {"link": 7 + 63, "unlink": 8 + 63, "open": 1},
    "disk_src": {"stat": 58, "open": 43, "close": 43, "unlink": 43},
    "dir_rtns_1": {"getdents64": 18, "lseek": 9},
    "pipe_cpy": {"pipe": 1, "read": 100, "write": 100},
    "fifo_test": {"mknod": 1, "read": 100, "write": 100, "unlink": 1},
    "stream_pipe": {"socketpair": 1, "read": 100, "write": 100},
    "dgram_pipe": {"socketpair": 1, "read": 100, "write": 100},
    "tcp_test": {"socket": 2, "bind": 1, "listen": 1, "connect": 1, "read": 90, "write": 90},
    "udp_test": {"socket": 2, "bind": 2, "connect": 1, "read": 100, "write": 100},
    "shared_memory": {"shmget": 1, "semget": 1, "shmat": 1, "shmdt": 1, "semop": 400},
    "signal_test": {"kill": 1000, "rt_sigaction": 1000},
    "misc_rtns_1": {"uname": 10, "getcwd": 10, "times": 10, "getpid": 10, "stat": 60, "open": 30, "read": 30},
}
"""System calls of one job of each test, at least; those that only compute make none."""
SILENT = (*COMPUTING, *NUMBERS, "mem_rtns_1", "mem_rtns_2", "ram_copy", "jmp_test")


@pytest.fixture(scope="module")
def alone(compiled: Compile) -> Path:
    return compiled(*ALL)


@pytest.fixture(scope="module")
def counter(compiled: Compile) -> Path:
    return compiled(HERE / "calls.c", command=("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"))


def test_the_guest_has_the_jobs_that_programs_may_name(alone: Path) -> None:
    said = subprocess.run([alone], capture_output=True, text=True, check=True).stdout.split()
    assert tuple(said) == JOBS
    assert {*CALLS, *SILENT, *DIRECT, *MAIL, PREPARE} == set(JOBS)
    assert set(COUNTS) | {"mem_rtns_1", "jmp_test"} == set(SILENT)


def calls(counter: Path, alone: Path, folder: Path, name: str, amount: int) -> dict[str, int]:
    argv = [counter, alone, folder, str(KIB), name, str(amount)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), name
    return {call: int(n) for call, n in (line.split() for line in done.stdout.splitlines())}


def test_each_test_makes_the_calls_of_its_name(counter: Path, alone: Path, tmp_path: Path) -> None:
    """Beside those of what is prepared for all."""
    calls(counter, alone, tmp_path, "add_int", 1)  # makes the folders
    prepared = calls(counter, alone, tmp_path, "add_int", 1)
    for name, least in CALLS.items():
        made = calls(counter, alone, tmp_path, name, AMOUNT[name])
        assert {c: n for c, n in least.items() if made.get(c, 0) - prepared.get(c, 0) < n} == {}, (name, made)


def test_what_only_computes_makes_no_calls(counter: Path, alone: Path, tmp_path: Path) -> None:
    calls(counter, alone, tmp_path, "add_int", 1)
    prepared = calls(counter, alone, tmp_path, "add_int", 1)
    for name in SILENT:
        made = calls(counter, alone, tmp_path, name, AMOUNT.get(name, 1))
        made["brk"] -= name == "mem_rtns_1"  # where its arena is
        assert made == prepared, name


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_job_reads_or_writes_beside_its_memory(compiler: str, compiled: Compile, tmp_path: Path) -> None:
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1", "-Wall", "-Wextra", "-Werror"]
    try:
        checked = compiled(*ALL, command=(compiler, "-std=gnu11", *checks), after=["-lm"])
    except subprocess.CalledProcessError as error:
        if "cannot find" not in error.stderr:
            raise
        pytest.skip(f"{compiler} has no sanitizers here")
    names = [name for name in AMOUNT if name not in DIRECT]
    argv = [str(checked), str(tmp_path), str(KIB)]
    argv += [word for name in names for word in (name, str(AMOUNT[name]))]
    argv += talk(*([f"{name} 65536" for name in names] for names in (MAIL_CLIENT, MAIL_SERVER)))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.glob("*.[0-9]*")), "a job leaves a file behind"


def test_a_message_goes_over_the_wire_into_the_spool_and_to_a_mailbox(
    counter: Path, alone: Path, tmp_path: Path
) -> None:
    """The client is a process of its own; the calls are the server's."""
    message = ["mail_receive 20", "mail_deliver 20", "mail_remove 0"]
    server = ["mail_accept 0", *message * 2, "mail_quit 0"]
    client = ["mail_connect 0", *["mail_send 20"] * 2, "mail_leave 0"]
    calls(counter, alone, tmp_path, "add_int", 1)
    done = subprocess.run(
        [counter, alone, tmp_path, "1", *talk(client, server)], capture_output=True, text=True, timeout=60, check=True
    )
    made = {call: int(n) for call, n in (line.split() for line in done.stdout.splitlines())}
    boxes = [path.read_text() for path in (tmp_path / "mail").iterdir()]
    assert sorted("".join(boxes)) == sorted("b" * 20 + "c" * 20)
    assert list((tmp_path / "spool").iterdir()) == []
    assert "connect" not in made
    assert (made["socket"], made["listen"], made["unlink"]) == (2, 1, 4)


def test_a_message_that_is_not_the_one_spooled_is_an_error(alone: Path, tmp_path: Path) -> None:
    client = ["mail_connect 0", "mail_send 20"]
    server = ["mail_accept 0", "mail_receive 20", "mail_deliver 21"]
    done = subprocess.run(
        [alone, tmp_path, "1", *talk(client, server)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "mail_deliver")


@pytest.mark.parametrize(
    ("client", "server", "said"),
    [
        (["mail_send 20", "mail_send 20"], ["mail_receive 20", "mail_quit 0"], "a line arrived changed"),
        ([], ["mail_receive 20"], "mail_receive: the other end is gone"),
        (["mail_send 65537"], ["mail_receive 65537"], "the message is too long"),
    ],
)
def test_ends_that_do_not_agree_are_an_error(
    alone: Path, tmp_path: Path, client: list[str], server: list[str], said: str
) -> None:
    argv = [alone, tmp_path, "1", *talk(["mail_connect 0", *client], ["mail_accept 0", *server])]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert said in done.stderr


def talk(client: list[str], server: list[str]) -> list[str]:
    """Words for the program alone: a client beside a server."""
    return " ".join(["mail_listen 1", "--", *client, "--", *server]).split()


def test_a_job_that_cannot_work_says_so(alone: Path, tmp_path: Path) -> None:
    gone = tmp_path / "file"
    gone.write_text("")
    done = subprocess.run([alone, gone, "1", "creat_clo", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Not a directory" in done.stderr


def test_a_copy_of_a_short_source_is_an_error(alone: Path, tmp_path: Path) -> None:
    done = subprocess.run([alone, tmp_path, "4", "disk_cp", "5"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "disk_cp")


def test_the_break_moves_as_in_the_suite() -> None:
    """page_test: 1,700 operations; brk_test: 17,000."""
    for name, rounds, moves in (("page_test", 100, 33), ("brk_test", 1000, 17)):
        first, loop, last = TESTS[name].ops(Size(1, 1))
        assert isinstance(loop, Repeat)
        assert (loop.times, len(loop.body)) == (rounds, moves), name
        assert (first, last) != (loop, loop)
    assert f"#define ARENA\t({ARENA} * 4096UL)" in (SOURCES / "aim7" / "memory.c").read_text()
