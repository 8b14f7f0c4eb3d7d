"""The guest's parser of programs and its shell, compiled and run on the host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kit.model.program import MAX_OPERATIONS, Fork, Map, Program, Repeat, Script, Users, Window, Write
from kit.workload.guestimage import COMPILER, FLAGS, SOURCES

pytestmark = pytest.mark.skipif(shutil.which(COMPILER) is None, reason="needs musl-gcc")

HERE = Path(__file__).resolve().parent
MAP, WRITE, SCRIPT, FORK, REPEAT, WINDOW, USERS, USER = range(8)


def compiled(folder: Path, *sources: Path) -> Path:
    program = folder / "program"
    subprocess.run([COMPILER, *FLAGS, f"-I{SOURCES}", "-o", program, *sources], check=True)
    return program


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("dump"), HERE / "dump.c", SOURCES / "program.c", SOURCES / "lines.c")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("sh"), SOURCES / "sh.c", SOURCES / "lines.c")


def parse(dump: Path, tmp_path: Path, text: str) -> tuple[int, str]:
    file = tmp_path / "text"
    file.write_text(text)
    done = subprocess.run([dump, file], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_models_text_is_parsed_with_its_blocks(dump: Path, tmp_path: Path) -> None:
    program = Program(
        (
            Map(3, 4),
            Write(3, 2),
            Window("a", (Repeat(200, (Fork(), Script())),)),
            Users("b", ((Fork((Write(3, 1),)),), ())),
        )
    )
    status, out = parse(dump, tmp_path, program.text())
    assert status == 0
    # kind, region, number, index after the block
    assert [tuple(map(int, line.split())) for line in out.splitlines()] == [
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
        ("fork\n\nfork\nend\n", "program:4: a block without its 'end'"),
        ("fork\nend\nend\n", "program:3: 'end' without a block"),
        ("user\nend\n", "program:1: 'user' outside of 'users'"),
        ("users a\nend\n", "program:2: 'users' without a user"),
        ("users a\nfork\nend\nend\n", "program:2: only 'user' blocks stand in 'users'"),
        ("window a\nwindow b\nend\nend\n", "program:2: a window inside a window"),
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
        ("echo x\nls\n", 2, ":2: ls"),
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
