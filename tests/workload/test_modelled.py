"""`kit model`, and the user's own programs: from the command line to the output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli import main
from kit.model.errors import ModelError
from kit.model.smaps import parse_smaps
from kit.workload.custom import CustomProgram, read_program

TEXT = """\
map 0 4
write 0 0
window first
  fork
  end
end
"""

YAML = """\
- map 0 4
- write 0 0
- window first:
  - fork: []
"""

SMAPS = """\
00400000-00402000 r-xp 00000000 00:02 11                                 /worker
Size:                  8 kB
Anonymous:             0 kB
00403000-00404000 rw-p 00003000 00:02 11                                 /worker
Size:                  4 kB
Anonymous:             4 kB
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
Anonymous:            68 kB
"""


def counts(capsys: pytest.CaptureFixture[str], *argv: str) -> list[dict[str, object]]:
    """The rows of `kit model count --json`."""
    assert main(["model", "count", "--json", *argv]) == 0
    return list(json.loads(capsys.readouterr().out))


def test_counts_by_profile_and_operation(capsys: pytest.CaptureFixture[str]) -> None:
    # Three VMAs with a chain of two at depth 1: 3.0-rc1 takes the root 2 + 1 + 3 times each, 6.1 1 + 1 + 1.
    rows = counts(capsys, "--profile", "3.0-rc1", "--profile", "6.1", "--depth", "1", "--forks", "10", "--vmas", "3")
    assert [(r["profile"], r["low"], r["high"]) for r in rows] == [("3.0-rc1", 180, 180), ("6.1", 90, 90)]
    assert rows[0]["by_operation"] == {"clone": 60, "fork-link": 30, "unlink": 90}


def test_a_program_in_text_and_in_yaml_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.yaml").write_text(YAML, encoding="utf-8")
    assert read_program(tmp_path / "a.txt") == read_program(tmp_path / "a.yaml")


def test_the_processes_own_vmas_are_counted_from_smaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, smaps = tmp_path / "a.txt", tmp_path / "smaps"
    program.write_text(TEXT, encoding="utf-8")
    smaps.write_text(SMAPS, encoding="utf-8")
    assert counts(capsys, "--program", str(program))[0]["low"] == 3
    assert counts(capsys, "--program", str(program), "--smaps", str(smaps))[0]["low"] == 9  # .data and the stack too


def test_explains_a_window_with_its_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "a.txt"
    program.write_text(TEXT, encoding="utf-8")
    assert main(["model", "explain", "--program", str(program), "--window", "first"]) == 0
    out = capsys.readouterr().out
    assert "window first: 3 acquisitions of &anon_vma->rwsem" in out
    assert "anon_vma_clone" in out
    assert main(["model", "explain", "--program", str(program), "--window", "second"]) == 2
    assert "no window 'second'; there are first" in capsys.readouterr().err


def test_profiles_are_listed_with_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "profiles"]) == 0
    assert "3.0-637fbbf" in capsys.readouterr().out
    assert main(["model", "profiles", "--profile", "3.0-637fbbf"]) == 0
    out = capsys.readouterr().out
    assert "bb4aa39676f7" in out
    assert "clone: " in out


def test_what_a_work_file_has_and_kit_has_not_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "workfile.x"
    path.write_text("FILESIZE 1M\n30 fun_cal\n10 fork_test\n20 exec_test\n30 shell_rtns_1\n")
    assert main(["model", "count", "--program", "aim7", "--mix", str(path)]) == 0
    assert (
        "3 of the 4 tests of its work file, 67% of the weight (60 of 90); not here: fun_cal"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--profile", "6.3"], "no profile '6.3'"),
        (["--program", "nowhere"], "nowhere: cannot read"),
        (["--depth", "x"], "depth: a depth is a number"),
        (["--program", "aim7", "--mix", "none"], "no such mix"),
        (["--smaps", "/nowhere"], "/nowhere: cannot read"),
        (["--mix", "fork_test"], "fork-chain has no --mix\n  --program aim7 has it"),
        (["--program", "payload"], "a workload (fork-chain, aim7, exim, micro) or a file"),
        (["--program", "/dev/null"], "/dev/null: it has no window"),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "count", *argv]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_a_bad_program_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "bad.txt"
    program.write_text("map 0 4\nwrite 0\n", encoding="utf-8")
    assert main(["model", "count", "--program", str(program)]) == 2
    assert "line 2" in capsys.readouterr().err


def test_windows_of_a_load_bear_its_name() -> None:
    load = CustomProgram(text=TEXT).load("mine", 1)
    assert [w.name for w in load.windows] == ["mine/first"]
    assert "window mine/first" in load.program.text()
    with pytest.raises(ValueError, match="no window"):
        CustomProgram(text="map 0 1\n")


ROLLUP = "5581a0b00000-5581a0c00000 ---p 00000000 00:00 0   [rollup]\nRss: 884 kB\nAnonymous: 84 kB\n"
MAPS = "00400000-00401000 r--p 00000000 fe:00 260386 /bin/sh\n00401000-00406000 r-xp 00001000 fe:00 260386 /bin/sh\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a whole"),
        ("Anonymous: 4 kB\n", "line 1: Anonymous without a VMA"),
        (SMAPS.replace("Anonymous:            68 kB\n", ""), "not a whole"),
        (ROLLUP, "line 1: this is smaps_rollup"),
        (MAPS, "line 2: this is /proc/PID/maps"),
        (SMAPS + SMAPS, "more than one process's smaps"),
        ("N0=12 N1=3\n", "line 1: not a line of"),
        ("not smaps at all\n" + SMAPS, "line 1: not a line of"),
    ],
)
def test_what_is_not_smaps_is_refused(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        parse_smaps(text)


def test_smaps_as_the_kernel_prints_it() -> None:
    assert [(v.perms, v.anonymous, v.name) for v in parse_smaps(SMAPS)][2] == ("rw-p", 68, "[stack]")
    assert parse_smaps(Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace"))


def test_one_profile_is_explained_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "explain", "--profile", "6.1", "--profile", "6.0"]) == 2
    assert "one profile" in capsys.readouterr().err
