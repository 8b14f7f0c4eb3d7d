"""A report is a module and a row: a throw-away one is asked for, written by every run, and in the help."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import pytest
from rig import Bench

from kit.base.errors import OK
from kit.base.project import PROJECT
from kit.report.formats import REPORTS, Report
from kit.report.style import Style
from kit.store.runfiles import Files, RunFiles
from kit.verbs.help import verbs_of
from kit.verbs.table import parser
from tests.report.folders import folder

# What the module of a new format has.

NAME, MODULE = "haiku", "kit.report.haiku"


def render(files: Sequence[Files], style: Style) -> str:
    """A line for each run."""
    words = [f.verdict["verdict"] if isinstance(f, RunFiles) else f.found["end"] for f in files]
    return "".join(f"{f.name} – {word}{' beside' * style.beside}\n" for f, word in zip(files, words, strict=True))


ROW = Report(MODULE, "haiku.txt", "three lines at most", itself=True)


@pytest.fixture
def _new_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kit with one format more: the module and the row are all that is added."""
    module = ModuleType(MODULE)
    module.render = render  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    table: dict[str, Report] = REPORTS  # type: ignore[assignment]
    monkeypatch.setitem(table, NAME, ROW)


@pytest.mark.usefixtures("_new_format")
def test_a_report_is_a_module_and_a_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_NO_REPORT")
    bench.arms(with_=[])
    ran = bench.run()
    (run,) = bench.runs()
    assert f"runs/{run.name}/haiku.txt" in ran.out
    assert (run / "haiku.txt").read_text() == f"{run.name} – same beside\n"
    asked = bench.call("report", str(folder("worse")), str(folder("better")), f"--{NAME}")
    assert asked == (OK, f"{folder('worse').name} – worse\n{folder('better').name} – better\n", "")
    (run / "haiku.txt").unlink()
    assert bench.call("report", run.name).out.splitlines()[-1] == f"runs/{run.name}/haiku.txt"
    assert (run / "haiku.txt").exists()
    told = " ".join(verbs_of(parser())["report"].format_help().split())
    assert "--haiku three lines at most" in told
    assert "report.html and junit.xml and haiku.txt are written into the run's folder" in told


def by_name(tree: ast.AST) -> Iterator[str]:
    """Comparisons of something called a format with the name of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = list(ast.walk(node))
            texts = {p.value for p in parts if isinstance(p, ast.Constant)}
            names = {p.attr for p in parts if isinstance(p, ast.Attribute)} | {
                p.id for p in parts if isinstance(p, ast.Name)
            }
            if texts & REPORTS.keys() and names & {"format", "form"}:
                yield ast.unparse(node)


# Who else knows a format by its name, and why.
KNOWN_BY_NAME = {"kit/verbs/report.py": "text is folded to the terminal, all others are data"}


def test_no_other_module_asks_for_a_format_by_its_name() -> None:
    found = {
        str(path.relative_to(PROJECT))
        for room in ("report", "verbs", "run", "bisection")
        for path in (PROJECT / "kit" / room).rglob("*.py")
        if any(by_name(ast.parse(path.read_text())))
    }
    assert found == KNOWN_BY_NAME.keys()
    assert list(by_name(ast.parse("x = options.format == 'html'"))) != []
