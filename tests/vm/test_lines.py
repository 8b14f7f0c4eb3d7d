"""A console's lines are split into messages, whatever precedes these."""

from __future__ import annotations

import pytest

from kit.vm.lines import Message, following, is_stamped, messages, plain, plain_lines, preceding


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("[    1.500000] text", [Message("text", "", True)]),
        ("[    1.500000] text\r", [Message("text", "", True)]),
        ("[    1.500000][   T23] text", [Message("text", "T23", True)]),
        ("[    1.500000][    C1]  indented", [Message(" indented", "C1", True)]),
        ("[    C0] text", [Message("text", "C0", True)]),
        ("text", [Message("text", "", False)]),
        ("", [Message("", "", False)]),
        ("<4>[    1.500000] text", [Message("text", "", True)]),
        ("half a line[    1.500000] text", [Message("half a line", "", False), Message("text", "", True)]),
        (
            "[    1.500000][    T1] half[    1.600000][    T2] text [#1]",
            [Message("half", "T1", True), Message("text [#1]", "T2", True)],
        ),
        ("Nov 30 00:42:37 guest kernel: text", [Message("text", "", True)]),
        ("kern  :alert : [    1.500000] text", [Message("text", "", True)]),
        ("kern  :alert : text", [Message("text", "", True)]),
        ("** 99 printk messages dropped ** [    1.500000] text", [Message("text", "", True)]),
    ],
)
def test_messages_of_a_line(line: str, held: list[Message]) -> None:
    assert messages(line) == held


def test_plain_lines_are_without_what_stands_before() -> None:
    log = "[    1.0] a\r\n<6>[    1.0][   T1]  b\nc[    1.0] d"
    assert plain_lines(log) == ["a", " b", "c[    1.0] d"]
    assert plain("") == ""


@pytest.mark.parametrize(
    ("log", "stamped"),
    [("kit: init\n[    1.0] a\n", True), ("[   T1] a\n", True), ("a\nb [    1.0]\n", False), ("", False)],
)
def test_a_log_is_stamped_where_a_line_begins_so(log: str, stamped: bool) -> None:
    assert is_stamped(log) is stamped


def test_what_other_callers_say_between_is_left_out() -> None:
    lines = [f"[    1.0][   T{n % 2}] {n}" for n in range(6)] + ["[    1.0] nobody"]
    assert list(following(lines, 1, "T1", 9)) == [(3, "3"), (5, "5"), (6, "nobody")]
    assert list(preceding(lines, 5, "T1", 2)) == [(3, "3")]
    assert [text for _, text in following(lines, 4, "", 9)] == ["5", "nobody"]
