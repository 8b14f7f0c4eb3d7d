"""kit's output: on a terminal of 80 columns, without a terminal, without colours, in the C locale. No line is wider
than the terminal, no sign is mangled, there is no traceback."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rig import Bench

from kit.base.errors import BAD_INPUT, NOT_AS_EXPECTED, OK
from kit.base.project import PROJECT
from kit.base.streams import HANDLER, SIGNS
from kit.cli import main
from kit.report.formats import REPORTS
from kit.report.narrowing import draw
from kit.report.progress import TerminalProgress
from kit.report.tabled import tabled
from tests.report.folders import NAMES, RUNS, folder, told
from tests.report.folders import run as recorded

COLUMNS = 80
COLOUR = re.compile(r"\x1b\[[0-9;]*?(?:3[0-79]|4[0-79]|9[0-7]|38;|48;)[0-9;]*m")
CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WHOLE = re.compile(r"Again: |    |\+ |  (?:/|python3|kit)")  # commands to copy, excerpts
ESCAPE = re.compile(r"\\[xuU][0-9a-f]{2}")


class Terminal(io.TextIOWrapper):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


class Screen:
    """Both standard streams as terminals of that encoding."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.streams = {name: self._stream() for name in ("stdout", "stderr")}

    def _stream(self) -> Terminal:
        return Terminal(io.BytesIO(), self.encoding, HANDLER, newline="", write_through=True)

    @contextmanager
    def on(self, **variables: str) -> Iterator[None]:
        """While active, output goes to it. (pytest replaces the standard streams before each test.)"""
        known = {"COLUMNS": str(COLUMNS), "LINES": "24", "TERM": "xterm", "KIT_PAGER": "cat", "NO_COLOR": ""}
        with pytest.MonkeyPatch.context() as patched:
            for name, stream in self.streams.items():
                patched.setattr(sys, name, stream)
            for name, value in {**known, **variables}.items():
                patched.setenv(name, value)
            yield

    def main(self, *argv: str, **variables: str) -> int:
        """kit on it."""
        with self.on(**variables):
            return main(list(argv))

    def shown(self, name: str = "stdout") -> str:
        """What was written to it, with terminal codes."""
        file = self.streams[name].buffer
        assert isinstance(file, io.BytesIO)
        return file.getvalue().decode(self.encoding)

    def wide(self) -> list[str]:
        """Lines that a terminal must wrap, except those that must stay whole."""
        lines = CODE.sub("", self.shown()).splitlines()
        return [line for line in lines if len(line) > COLUMNS and not WHOLE.match(line) and " " in line.strip()]


