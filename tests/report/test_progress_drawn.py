"""The progress display: lines without a terminal, bars on one; nested, failing or odd work does not break it."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from kit.base.progress import Progress
from kit.report import progress
from kit.report.progress import PlainProgress, TerminalProgress, choose


def terminal(verbose: bool = False) -> tuple[TerminalProgress, io.StringIO]:
    """Bars on a terminal that is really a buffer."""
    drawn = TerminalProgress(verbose)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, highlight=False, _environ={"TERM": "xterm"})
    drawn.console = drawn.bars.live.console = console
    return drawn, out


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    plain = PlainProgress(verbose=True, out=out)
    with plain.task("make", 10) as task:
        task.say("mm/rmap.o")
        task.update(5)
        task.update(30, 60)
    with plain.task("download") as task:
        task.update(7)
    plain.command(["echo", "a b"], "/x y")
    assert out.getvalue().splitlines() == [
        "make …",
        "make: 50% after 0 s mm/rmap.o",
        "make: 50% after 0 s mm/rmap.o",
        "make: done in 0 s",
        "download …",
        "download: 7 after 0 s",
        "download: done in 0 s",
        "+ cd '/x y'; echo 'a b'",
    ]


def test_plain_lines_are_rare_and_commands_only_shown_with_v() -> None:
    out = io.StringIO()
    plain = PlainProgress(out=out)
    with plain.task("make", 10) as task:
        for n in range(10):
            task.update(n)
    plain.command(["x"])
    assert out.getvalue() == "make …\nmake: done in 0 s\n"


def test_a_failed_task_is_not_said_to_be_done() -> None:
    out = io.StringIO()
    plain = PlainProgress(out=out)
    with pytest.raises(KeyError), plain.task("make"):
        raise KeyError
    assert out.getvalue() == "make …\n"


def test_bars_with_odd_words_unknown_totals_and_nesting() -> None:
    drawn, out = terminal(verbose=True)
    with drawn.task("outer [bold]", 10) as outer, drawn.task("inner") as inner:
        drawn.note("a note with [red]brackets[/x]")
        drawn.command(["make", "[x]"])
        inner.update(3)
        inner.update(3, 6)
        inner.say("[/nothing] " + "long " * 30)
        outer.update(20)
        drawn.bars.refresh()
    shown = out.getvalue()
    assert "outer [bold]" in shown
    assert "a note with [red]brackets[/x]" in shown
    assert "+ make '[x]'" in shown
    assert not drawn.bars.tasks
    assert not drawn.bars.live.is_started


def test_bars_end_with_an_error_inside_and_start_again() -> None:
    drawn, out = terminal()
    for _ in range(2):
        with pytest.raises(KeyError), drawn.task("outer"), drawn.task("inner"):
            raise KeyError
        assert not drawn.bars.tasks
        assert not drawn.bars.live.is_started
    with drawn.task("again", 1) as task:
        task.update(1)
    drawn.command(["hidden"])
    assert "again" in out.getvalue()
    assert "hidden" not in out.getvalue()


def test_bars_are_updated_from_another_thread() -> None:
    drawn, _ = terminal()
    with drawn.task("download", 100) as task:
        thread = threading.Thread(target=lambda: [task.update(n) for n in range(100)])
        thread.start()
        thread.join()
        assert drawn.bars.tasks[0].completed == 99


def test_without_a_terminal_lines_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(choose(False), PlainProgress)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(choose(True), TerminalProgress)


def test_the_silent_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Progress()
    with silent.task("x", 3) as task:
        task.update(1)
        task.say("y")
    silent.note("z")
    silent.command(["a"])
    assert capsys.readouterr() == ("", "")
