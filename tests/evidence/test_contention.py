"""Wait and hold times, summed from the rows and call sites of lock_stat."""

from __future__ import annotations

from dataclasses import replace

from kit.evidence.contention import CLASSES, PLACES, contention
from kit.records import Boot, CallSite, LockRow, Results, WindowResult
from tests.evidence.test_count_evidence import EXP, boot


def window(name: str, *rows: LockRow, sites: tuple[CallSite, ...] = ()) -> WindowResult:
    return WindowResult(name, 1, rows, sites=sites)


def boots_of(**windows: list[WindowResult]) -> list[Boot]:
    """A boot for each arm, with these windows."""
    out = []
    for arm, its in windows.items():
        out.append(replace(boot(arm, {}), results=Results("6.1", 1, {}, tuple(its))))
    return out


def row(name: str, contentions: int, wait: float = 0.0, hold: float = 0.0, mode: str = "") -> LockRow:
    return LockRow(name, mode, contentions, 100, (wait, wait / 2, hold, hold / 2))


def test_modes_windows_and_places_are_summed() -> None:
    sites = (CallSite("a", "waits", 3, "f+0x1/0x2"), CallSite("a", "holds", 2, "g+0x1/0x2"))
    one = window("w1", row("a", 3, 6.0, 10.0, "W"), row("a", 1, 2.0, 4.0, "R"), sites=sites)
    two = window("w2", row("a", 2, 8.0, 2.0), sites=(CallSite("a", "waits", 4, "f+0x1/0x2"),))
    (found,) = contention(EXP, boots_of(base=[one, two]))
    assert found == {
        "class": "a",
        "arms": {
            "base": {
                "contentions": 6,
                "wait_us": 16.0,
                "longest_wait_us": 4.0,
                "hold_us": 16.0,
                "longest_hold_us": 5.0,
                "waits": [{"place": "f+0x1/0x2", "count": 7}],
                "holds": [{"place": "g+0x1/0x2", "count": 2}],
            }
        },
    }


def test_the_most_contended_of_any_arm_stand_first_and_few_places_are_kept() -> None:
    many = tuple(CallSite("b", "waits", n, f"f{n}+0x1/0x2") for n in range(1, 9))
    rows = [row(f"c{n:02d}", n) for n in range(30)]
    found = contention(EXP, boots_of(base=[window("w", *rows)], new=[window("w", row("b", 99), sites=many)]))
    assert [r["class"] for r in found[:2]] == ["b", "c29"]
    assert len(found) == CLASSES
    assert [p["count"] for p in found[0]["arms"]["new"]["waits"]] == [8, 7, 6, 5][:PLACES]
    assert found[0]["arms"]["base"]["contentions"] == 0


def test_boots_that_kept_no_times_say_nothing() -> None:
    assert contention(EXP, boots_of(base=[window("w", LockRow("a", "", 9, 100))])) == []
    assert contention(EXP, boots_of(base=[window("w", row("a", 0, 5.0, 5.0))])) == []
