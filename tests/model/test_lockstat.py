"""/proc/lock_stat as 3.0 and 6.1 print it (kernel/lockdep_proc.c, seq_stats), and damaged forms of it."""

from __future__ import annotations

import pytest

from kit.model.errors import ModelError
from kit.model.lockstat import Row, parse_lock_stat, parse_row

BAR = "-" * 221


def printed(name: str, wait: tuple[object, ...], hold: tuple[object, ...]) -> str:
    """A row in the kernel's columns: bounces, count, then times."""
    half = [f"{w[0]:14d} {w[1]:14d}" + "".join(f" {t:>14}" for t in w[2:]) for w in (wait, hold)]
    return f"{name:>41}{half[0]} {half[1]}\n"


V04 = (
    "lock_stat version 0.4\n"
    + f"{BAR}\n{'class name':>40} {'con-bounces':>14} {'contentions':>14}\n{BAR}\n\n"
    + printed(
        "&anon_vma->rwsem-W:", (3, 5, "0.10", "7.25", "9.00", "1.80"), (11, 5401, "0.05", "3.10", "99.00", "0.02")
    )
    + printed("&anon_vma->rwsem-R:", (0, 0, "0.00", "0.00", "0.00", "0.00"), (1, 7, "0.30", "0.90", "4.20", "0.60"))
    + "                        ----------------\n"
    + f"{'&anon_vma->rwsem':>40} {5:14d} {'[<000000003f1a2b4c>]':>29} anon_vma_clone+0x55/0x1a0\n"
    + "                        ----------------\n"
    + f"{'&anon_vma->rwsem':>40} {5:14d} {'[<ffffffff8113a0e1>]':>29} unlink_anon_vmas+0x41/0x160\n"
    + f"\n{'.' * 221}\n\n"
    + printed("&(&zone->lock)->rlock: x/1:", (0,) * 2 + ("0.00",) * 4, (2, 9, "0.01", "0.02", "0.10", "0.01"))
)


def test_version_0_4() -> None:
    writers, readers, other = parse_lock_stat(V04)
    assert writers == Row("&anon_vma->rwsem", "W", 3, 5, 0.1, 7.25, 9.0, 1.8, 11, 5401, 0.05, 3.1, 99.0, 0.02)
    assert (readers.name, readers.mode, readers.acquisitions) == ("&anon_vma->rwsem", "R", 7)
    assert (other.name, other.mode, other.acquisitions) == ("&(&zone->lock)->rlock: x/1", "", 9)


def test_version_0_3_has_no_averages() -> None:
    row = printed("&anon_vma->mutex:", (1, 2, "0.5", "0.6", "1.1"), (4, 3636, "0.2", "0.3", "77.77"))
    (found,) = parse_lock_stat(f"lock_stat version 0.3\n{BAR}\n\n{row}")
    assert found == Row("&anon_vma->mutex", "", 1, 2, 0.5, 0.6, 1.1, None, 4, 3636, 0.2, 0.3, 77.77, None)
    assert parse_row(row, "0.3") == found


def test_nothing_was_locked() -> None:
    assert parse_lock_stat("lock_stat version 0.4\n" + BAR) == ()


def test_clock_that_ran_backwards() -> None:
    row = printed("a:", (0, 0, "0.00", "0.00", "0.00"), (0, 1, "-3.-25", "0.00", "0.-7"))
    found = parse_row(row, "0.3")
    assert (found.hold_min, found.hold_total) == (-3.25, -0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: this is not /proc/lock_stat"),
        ("hello\n", "line 1: this is not /proc/lock_stat"),
        ("lock_stat version 0.5\n", "lock_stat version 0.5 is not known; 0.3 and 0.4 are"),
        (
            "lock_stat version 0.4\n*WARNING* lock debugging disabled!! - possibly due to a lockdep warning\n",
            "line 2: lock debugging is disabled",
        ),
        (V04.replace("version 0.4", "version 0.3"), "line 6: no row of lock_stat 0.3: '&anon_vma->rwsem-W:"),
        (V04.replace("5401", "54x1"), "line 6: no row of lock_stat 0.4"),
        (V04.replace("          5401", ""), "line 6: no row of lock_stat 0.4"),
        (V04.replace("5401           0.05", "0.05           5401"), "line 6: columns are shifted"),
        (V04.replace("\n\n", "\nhalf a li\n", 1), "line 5: no row of lock_stat 0.4: 'half a li'"),
    ],
)
def test_what_is_no_lock_stat_is_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        parse_lock_stat(text)
    assert message in str(raised.value)
