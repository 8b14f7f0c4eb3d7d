"""The guest's parser of programs and its shell, compiled and run on the host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from kit.model.jobs import JOBS as MODEL_JOBS
from kit.model.program import (
    MAX_OPERATIONS,
    Fork,
    Job,
    Map,
    Program,
    Repeat,
    Script,
    Shell,
    Spawn,
    Users,
    Window,
    Write,
)
from kit.workload.guestimage import SOURCES
from tests.boot.programs import CONCURRENT, PROGRAMS
from tests.guest.conftest import Compile

HERE = Path(__file__).resolve().parent
MAP, WRITE, SCRIPT, FORK, REPEAT, WINDOW, USERS, USER = range(8)
MUNMAP, MPROTECT, MADVISE, DISCARD, MREMAP, GROW, MAPFILE = range(8, 15)
BRK, WRITEBRK, STACK, ORPHAN, HOLD, RELEASE, THREADS, EXEC = range(15, 23)
JOB, SHELL, SPAWN, RAMP, CREW, RECLAIM = 23, 24, 25, 26, 27, 28
ORPHANS = READ_ONLY = WIPE_ON_FORK = BY_SYSTEM = 1  # the flag of an operation


PARSER = [SOURCES / name for name in ("program.c", "fields.c", "lines.c", "scripts.c")]
JOBS = [path for path in sorted((SOURCES / "aim7").glob("*.c")) if path.name != "alone.c"]


@pytest.fixture(scope="module")
def dump(compiled: Compile) -> Path:
    return compiled(HERE / "dump.c", *PARSER, *JOBS)


@pytest.fixture(scope="module")
def shell(compiled: Compile) -> Path:
    return compiled(SOURCES / "sh.c", SOURCES / "lines.c", SOURCES / "smaps.c")


def parse(dump: Path, tmp_path: Path, text: str) -> tuple[int, str]:
    file = tmp_path / "text"
    file.write_text(text)
    done = subprocess.run([dump, file], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def operations(dump: Path, tmp_path: Path, text: str) -> list[tuple[int, ...]]:
    """Kind, region, number, index after the block, first page, target region, flag."""
    status, out = parse(dump, tmp_path, text)
    assert status == 0, out
    return [tuple(map(int, line.split())) for line in out.splitlines()]


def test_the_models_text_is_parsed_with_its_blocks(dump: Path, tmp_path: Path) -> None:
    program = Program(
        (
            Map(3, 4),
            Write(3, 2),
            Window("a", (Repeat(200, (Fork(), Script())),)),
            Users("b", ((Fork((Write(3, 1),)),), ())),
        )
    )
    assert [op[:4] for op in operations(dump, tmp_path, program.text())] == [
        (MAP, 3, 4, 1),
        (WRITE, 3, 2, 2),
        (WINDOW, 0, 0, 6),
        (REPEAT, 0, 200, 6),
        (FORK, 0, 0, 5),
        (SCRIPT, 0, 0, 6),
        (USERS, 0, 2, 11),
        (USER, 0, 0, 10),
        (FORK, 0, 0, 10),
        (WRITE, 3, 1, 10),
        (USER, 0, 0, 11),
    ]


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("mapfile 63 64", (MAPFILE, 63, 64, 1, 0, 0, 0)),
        ("munmap 1 2 3", (MUNMAP, 1, 3, 1, 2, 0, 0)),
        ("munmap 1 4094 1", (MUNMAP, 1, 1, 1, 4094, 0, 0)),
        ("mprotect 1 2 3 ro", (MPROTECT, 1, 3, 1, 2, 0, READ_ONLY)),
        ("mprotect 1 2 3 rw", (MPROTECT, 1, 3, 1, 2, 0, 0)),
        ("madvise 1 dontfork", (MADVISE, 1, 0, 1, 0, 0, 0)),
        ("madvise 1 wipeonfork", (MADVISE, 1, 0, 1, 0, 0, WIPE_ON_FORK)),
        ("discard 1 0 4095", (DISCARD, 1, 4095, 1, 0, 0, 0)),
        ("mremap 1 2 3 4", (MREMAP, 1, 3, 1, 2, 4, 0)),
        ("grow 1 4095", (GROW, 1, 4095, 1, 0, 0, 0)),
        ("brk 0", (BRK, 0, 0, 1, 0, 0, 0)),
        ("writebrk 4094", (WRITEBRK, 0, 4094, 1, 0, 0, 0)),
        ("stack 1024", (STACK, 0, 1024, 1, 0, 0, 0)),
        ("release", (RELEASE, 0, 0, 1, 0, 0, 0)),
        ("hold\nend", (HOLD, 0, 0, 1, 0, 0, 0)),
        ("exec\nend", (EXEC, 0, 0, 1, 0, 0, 0)),
        ("threads 32\nend", (THREADS, 0, 32, 1, 0, 0, 0)),
        ("reclaim\nend", (RECLAIM, 0, 0, 1, 0, 0, 0)),
    ],
)
def test_each_operation_is_parsed_with_its_fields(dump: Path, tmp_path: Path, text: str, op: tuple[int, ...]) -> None:
    assert operations(dump, tmp_path, f"{text}\n") == [op]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_the_boot_tests_are_parsed(dump: Path, tmp_path: Path, name: str) -> None:
    assert operations(dump, tmp_path, PROGRAMS[name])


def test_a_window_of_the_boot_tests_has_one_program() -> None:
    windows = re.findall(r"^\s*(?:window|users) (\S+)$", "".join(PROGRAMS.values()), re.MULTILINE)
    assert len(windows) == len(set(windows))
    assert set(windows) >= CONCURRENT


def test_a_crew_has_threads(dump: Path, tmp_path: Path) -> None:
    parsed = operations(dump, tmp_path, "crew a\nuser\nrepeat 2\nmap 1 1\nend\nend\nuser\nend\nend\n")
    assert [(op[0], op[2]) for op in parsed] == [(CREW, 2), (USER, 0), (REPEAT, 2), (MAP, 1), (USER, 0)]


def test_a_ramp_has_users(dump: Path, tmp_path: Path) -> None:
    parsed = operations(dump, tmp_path, "ramp a 60000 300\nuser\nspawn\nend\nuser\nend\nend\n")
    assert [(op[0], op[2]) for op in parsed] == [(RAMP, 2), (USER, 0), (SPAWN, 0), (USER, 0)]


def test_whoever_waits_for_a_process_knows_of_its_orphans(dump: Path, tmp_path: Path) -> None:
    """The same process waits for orphans of orphans; a fork without orphans is not waited for twice."""
    text = "fork\nrepeat 3\norphan\norphan\nend\nfork\nend\nend\nend\nend\n"
    parsed = [(op[0], op[-1]) for op in operations(dump, tmp_path, text)]
    assert parsed == [(FORK, ORPHANS), (REPEAT, 0), (ORPHAN, 0), (ORPHAN, 0), (FORK, 0)]


@pytest.mark.parametrize("block", ["hold", "exec", "fork\nthreads 2", "users a\nuser"])
def test_a_process_of_any_kind_can_have_orphans(dump: Path, tmp_path: Path, block: str) -> None:
    ends = "end\n" * (2 + block.count("\n"))
    parsed = operations(dump, tmp_path, f"{block}\norphan\n{ends}")
    assert [op[-1] for op in parsed if op[0] in (FORK, HOLD, EXEC, USER)] == [ORPHANS]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("map 0 4\nspoon\n", "program:2: no such operation: spoon"),
        ("map 0\n", "program:1: wrong number of words"),
        ("map 0 4 5 6 7\n", "program:1: wrong number of words"),
        ("map 64 4\n", "program:1: no such region"),
        ("map -1 4\n", "program:1: no such region"),
        ("map 0 0\n", "program:1: no such number of pages"),
        ("map 0 4096\n", "program:1: no such number of pages"),
        ("map 0 4x\n", "program:1: no such number of pages"),
        ("write 0 4095\n", "program:1: no such page"),
        ("repeat 0\nend\n", "program:1: no such number of times"),
        ("repeat 99999999999999999999\nend\n", "program:1: no such number of times"),
        ("mapfile 0 65\n", "program:1: no such number of pages"),
        ("mapfile 0 0\n", "program:1: no such number of pages"),
        ("munmap 0 4095 1\n", "program:1: no such page"),
        ("munmap 0 4094 2\n", "program:1: no such number of pages"),
        ("munmap 0 0 0\n", "program:1: no such number of pages"),
        ("mprotect 0 0 1\n", "program:1: wrong number of words"),
        ("mprotect 0 0 1 rx\n", "program:1: neither ro nor rw"),
        ("madvise 0 normal\n", "program:1: neither dontfork nor wipeonfork"),
        ("mremap 0 0 1 64\n", "program:1: no such region"),
        ("mremap 0 0 1 0\n", "program:1: pages move to another region"),
        ("mremap 0 4095 1 1\n", "program:1: no such page"),
        ("grow 0 4096\n", "program:1: no such number of pages"),
        ("brk 4096\n", "program:1: no such number of pages"),
        ("brk -1\n", "program:1: no such number of pages"),
        ("writebrk 4095\n", "program:1: no such page"),
        ("stack 0\n", "program:1: no such number of pages"),
        ("stack 1025\n", "program:1: no such number of pages"),
        ("threads 0\nend\n", "program:1: no such number of threads"),
        ("threads 33\nend\n", "program:1: no such number of threads"),
        ("release 1\n", "program:1: wrong number of words"),
        ("threads 1\norphan\nend\nend\n", "program:2: an orphan outside of a fork"),
        ("hold\n", "program:1: a block without its 'end'"),
        ("repeat 2\nexec\nwindow a\nend\nend\nend\n", "program:3: a window inside a repeat"),
        ("fork\n\nfork\nend\n", "program:4: a block without its 'end'"),
        ("fork\nend\nend\n", "program:3: 'end' without a block"),
        ("user\nend\n", "program:1: 'user' outside of 'users'"),
        ("users a\nend\n", "program:2: 'users' without a user"),
        ("users a\nfork\nend\nend\n", "program:2: only 'user' blocks stand in 'users'"),
        ("window a\nwindow b\nend\nend\n", "program:2: a window inside a window"),
        ("crew a\nuser\nrepeat 2\nfork\nend\nend\nend\nend\n", "program:4: threads of a crew only map memory"),
        ("crew a\n" + "user\nend\n" * 33 + "end\n", "program:66: too many threads"),
        ("threads 2\nreclaim\nend\nend\n", "program:2: 'reclaim' inside another block"),
        ("ramp a 1 2\nend\n", "program:2: 'users' without a user"),
        ("ramp a 1 2\nfork\nend\nend\n", "program:2: only 'user' blocks stand in 'users'"),
        ("ramp a 1\nuser\nend\nend\n", "program:1: wrong number of words"),
        ("ramp a 1 x\nuser\nend\nend\n", "program:1: no such amount"),
        ("ramp a 1 2\nuser\nwindow b\nend\nend\nend\n", "program:3: a window inside a window"),
        ("ramp a 1 2\nuser\nend\nend\nramp b 1 2\nuser\nend\nend\n", "program:5: a second ramp"),
        ("users a\nuser\nwindow b\nend\nend\nend\n", "program:3: a window inside a window"),
        ("repeat 2\nfork\nwindow a\nend\nend\nend\n", "program:3: a window inside a repeat"),
        ("window a\nend\nwindow a\nend\n", "program:3: a second window of this name"),
        (f"window {'a' * 64}\nend\n", "program:1: the name is too long"),
        ("x" * 300 + "\n", "program:1: the line is too long"),
        ("fork\n" * 65 + "end\n" * 65, "program:65: blocks are nested too deeply"),
        ("script\n" * (MAX_OPERATIONS + 1), f"program:{MAX_OPERATIONS + 1}: too many operations"),
    ],
)
def test_errors_name_their_line(dump: Path, tmp_path: Path, text: str, error: str) -> None:
    status, out = parse(dump, tmp_path, text)
    assert status == 1
    assert error in out


def test_jobs_and_shells_are_parsed(dump: Path, tmp_path: Path) -> None:
    shells = Shell("sleep", "system", 50), Shell("ls", "exec", 0)
    text = Program((Job("prepare", 10), Job("misc_rtns_1", 7), *shells, Spawn())).text()
    parsed = operations(dump, tmp_path, text)
    assert [(op[0], op[1], op[2], op[-1]) for op in parsed] == [
        (JOB, 0, 10, 0),
        (JOB, MODEL_JOBS.index("misc_rtns_1"), 7, 0),
        (SHELL, 1, 50, BY_SYSTEM),
        (SHELL, 0, 0, 0),
        (SPAWN, 0, 0, 0),
    ]


def test_comments_and_a_window_in_a_single_repeat_are_allowed(dump: Path, tmp_path: Path) -> None:
    status, out = parse(dump, tmp_path, "# a comment of several words and more\nrepeat 1\n\twindow a\nend\nend\n")
    assert (status, len(out.splitlines())) == (0, 2)


def test_a_program_of_all_operations_fits(dump: Path, tmp_path: Path) -> None:
    status, out = parse(dump, tmp_path, "script\n" * MAX_OPERATIONS)
    assert (status, len(out.splitlines())) == (0, MAX_OPERATIONS)


def test_the_job_script_runs(shell: Path) -> None:
    done = subprocess.run([shell, SOURCES / "job.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("exit 3\n", 3, ""),
        ("name=x\n:\n# exit 1\n", 0, ""),
        ("echo x\nnosuch y\n", 2, ":2: nosuch"),
        ("true\nls -l > /dev/null 2>&1\n", 0, ""),
        ("false\nexit 3\n", 1, ""),
        ("ls > file\n", 2, ":1: ls > file"),
    ],
)
def test_the_shell_does_little_and_says_the_rest(
    shell: Path, tmp_path: Path, script: str, status: int, error: str
) -> None:
    file = tmp_path / "script"
    file.write_text(script)
    done = subprocess.run([shell, file], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert error in done.stderr


def test_a_script_has_an_argument(shell: Path, tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text("test $1 = 50\nexit 4\n")
    file.chmod(0o755)
    done = subprocess.run([shell, file, "50"], capture_output=True, text=True, check=False)
    other = subprocess.run([shell, file, "51"], capture_output=True, text=True, check=False)
    assert (done.returncode, other.returncode) == (4, 1)


def test_with_c_the_command_replaces_the_shell(shell: Path) -> None:
    done = subprocess.run([shell, "-c", "readlink /proc/self/exe"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(Path("/bin/readlink").resolve()))
    assert subprocess.run([shell, "-c", "/nosuch 9"], check=False).returncode == 127
