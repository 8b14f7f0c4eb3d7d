"""`kit blame-hunk` on a fake kernel: the part of a patch that carries a run's verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rig import RMAP, Bench

from kit.base.errors import BAD_INPUT, NOT_AS_EXPECTED, OK

FORK = "kernel/fork.c"


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """A tree with lines to change, and an experiment whose patch changes five places, one of which counts."""
    bench.edit("return 0;", "return 0;\n" + "".join(f"/* line {n} */\n" for n in range(40)))
    old = bench.tree / RMAP
    text, fork = old.read_text(), (bench.tree / FORK).read_text()
    after = text.replace("line 3 ", "line three ").replace("line 12 ", "off by one ").replace("line 25 ", "more ")
    patched = bench.folder / "patched"
    series = []
    for path, before, now in ((RMAP, text, after), (FORK, fork, f"/* begin */\n{fork}/* end */\n")):
        (bench.tree / path).write_text(now)
        patched.mkdir(exist_ok=True)
        (bench.tree / path).write_text(before)
        series.append(bench.patch(f"{len(series)}", before, now, path))
    bench.arms(with_=series)
    return bench


def found(bench: Bench) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((bench.runs()[-1] / "bisect.json").read_text())
    return loaded


@pytest.mark.parametrize("taken_out", [False, True])
def test_the_part_that_counts_is_named(bench: Bench, taken_out: bool) -> None:
    """Also if the baseline is the side with the patch."""
    if taken_out:
        bench.experiment["baseline"] = "with"
    assert bench.run().code == (OK if taken_out else NOT_AS_EXPECTED)
    booted = bench.did("boot")
    ran = bench.call("blame-hunk", str(bench.runs()[-1]))
    assert ran.code == OK, ran
    assert found(bench)["culprit"]["subject"].startswith(f"{RMAP}:")
    assert found(bench)["culprit"]["subject"].endswith("(+1 -1)")
    patch = (bench.runs()[-1] / "patches" / found(bench)["culprit"]["name"]).read_text()
    assert "+/* off by one */" in patch
    assert "5 parts, tested by count in" in ran.err
    assert len(found(bench)["commits"]) == 5
    assert "+/* off by one */" in ran.out
    assert bench.did("boot") - booted == 2 + 3 + 2, "both ends, the search, the proof"


def test_the_commits_of_a_branch_are_taken_apart(bench: Bench) -> None:
    bench.git("init", "-q")
    bench.git("add", ".")
    bench.git("commit", "-qm", "begin")
    for old, new in (("line 3 ", "line three "), ("line 12 ", "off by one "), ("line 25 ", "more ")):
        bench.edit(old, new)
        bench.git("commit", "-qam", new)
    bench.run("--tree", f"git:{bench.tree}", "--range", "HEAD~3..HEAD")
    ran = bench.call("blame-hunk", "last")
    assert ran.code == OK, ran
    assert "-/* line 12 */\n+/* off by one */\n" in ran.out


def test_what_is_blamed_needs_something_to_blame(bench: Bench) -> None:
    bench.arms(with_=[bench.patch("same", "line 7 ", "line seven ")])
    bench.run()
    ran = bench.call("blame-hunk", "last")
    assert ran.code == BAD_INPUT
    assert "with is neither better nor worse in count, instructions, time" in ran.err


def test_one_part_is_not_taken_apart(bench: Bench) -> None:
    bench.arms(with_=[bench.patch("one", "line 12 ", "off by one ")])
    bench.run()
    ran = bench.call("blame-hunk", "last")
    assert ran.code == BAD_INPUT
    assert "with has one part only" in ran.err
    assert f"{RMAP}:" in ran.err


def test_an_arm_is_named_where_there_are_several(bench: Bench) -> None:
    bench.experiment["arms"]["third"] = {"series": []}
    bench.run()
    assert "--arm with or third" in bench.call("blame-hunk", "last").err
    assert "no arm is called fourth" in bench.call("blame-hunk", "last", "--arm", "fourth").err
    assert bench.call("blame-hunk", "last", "--arm", "with").code == OK


def test_two_sides_with_patches_have_no_tree_to_begin_on(bench: Bench) -> None:
    bench.experiment["arms"]["without"] = {"series": [bench.patch("other", "line 30 ", "line thirty ")]}
    bench.run()
    assert "both have patches" in bench.call("blame-hunk", "last").err


def test_a_splat_is_sought_too(bench: Bench) -> None:
    text = (bench.tree / RMAP).read_text()
    now = text.replace("line 3 ", "line three ").replace("line 12 ", "boots: warning ").replace("line 25 ", "more ")
    bench.arms(with_=[bench.patch("warns", text, now)])
    bench.run()
    assert bench.verdict()["verdict"] == "broken"
    ran = bench.call("blame-hunk", "last")
    assert ran.code == OK, ran
    assert "boots: warning" in (bench.runs()[-1] / "patches" / found(bench)["culprit"]["name"]).read_text()


def test_a_run_that_has_not_ended_cannot_be_blamed(bench: Bench) -> None:
    bench.run()
    (bench.runs()[-1] / "verdict.json").unlink()
    assert "not a run that has ended" in bench.call("blame-hunk", "last").err
