"""What of a change ran: from the records of a boot to functions, lines, the sentence and the verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kit.kernel.functions import Difference, Function
from kit.kernel.linetable import LineCode
from kit.records import ArmSpec, ChangedLines, Exercised, Experiment, KindVerdict, Verdict, to_json
from kit.records.decode import exercised_from_json
from kit.run.coverage import _Asked, _told, merged
from kit.run.ran import Ran
from kit.run.runlines import lines_that_ran, shown
from kit.stats.attribution import Attribution
from kit.stats.verdict import judge
from kit.vm.plugin.records import Coverage, Stage
from kit.wording.sentence import _idle, _ran
from kit.wording.share import share


def stage(name: str, *runs: tuple[int, int, int]) -> Stage:
    """A stage in which these runs (begin, end, times) ran; in order, apart from each other."""
    points = [p for begin, end, _ in runs for p in (begin, end)]
    return Stage(name, points, [t for *_, times in runs for t in (times, 0)])


RAN = Ran.of(
    Coverage(
        stage("boot", (0x100, 0x110, 9), (0x400, 0x404, 1)),
        (stage("window", (0x100, 0x108, 3), (0x108, 0x10C, 5)), stage("window", (0x104, 0x106, 2))),
        stage("outside", (0x100, 0x110, 8), (0x300, 0x308, 1)),
    ),
    ("a", "b"),
    2.5,
)


def test_code_is_told_by_the_first_stage_in_which_any_of_it_ran() -> None:
    assert [RAN.first((at, at + 4)) for at in (0x100, 0x10C, 0x300, 0x400, 0x500)] == [
        *("window", "outside", "outside", "boot", "")
    ]
    assert RAN.first((0xF0, 0x200)) == "window"
    assert RAN.often([(0x100, 0x110)]) == {"a": 5, "b": 2}
    assert RAN.often([(0x108, 0x10C)]) == {"a": 5}
    assert RAN.often([]) == {}


def test_other_windows_than_the_guest_s_tell_nothing() -> None:
    found = Ran.of(Coverage(stage("boot"), (stage("window"),), stage("outside")), ("a", "b"), 1.0)
    assert found.why == "the plugin saw 1 windows, the guest had 2"


CODE = LineCode(
    {
        ("mm/a.c", 10): [(0x100, 0x104)],
        ("mm/a.c", 11): [(0x500, 0x504), (0x104, 0x106)],
        ("mm/a.c", 20): [(0x300, 0x304)],
        ("mm/a.c", 30): [(0x400, 0x404)],
        ("mm/a.c", 40): [(0x500, 0x504)],
        ("mm/a.c", 41): [(0x504, 0x508)],
        ("mm/b.c", 42): [(0x508, 0x50C)],
    },
    {("mm/a.c", 50)},
)


def test_lines_by_what_became_of_them() -> None:
    found = lines_that_ran(CODE, RAN, 3, ["mm/c.c: why"])
    assert found == ChangedLines(
        coded=7, ran=2, outside=("mm/a.c:20",), booting=("mm/a.c:30",), missed=("mm/a.c:40-41", "mm/b.c:42"),
        untold=("mm/c.c: why", "mm/a.c:50: its functions are not the kernel's byte for byte"), removed=3,
        often={"mm/a.c:10": {"a": 3}, "mm/a.c:11": {"a": 3, "b": 2}},
    )  # fmt: skip
    assert share(found) == (
        "2 of 7 changed lines ran; only outside of the windows: mm/a.c:20; only before init: mm/a.c:30;"
        " not: mm/a.c:40-41, mm/b.c:42; not told: mm/c.c: why,"
        " mm/a.c:50: its functions are not the kernel's byte for byte"
    )


def test_a_long_list_of_places_is_cut() -> None:
    assert shown([("a.c", n) for n in (9, 1, 2, 3, 5, 7)]) == ("a.c:1-3", "a.c:5", "a.c:7", "a.c:9")
    missed = tuple(f"a.c:{n}" for n in range(1, 12, 2))
    assert share(ChangedLines(coded=6, missed=missed)) == (
        "0 of 6 changed lines ran; not: a.c:1, a.c:3, a.c:5, a.c:7, 2 places more"
    )
    assert share(ChangedLines()) == ""


FUNCTIONS = (
    Function("hot", 0x100, bytes(16), False), Function("late", 0x300, bytes(8), False),
    Function("early", 0x400, bytes(8), False), Function("cold", 0x500, bytes(8), False),
    Function("setup", 0x600, bytes(8), True),
)  # fmt: skip
ASKED = _Asked(Difference(FUNCTIONS, (), ()), CODE, 3, ())


def test_functions_and_lines_come_to_one_answer_and_one_clause() -> None:
    found = _told("with", ASKED, RAN)
    assert (found.ran, found.outside, found.booting) == (("hot",), ("late",), ("early", "setup"))
    assert (found.asked, found.idle, found.unreached) == (4, False, False)
    assert _ran(found).startswith(
        "of what with changes, hot() ran, late() ran only outside of the windows, early() and setup() ran only while"
        " the kernel booted, cold() did not; 2 of 7 changed lines ran; "
    )
    assert ASKED.ranges == [(0x100, 0x110), (0x300, 0x308), (0x400, 0x408), (0x500, 0x50C)]
    assert merged([(5, 6), (1, 3), (2, 4), (4, 5)]) == [(1, 6)]


def test_what_is_not_known_is_said() -> None:
    found = _told("with", ASKED, Ran(why="this QEMU takes no plugins: no"))
    assert (found.changed, found.idle, found.unreached) == (tuple(f.name for f in FUNCTIONS), False, False)
    assert _ran(found) == "which part of with's change ran is not told: this QEMU takes no plugins: no"


def test_it_is_read_back_as_it_was_written() -> None:
    found = _told("with", ASKED, RAN)
    written = json.loads(json.dumps({**to_json(found), "idle": found.idle}))
    assert exercised_from_json(written) == found
    assert exercised_from_json({**written, "lines": None}) == replace(found, lines=None)
    old = {k: v for k, v in written.items() if k not in ("lines", "outside")}
    assert exercised_from_json(old) == replace(found, lines=None, outside=())
    for bad in (None, 7, [], {"ran": []}, {**written, "lines": 7}):
        assert exercised_from_json(bad) is None


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (ChangedLines(coded=3, missed=("a.c:1-3",)), "inconclusive"),
        (ChangedLines(coded=3, ran=1, missed=("a.c:1-2",)), "same"),
        (ChangedLines(coded=3, missed=("a.c:1-3",), removed=1), "same"),
        (ChangedLines(coded=3, missed=("a.c:1-3",), untold=("b.c: why",)), "same"),
        (ChangedLines(coded=3, missed=("a.c:1-2",), outside=("a.c:3",)), "same"),
        (ChangedLines(), "same"),
        (None, "same"),
    ],
)
def test_the_same_numbers_show_nothing_where_no_changed_line_ran(lines: ChangedLines | None, verdict: str) -> None:
    found = Exercised("with", changed=("f",), ran=("f",), asked=1, lines=lines)
    kinds = [KindVerdict("count", Verdict.SAME, "")]
    arms = tuple(ArmSpec(name, "dir:/x", (), None) for name in ("without", "with"))
    exp = Experiment("x", "without", arms, cpus=(1,), memory=256, accel="tcg", workloads=(), evidence=("count",),
                     locks=(), limit=0.01, accept=(), expect={}, blocks=2, minutes=1, seed=1)  # fmt: skip
    assert judge(exp, kinds, Attribution((), (), ()), [found]).verdict == verdict
    if verdict == "inconclusive":
        assert _idle(found) == (
            "of what with adds or changes, no line was executed; 0 of 3 changed lines ran; not: a.c:1-3"
        )
