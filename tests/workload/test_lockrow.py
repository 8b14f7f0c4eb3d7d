"""Class rows of /proc/lock_stat, of both versions."""

from __future__ import annotations

import pytest

from kit.records import LockRow
from kit.workload.lockrow import LockRowError, parse_row


@pytest.mark.parametrize(
    ("line", "version", "row"),
    [
        (
            "tasklist_lock-W: 0 5 0.00 0.00 0.00 0.00 131 601 0.00 3343.07 137797.70 229.28",
            "0.4",
            LockRow("tasklist_lock", "W", 5, 601),
        ),
        (
            "&anon_vma->mutex: 1 2 0.00 0.00 0.00 996 2400 0.00 39.72 5136.46",
            "0.3",
            LockRow("&anon_vma->mutex", "", 2, 2400),
        ),
        ("a b::c-R: 0 0 0.00 0.00 -0.05 0.00 1 2 0.94 1.38 2.32 1.16", "0.4", LockRow("a b::c", "R", 0, 2)),
    ],
)
def test_rows(line: str, version: str, row: LockRow) -> None:
    assert parse_row(line, version) == row


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("x: 0 0 0.00 0.00 0.00 0.00 1 2 0.94 1.38 2.32 1.16", "0.3"),
        ("x: 0 0 0.00 0.00 0.00 1 2 0.94 1.38 2.32", "0.4"),
        ("x: 0 0 0.00 0.00 0.00 0.00 1 2.5 0.94 1.38 2.32 1.16", "0.4"),
        ("x 1 [<0000000000000000>] fork+0x1/0x2", "0.4"),
        ("x: 0 0 0.00 0.00 0.00 0.00 1 2 0.94 1.38 2.32 1.16", "0.5"),
        ("", "0.4"),
    ],
)
def test_other_lines_are_refused(line: str, version: str) -> None:
    with pytest.raises(LockRowError):
        parse_row(line, version)
