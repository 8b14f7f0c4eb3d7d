"""The page of a run says which part of a change ran, also of runs that did not ask for lines."""

from __future__ import annotations

from kit.report.html.ofrun import _often, _ran

LINES = {
    "coded": 3, "ran": 2, "outside": [], "booting": [], "missed": ["mm/a.c:9"], "untold": [], "removed": 4,
    "often": {"mm/a.c:7": {"chain/d0": 20, "chain/d1": 40}, "mm/a.c:8": {"chain/d1": 5}}, "cut": False,
}  # fmt: skip
OLD = {"arm": "with", "identical": False, "changed": ["f", "g"], "ran": ["f"], "booting": [], "asked": 2, "why": "",
       "idle": False}  # fmt: skip
NEW = {**OLD, "outside": [], "lines": LINES}


def test_functions_and_lines_are_told_in_one_sentence() -> None:
    assert _ran(NEW) == "with changes 2 functions; of these ran: f; 2 of 3 changed lines ran; not: mm/a.c:9."
    assert _ran(OLD) == "with changes 2 functions; of these ran: f."
    assert _ran({**NEW, "lines": None, "ran": []}) == "with changes 2 functions; of these ran: none."


def test_a_table_says_how_often_each_line_ran_in_each_window() -> None:
    (table,) = _often({"functions": [OLD, {**OLD, "lines": None}, NEW]})
    assert table.head == ("line", "chain/d0", "chain/d1")
    assert [[cell.text for cell in row] for row in table.rows] == [["mm/a.c:7", "20", "40"], ["mm/a.c:8", "–", "5"]]