@pytest.fixture(params=["utf-8", "ascii"])
def screen(request: pytest.FixtureRequest) -> Screen:
    return Screen(request.param)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The recorded folders, each a run."""
    shutil.copytree(folder("worse").parent, tmp_path / "runs")
    (tmp_path / "runs" / folder("bisected").name / "console").mkdir(exist_ok=True)
    return tmp_path / "runs"


@pytest.mark.parametrize("verb", [["show"], ["report", "--text"]], ids=["show", "report"])
@pytest.mark.parametrize("name", NAMES)
def test_a_run_fits(name: str, verb: list[str], runs: Path, screen: Screen) -> None:
    assert screen.main(verb[0], str(runs / folder(name).name), *verb[1:]) == OK
    assert screen.wide() == []
    assert len(screen.shown().splitlines()) > 5
    assert not ESCAPE.search(screen.shown())


def test_a_history_fits(runs: Path, screen: Screen) -> None:
    assert screen.main("history", str(runs)) == OK
    assert screen.wide() == []
    assert screen.shown().count(folder("worse").name) == 1
    assert not ESCAPE.search(screen.shown())


@pytest.mark.parametrize("topic", [[], ["bisect"], ["reports"], ["run"]], ids=str)
def test_help_fits(topic: list[str], screen: Screen) -> None:
    assert screen.main("help", *topic) == OK
    code = [line for line in screen.wide() if not line.startswith("  ")]  # examples can be copied
    assert code == []
    assert topic != ["bisect"] or "other_changes[]" in screen.shown()  # nothing is cut
    assert "..." not in {line.strip() for line in screen.shown().split("  ")}
    assert not ESCAPE.search(screen.shown())


def test_the_pager_gets_what_the_terminal_can_show(tmp_path: Path) -> None:
    assert Screen("ascii").main("help", "verdict", KIT_PAGER=f"tee {tmp_path / 'paged'}") == OK
    paged = (tmp_path / "paged").read_bytes()
    assert max(paged) < 0x80
    assert b"-----" in paged
    assert b"??" not in paged


def test_a_run_on_a_terminal_in_the_c_locale(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen("ascii")
    monkeypatch.delenv("KIT_NO_REPORT")
    bench.arms(with_=[bench.fault("boots: warning")])
    assert screen.main("run", bench.write()) == NOT_AS_EXPECTED
    assert "BROKEN (not as expected)" in screen.shown()
    assert screen.wide() == []
    drawn = CODE.sub("", screen.shown("stderr"))
    assert "kernel with (counting)" in drawn
    assert not ESCAPE.search(screen.shown() + drawn)
    assert max(len(line) for part in drawn.split("\r") for line in part.splitlines()) <= COLUMNS
    page = (bench.runs()[-1] / "report.html").read_text(encoding="utf-8")
    assert "✖ broken" in page


@pytest.mark.parametrize("wanted", ["", "1"])
def test_colours_are_left_out_where_nobody_wants_them(wanted: str) -> None:
    screen = Screen("utf-8")
    with screen.on(NO_COLOR=wanted):
        drawn = TerminalProgress()
        with drawn.task("make", 2) as task:
            task.update(1)
            drawn.bars.refresh()
        assert main(["help", "bisect"]) == OK
    assert "make" in screen.shown("stderr")
    for name in ("stdout", "stderr"):
        assert bool(COLOUR.search(screen.shown(name))) is (wanted == "")


def test_what_is_under_way_takes_one_line(screen: Screen) -> None:
    with screen.on():
        drawn = TerminalProgress()
        for title, path in (
            ("kernel " + "x" * 100, "mm/rmap.o"),
            ("kernel with (counting): make", "arch/x86/" + "y" * 99),
        ):
            with drawn.task(title, 10000) as task:
                task.update(9999)
                task.say(path)
                drawn.bars.refresh()
    lines = [line for part in CODE.sub("", screen.shown("stderr")).split("\r") for line in part.splitlines()]
    for begin, end in (("kernel xxx", "0:00:00 "), ("kernel with (counting): make ", "0:00:00 yyyy")):
        mine = [line for line in lines if line[2:].startswith(begin) and end in line and "9999/10000" in line]
        assert mine, lines
    assert max(map(len, lines)) <= COLUMNS
    assert not any("…" in line or "..." in line for line in lines)


def test_how_a_search_narrows_fits() -> None:
    for count in (3, 40, 300):
        lines = draw([f"{i:012x}" for i in range(count)], [1 / count] * count, [SEEN], "v" * 28, "w" * 28).splitlines()
        assert max(map(len, lines)) <= COLUMNS
    assert "good v6.0" in draw(["a"], [1.0], [SEEN], "v6.0", "v6.1")


SEEN = {"index": 0, "value": 1.0, "why": ""}


# Tables.

HEADERS, ALIGN = ("name", "where", "old", "interval", "says"), "llrrl"
ROWS = [("fork-chain", "depth 8, 4 vCPUs", "1200.25", "0.750 [0.750, 0.751]", "in its interval")]


def test_a_table_is_folded_where_it_is_too_wide() -> None:
    whole = tabled(HEADERS, ROWS, ALIGN, 0)
    assert len(whole.splitlines()) == 3
    assert tabled(HEADERS, ROWS, ALIGN, 200) == whole
    text = tabled(HEADERS, ROWS, ALIGN, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert "[0.750, 0.751]" in text
    assert text.split() != whole.split()
    assert sorted(w for w in text.split() if "-" * 3 not in w) == sorted(w for w in whole.split() if "-" * 3 not in w)


def test_what_a_row_is_about_stands_above_it_where_folding_is_not_enough() -> None:
    text = tabled(HEADERS, ROWS * 2, ALIGN, 45)
    assert max(map(len, text.splitlines())) <= 45
    assert [line for line in text.splitlines() if ", " in line and "[" not in line] == [
        "name, where",
        *["fork-chain, depth 8, 4 vCPUs"] * 2,
    ]
    assert text.count("1200.25") == 2
    assert text.splitlines().index("name, where") == 0


def test_a_table_that_cannot_fit_is_left_whole() -> None:
    rows = [("x" * 30, "1", "y" * 30)]
    assert tabled(("a", "b", "c"), rows, "lrl", 20).count("\n") > 1
    assert "x" * 30 in tabled(("a", "b", "c"), rows, "lll", 20)


# Signs.


def test_every_sign_that_kit_prints_is_known_in_ascii() -> None:
    """Except those of pages and of Markdown, which are files of a format."""
    texts = [p.read_text(encoding="utf-8") for p in (PROJECT / "kit" / "help").glob("*.md")]
    data = {PROJECT / "kit" / "report" / name for name in ("html", "markdown.py", "junit.py", "kcidb.py")}
    for file in (PROJECT / "kit").rglob("*.py"):
        if not data & {file, *file.parents}:
            text = file.read_text(encoding="utf-8")
            nodes = ast.walk(ast.parse(text)) if not text.isascii() else ()
            texts += [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    signs = set("".join(texts))
    assert {s for s in signs if not s.isascii() and s not in SIGNS} == set()
    assert all(words.isascii() for words in SIGNS.values())


def test_names_of_people_stay_readable() -> None:
    assert "Jörg Ångström – 5 µs ☃".encode("ascii", HANDLER) == b"Jorg Angstrom - 5 us \\u2603"
    assert "½ \udcff".encode("ascii", HANDLER) == b"\\xbd \\udcff"
    assert "5 µs ±1 – …".encode("latin-1", HANDLER) == "5 µs ±1 - ...".encode("latin-1")


# The process itself: what `python3 kit` does with its streams.

SCRIPT = """
import json, sys
import kit.__main__ as start
from kit.cli import main
start.open_streams()
start.fit_streams()
print(json.dumps([main(argv) for argv in json.loads(sys.argv[1])]), file=sys.stderr)
"""


def started(argvs: list[list[str]], **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Verbs in a process of their own, whose environment has only these locale settings."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    command = [sys.executable, "-c", SCRIPT, json.dumps(argvs)]
    environment = {**known, "PYTHONPATH": str(PROJECT), **variables}
    return subprocess.run(command, capture_output=True, env=environment, timeout=120, check=False)


def test_text_is_ascii_in_the_c_locale_and_formats_are_utf8(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nö such –")
    one = str(folder("broken"))
    argvs = [["report", one, "--text"], ["report", one, "--html"], ["report", nowhere, "--csv"]]
    done = started(argvs, LC_ALL="C")
    text, page = told("text", recorded("broken")), told("html", recorded("broken"))
    assert "–" in text
    assert done.stdout == text.encode("ascii", HANDLER) + page.encode()
    assert done.stderr.endswith(f"{json.dumps([OK, OK, BAD_INPUT])}\n".encode())
    assert b"Traceback" not in done.stderr
    assert max(done.stderr) < 0x80
    assert b"no such -" in done.stderr


def test_what_python_is_told_of_its_encoding_holds() -> None:
    argvs = [["report", str(folder("broken")), "--text"], ["report", "nö such", "--csv"]]
    text = told("text", recorded("broken"))
    for variables, encoding in (
        ({"LC_ALL": "C.UTF-8"}, "utf-8"),
        ({"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}, "latin-1"),
    ):
        done = started(argvs, **variables)
        assert done.stdout == text.encode(encoding, HANDLER)
        assert "nö such".encode(encoding) in done.stderr


def test_what_a_message_quotes_cannot_command_the_terminal() -> None:
    done = started([["report", "no\x1b]0;owned\x07such", "--csv"]], LC_ALL="C.UTF-8")
    assert rb"no\x1b]0;owned\x07such" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize("form", [f for f in REPORTS if f not in ("text", "folded")])  # this run has no call chains
def test_a_format_is_utf8_wherever_it_goes(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    stream = io.TextIOWrapper(out, "ascii", HANDLER, write_through=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        assert main(["report", str(folder(RUNS[0])), f"--{form}"]) == OK
    out.getvalue().decode("utf-8")
    if form in ("html", "markdown"):
        assert max(out.getvalue()) >= 0x80
