"""`kit model explore` as a user types it: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.base.errors import BAD_INPUT, NOT_AS_EXPECTED, OK
from kit.cli import main
from kit.model.parse import parse_program

EXIT = ["model", "explore", "--start", "write P", "--task", "exit P"]


def test_a_wrong_kernel_s_trace_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXIT, "--profile", "naive-unlink"]) == NOT_AS_EXPECTED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("naive-unlink: a rule is broken (")
    assert "without the reduction" in lines[0]
    assert lines[2] == "no lock is taken twice by its holder: broken"
    assert lines[-1].split() == ["A", "free", "again", "anon_vma", "of", "vma", "0", "of", "P"]


def test_a_good_kernel_has_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EXIT, "--task", "migrate P", "--profile", "6.1"]) == OK
    assert capsys.readouterr().out.startswith("6.1: no finding (")


def test_findings_are_data_with_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written = tmp_path / "found.txt"
    arguments = [*EXIT, "--profile", "naive-unlink", "--profile", "6.1", "--json", "--emit", str(written)]
    assert main(arguments) == NOT_AS_EXPECTED
    out, err = capsys.readouterr()
    wrong, good = json.loads(out)
    assert (wrong["profile"], good["profile"], good["findings"]) == ("naive-unlink", "6.1", [])
    assert wrong["findings"][0]["tasks"] == [["exit P"]]
    assert parse_program(written.read_text()).text() == "map 0 4\nwindow found\nfork\nwrite 0 0\nend\nend\n"
    assert f"written to {written}" in err


def test_what_is_not_understood_of_a_source_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = tmp_path / "rmap.c"
    source.write_text(
        "static inline void anon_vma_free(struct anon_vma *anon_vma)\n{\n\tread_lock(&strange);\n"
        "\tkmem_cache_free(anon_vma_cachep, anon_vma);\n}\n\nstatic void use(void) { down_read(&rwsem); }\n"
    )
    main(["model", "explore", str(source), *EXIT[2:]])
    out, err = capsys.readouterr()
    assert "read from source, not verified" in out
    assert "anon_vma_free: not understood, so not looked at: read_lock(&strange)" in err


def test_a_seed_s_finding_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    several = ["model", "explore", "--random", "4", "--seed", "12", "--profile", "naive-unlink"]
    assert main(several) == NOT_AS_EXPECTED
    seed = capsys.readouterr().out.rsplit("seed ", 1)[1].strip()
    assert main(["model", "explore", "--random", "1", "--seed", seed, "--profile", "naive-unlink"]) == NOT_AS_EXPECTED
    assert f"found with seed {seed}" in capsys.readouterr().out


def test_a_scene_is_written_for_spin(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    written = tmp_path / "m.pml"
    assert main([*EXIT, "--profile", "naive-unlink", "--promela", str(written)]) == OK
    assert "proctype exit(" in written.read_text()
    assert f"spin -a {written}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*EXIT, "--profile", "6.2"], "no profile or variant '6.2'"),
        (["model", "explore", "--task", "leave P"], "'leave P' is no operation"),
        (["model", "explore", "--task", "exit Q"], "there is no process Q"),
        ([*EXIT, "--emit", "x"], "nothing was found"),
        (["model", "explore", "--promela", "x"], "name it with --task"),
        ([*EXIT, "--task", "fork P, exit P", "--promela", "x"], "has one operation"),
        ([*EXIT, "--profile", "naive-unlink", "--emit", "/nowhere/x"], "/nowhere/x: cannot write"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == BAD_INPUT
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
