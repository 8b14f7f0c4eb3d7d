"""Series step by step: `--each` and `steps: true`, each step against the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rig import RMAP, Bench, essence, interrupt, resume_command

from kit.base.errors import BAD_INPUT, NOT_AS_EXPECTED, OK

MAIL = """From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: A <a@example.org>
Subject: [PATCH {number}/{total}] {subject}

{subject}

---
{diff}--
2.39

"""


def steps(bench: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.verdict()["steps"]
    return found


def series(bench: Bench, *texts: tuple[str, str, str]) -> str:
    """An mbox of patches that replace one text by another, one after the other: (subject, old, new)."""
    before = (bench.tree / RMAP).read_text()
    mails = []
    for number, (subject, old, new) in enumerate(texts, 1):
        diff = Path(bench.patch(f"{number}", old, new)).read_text()
        bench.edit(old, new)
        mails.append(MAIL.format(number=number, total=len(texts), subject=subject, diff=diff))
    (bench.tree / RMAP).write_text(before)
    mbox = bench.folder / "series.mbox"
    mbox.write_text("".join(mails))
    return str(mbox)


GOOD = ("mm: say why", "return 0;", "return 0; /* why */")
WORSE = ("mm: take the lock once more", "/* why */", "/* off by one */")
UNDONE = ("mm: take it back", "/* off by one */", "/* why not */")
AGAIN = ("mm: take the lock again", "/* why not */", "/* off by one */")
WARNS = ("mm: use nothing", "/* why */", "/* warns: unused x */")
QUIET = ("mm: use it", "/* warns: unused x */", "/* quiet */")
DAMAGED = ("mm: forget a bracket", "/* why not */", "; syntax_error")
FIXED = ("mm: remember it", "; syntax_error", "/* built again */")


def test_each_patch_is_judged_against_the_one_before(bench: Bench) -> None:
    bench.arms()
    ran = bench.run("--each", "--patch", series(bench, GOOD, WORSE, UNDONE))
    assert [(s["arm"], s["against"], s["verdict"], s["fails"]) for s in steps(bench)] == [
        ("01-mm-say-why", "without", "same", False),
        ("02-mm-take-the-lock-once-more", "01-mm-say-why", "worse", True),
        ("03-mm-take-it-back", "02-mm-take-the-lock-once-more", "better", False),
    ]
    assert (ran.code, bench.verdict()["expected"]) == (NOT_AS_EXPECTED, False), ran
    assert "Each step, against the one before" in ran.out
    page = bench.folder / "page.html"
    assert bench.call("report", str(bench.runs()[-1]), "--html", "-o", str(page)).code == OK
    assert page.read_text().count("it takes the anon_vma lock up to 2.22% more often") > 0
    assert page.read_text().count("Each step, against the one before") == 2, "a section, and a link to it"
    junit = bench.call("report", str(bench.runs()[-1]), "--junit").out
    assert 'testcase name="02-mm-take-the-lock-once-more" classname="kit.' in junit
    assert "Step by step: 1 same, 1 worse, 1 better; 02-mm-take-the-lock-once-more is worse." in ran.out


def test_a_step_back_fails_though_no_patch_is_worse_than_the_base(bench: Bench) -> None:
    bench.edit("return 0;", "return 0; /* off by one */")
    bench.arms()
    ran = bench.run("--each", "--patch", series(bench, UNDONE, AGAIN))
    assert [(s["verdict"], s["fails"]) for s in steps(bench)] == [("better", False), ("worse", True)]
    assert (bench.verdict()["verdict"], ran.code, bench.verdict()["exit_code"]) == ("better", NOT_AS_EXPECTED, 1)
    assert "BETTER (not as expected)" in ran.out


def test_a_patch_that_cannot_be_built_is_named_and_left_behind(bench: Bench) -> None:
    """Its fix is judged against what stood before both."""
    bench.arms()
    ran = bench.run("--each", "--patch", series(bench, GOOD, WORSE, UNDONE, DAMAGED, FIXED))
    *_, damaged, fixed = steps(bench)
    assert (damaged["verdict"], damaged["built"], damaged["against"]) == ("broken", False, "03-mm-take-it-back")
    assert "cannot be built" in damaged["sentence"]
    assert (fixed["against"], fixed["verdict"], fixed["built"]) == ("03-mm-take-it-back", "same", True)
    assert ran.code == NOT_AS_EXPECTED


def warnings(bench: Bench) -> list[list[str] | None]:
    return [step["warnings"] for step in steps(bench)]


def test_the_compilers_new_warnings_are_a_patch_s_own(bench: Bench) -> None:
    """In kernels of the cache too, and if another object folder has compiled the file."""
    bench.arms()
    argv = ["--each", "--patch", series(bench, GOOD, WARNS, QUIET)]
    for more in ([], ["--fresh"]):
        ran = bench.run(*argv, *more)
        assert ran.code == OK
        assert warnings(bench) == [[], ["mm/rmap.c: unused x"], []]
    assert "new warnings of the compiler: 02-mm-use-nothing: mm/rmap.c: unused x" in ran.out
    bench.arms(with_=[bench.fault("warns: unused y")])
    bench.experiment["steps"] = True
    bench.run()
    assert warnings(bench) == [["mm/rmap.c: unused y"]]


def test_warnings_of_objects_that_an_earlier_kit_made_are_not_known(bench: Bench) -> None:
    bench.arms()
    argv = ["--each", "--patch", series(bench, GOOD, WARNS, QUIET)]
    bench.run(*argv)
    for kept in bench.cache.rglob("warnings.json"):
        kept.unlink()
    bench.run(*argv)
    assert warnings(bench) == [None] * 3


def test_a_failed_build_s_warnings_are_not_lost(bench: Bench) -> None:
    """Its objects stay, and the next build does not compile them again."""
    broken = bench.patch("broken", "\treturn 0;", "\tsyntax_error x;", "kernel/fork.c")
    bench.arms(with_=[bench.fault("warns: unused y"), broken])
    bench.run()
    bench.arms(with_=[bench.fault("warns: unused y")])
    bench.experiment["steps"] = True
    bench.run()
    assert warnings(bench) == [["mm/rmap.c: unused y"]]


def test_commits_of_a_range_are_steps(bench: Bench) -> None:
    bench.git("init", "-q")
    bench.git("add", ".")
    bench.git("commit", "-qm", "begin")
    for subject, old, new in (GOOD, WORSE):
        bench.edit(old, new)
        bench.git("commit", "-qam", subject)
    bench.arms()
    ran = bench.run("--each", "--tree", f"git:{bench.tree}", "--range", "HEAD~2..HEAD")
    assert ran.code == NOT_AS_EXPECTED
    assert [(s["arm"], s["verdict"]) for s in steps(bench)] == [
        ("01-mm-say-why", "same"),
        ("02-mm-take-the-lock-once-more", "worse"),
    ]


def test_a_series_that_is_interrupted_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.arms()
    argv = ["--each", "--patch", series(bench, GOOD, WORSE, UNDONE)]
    bench.run(*argv)
    whole = essence(bench.verdict())
    with monkeypatch.context() as patch:
        interrupt(patch, 3)
        ran = bench.run(*argv, "--fresh")
    assert bench.call(*resume_command(ran)).code == NOT_AS_EXPECTED
    assert essence(bench.verdict()) == whole


def test_arms_of_a_file_may_be_steps(bench: Bench) -> None:
    """Where the file says what it expects, that decides."""
    bench.arms(with_=[bench.fault("off by one")])
    bench.experiment["arms"]["after"] = {"series": []}
    bench.experiment |= {"steps": True, "expect": {"count": "worse", "overall": "worse"}}
    ran = bench.run()
    assert ran.code == OK, ran
    assert [(s["arm"], s["against"], s["verdict"]) for s in steps(bench)] == [
        ("with", "without", "worse"),
        ("after", "with", "better"),
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--each"], "--each takes a range or patches"),
        (["--each", "--dirty"], "--each takes a range or patches"),
        (["--each", "--range", "a..b", "--patch", "x"], "--each takes a range or patches"),
    ],
)
def test_what_each_refuses(bench: Bench, argv: list[str], said: str) -> None:
    ran = bench.run(*argv)
    assert (ran.code, bench.did("boot")) == (BAD_INPUT, 0)
    assert said in ran.err


def test_one_patch_is_no_series(bench: Bench) -> None:
    ran = bench.run("--each", "--patch", series(bench, GOOD))
    assert ran.code == BAD_INPUT
    assert "--each wants a series, and here is one patch" in ran.err
