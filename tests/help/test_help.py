"""`kit help`: its list, its pages, the pager; and the pages' tables, which are generated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit import cli
from kit.base.errors import BAD_INPUT, MEANINGS, OK, STEP
from kit.base.project import PROJECT
from kit.experiment.keys import every_key
from kit.help import pager, pages, tables
from kit.help.rendered import rendered
from kit.records import Outcome, Verdict
from kit.verbs.help import verbs_of
from kit.verbs.table import parser

README = PROJECT / "README.md"
MOST_LINES = 220  # of README
PAGES = tables.files()


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main(["help", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_list_has_every_page_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys)
    assert (code, err) == (OK, "")
    assert len(pages.topics()) >= 15
    for topic, line in pages.topics().items():
        assert re.search(rf"^  {re.escape(topic)} +{re.escape(line)}$", out, re.MULTILINE), topic


@pytest.mark.parametrize("topic", pages.topics())
def test_a_page_is_printed_as_text(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, topic)
    assert (code, err) == (OK, "")
    assert out.startswith(f"# {topic}: ")
    assert "\n<!--" not in out
    assert "](" not in re.sub(r"`[^`]*`", "", out)
    assert "\x1b" not in out


def test_a_verb_without_a_page_prints_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "rerun")
    assert code == OK
    assert out.startswith("usage: kit rerun")
    assert "--gdb" in out


@pytest.mark.parametrize(
    ("topic", "near"),
    [
        ("experimnt", "nearest: experiment"),
        ("pay", "nearest: payloads"),
        ("rum", "nearest: run"),
        ("x", "kit help lists all"),
    ],
)
def test_an_unknown_topic_is_one_line_with_near_names(
    topic: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, topic)
    assert (code, out) == (BAD_INPUT, "")
    assert err.startswith(f"kit: no such topic: {topic}; {near}")
    assert err.count("\n") == 1


def test_a_page_without_its_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.md").write_text("# y: something\n")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="first line"):
        pages.topics()


def test_a_pager_is_used_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paged"
    monkeypatch.setenv("KIT_PAGER", f"tee {file}")
    assert said(capsys, "cache")[1].startswith("# cache")
    assert not file.exists()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    cli.main(["help", "cache"])
    assert "cache: what is kept" in re.sub(r"\x1b\[[0-9;]*m", "", file.read_text())


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        ({"KIT_PAGER": "cat -v", "PAGER": "tee"}, ["cat", "-v"]),
        ({"PAGER": "tee x"}, ["tee", "x"]),
        ({"PAGER": "cat"}, []),
        ({"PAGER": ""}, []),
        ({"PAGER": "no-such-pager-here"}, []),
    ],
)
def test_which_pager(variables: dict[str, str], command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIT_PAGER", "PAGER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert list(pager.pager()) == command


def test_a_page_on_a_terminal_keeps_its_words_and_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    text = re.sub(r"\x1b\[[0-9;]*m", "", rendered(pages.for_terminal(pages.text_of("payloads"))))
    assert "\nWhat is packed\n" in text
    wide = "  fork              2            54176   40781  0.753 [0.753, 0.753]  no prediction        4\n"
    assert wide in text  # what kit printed is not folded
    prose = [line for line in text.splitlines() if line.startswith("kit packs")]
    assert prose
    assert len(prose[0]) <= 72


# The tables.


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_the_tables_on_disk_are_those_of_the_code(path: Path) -> None:
    page = path.read_text()
    assert tables.renewed(page) == page, "renew it: python3 kit help --write"


def test_every_table_stands_on_one_page() -> None:
    found = [name for path in PAGES for name, _ in tables.BLOCK.findall(path.read_text())]
    assert sorted(found) == sorted(tables.TABLES)


def test_every_key_stands_in_one_table() -> None:
    rows = [part + row[0].strip("`") for part in tables.PARTS["keys"] for row in tables.TABLES[f"keys/{part}"]()[1]]
    heads = {f"workloads[].{name}" for name in tables.LOADS}
    assert sorted(rows) == sorted({k.path for k in every_key()} - heads)


def test_a_row_keeps_its_version_and_a_new_one_gets_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<!-- table: exit-codes -->\n| a | b |\n| --- | --- |\n| 0 | x | 0.0.7 |\n<!-- end -->\n"
    monkeypatch.setattr(tables, "__version__", "9.9")
    rows = [line.strip("| ").split(" | ") for line in tables.renewed(page).splitlines()[3:-1]]
    assert {row[0]: row[-1] for row in rows} == {"0": "0.0.7", "1": "9.9", "2": "9.9", "3": "9.9", "4": "9.9"}
    assert tables.renewed(tables.renewed(page)) == tables.renewed(page)


def test_the_tables_say_what_the_code_says() -> None:
    experiment, codes = pages.text_of("experiment"), pages.text_of("exit-codes")
    assert "| `memory` | text | `512M` | memory of a guest, for example 512M or 2G |" in experiment
    assert "| `layouts` | integer, 2 to 100 | `5` |" in experiment
    assert "| `accel` | `auto`, `kvm`, `tcg` | `auto` |" in experiment
    assert MEANINGS.keys() == STEP.keys()
    for code, step in STEP.items():
        assert re.search(rf"^\| {code} \| .* \| {step} \|", codes, re.MULTILINE)


def test_every_outcome_and_verdict_is_explained() -> None:
    faults, verdict = pages.text_of("faults"), pages.text_of("verdict")
    assert all(f"| `{outcome}` |" in faults for outcome in Outcome)
    assert all(f"| `{word}` |" in verdict for word in Verdict)


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


def test_every_verb_is_on_a_page() -> None:
    text = "".join(path.read_text() for path in PAGES)
    assert [verb for verb in verbs_of(parser()) if f"kit {verb}" not in text] == []
