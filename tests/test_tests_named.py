"""Every test that tests/README.md names exists."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def test_every_test_that_the_table_names_exists() -> None:
    named = NAMED.findall((HERE / "README.md").read_text())
    gone = [f"{file}::{test}" for file, test in named if f"def {test}(" not in (HERE / file).read_text()]
    assert gone == []
    assert len(set(named)) == len(named), "a row for each"
    assert len(named) >= 60


def test_each_row_says_what_comes_of_it() -> None:
    for line in (HERE / "README.md").read_text().splitlines():
        if NAMED.search(line):
            attack, outcome, message, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|")))
            assert attack
            assert outcome
            assert message
