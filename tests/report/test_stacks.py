"""Folded stacks and flame graphs of a run's boots."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kit.report import stacks
from kit.report.formats import REPORTS
from kit.report.html.flame import flames
from kit.report.html.svg import Names
from kit.report.style import Style
from kit.store.runfiles import RunFiles

TREE = {"names": ["?", "entry", "fork", "dup_mm", "[user]"], "above": [0, 0, 1], "callers": [0, 1, 2]}


def boot(arm: str, copied: int, *, block: int = 0, repeat: int = 0, evidence: str = "callgraph") -> dict[str, Any]:
    """A boot whose dup_mm, called by fork, executes so many instructions."""
    window = {"name": "chain/d0", "chains": [[2, 3, copied], [1, 2, 30], [0, 4, 50]]}
    results = {"windows": [window], "calls": TREE}
    return {"arm": arm, "evidence": evidence, "block": block, "repeat": repeat, "results": results}


BOOTS = (
    boot("base", 100),
    boot("new", 110),
    boot("new", 999, block=1),
    boot("base", 999, repeat=1),
    boot("new", 999, evidence="callers"),
)
ROW = {"arm": "new", "window": "chain/d0", "function": "dup_mm", "baseline_value": 100.0, "arm_value": 110.0,
       "difference": 10.0, "low": 9.0, "high": 11.0, "beyond": True}  # fmt: skip
VERDICT = {
    "evidence": {"callgraph": {"details": {"by_function": [ROW]}}},
    "arms": {"base": {"baseline": True}, "new": {"baseline": False}},
}


class Files(RunFiles):
    """A run with these boots."""

    boots = BOOTS


def test_a_line_for_each_chain_of_the_first_layout() -> None:
    text = stacks.render([Files(Path("run"), VERDICT)], Style())
    assert text.splitlines() == [
        "base;chain/d0;[user] 50",
        "base;chain/d0;entry;fork 30",
        "base;chain/d0;entry;fork;dup_mm 100",
        "new;chain/d0;[user] 50",
        "new;chain/d0;entry;fork 30",
        "new;chain/d0;entry;fork;dup_mm 110",
    ]
    assert REPORTS["folded"].render is not None


def test_a_name_neither_ends_a_line_nor_a_frame() -> None:
    """A kernel's symbols are its author's."""
    names = [name.replace("dup_mm", "a;b\n\x1b]0;owned") for name in TREE["names"]]
    one = boot("base", 100)
    one["results"] = {**one["results"], "calls": {**TREE, "names": names}}

    class Hostile(RunFiles):
        boots = (one,)

    text = stacks.render([Hostile(Path("run"), VERDICT)], Style())
    assert len(text.splitlines()) == 3
    assert not set(text) & set(map(chr, [*range(10), *range(11, 32), 127]))
    assert all(line.count(";") <= 4 for line in text.splitlines())


def test_boxes_are_as_wide_as_what_they_call_and_coloured_by_what_differs() -> None:
    whole, differs = flames(VERDICT, BOOTS, Names())
    widths = {m[2]: float(m[1]) for m in re.finditer(r'width="([\d.]+)"[^>]*/><title>(\S+?): ', whole.svg)}
    assert widths["all"] == 400
    assert widths["entry"] == widths["fork"] == pytest.approx(400 * 140 / 190, abs=0.1)
    assert widths["dup_mm"] == pytest.approx(400 * 110 / 190, abs=0.1)
    assert "dup_mm: 110 (+10)" in differs.svg
    kinds = {m[2]: m[1] for m in re.finditer(r'class="flame (\w+)"[^>]*/><title>(\S+?): ', differs.svg)}
    assert (kinds["dup_mm"], kinds["[user]"]) == ("more", "fewer")
    shades = {m[2]: m[1] for m in re.finditer(r'fill-opacity="([\d.]+)"/><title>(\S+?): ', differs.svg)}
    assert (shades["dup_mm"], shades["[user]"]) == ("0.85", "0.00"), "what does not differ has no colour"
    assert whole.table.rows[0][3].value == 10


def test_no_picture_without_boots() -> None:
    assert list(flames(VERDICT, (), Names())) == []
    assert list(flames({"evidence": {}, "arms": {}}, BOOTS, Names())) == []
