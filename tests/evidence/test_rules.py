"""The model's rules in a run's evidence: what each arm's profile (declared or read) breaks, and which splats that
explains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kit.evidence import model, rules
from kit.records import PatchRef, Splat
from kit.vm.patterns import PATTERNS
from tests.evidence.test_check_evidence import EXP

ROOT = Path(__file__).resolve().parents[2]
FIRST = str(ROOT / "patches" / "v3.0" / "637fbbf96fdd.patch")
BASE = replace(EXP.arms[0], name="base", profile="3.0-rc1", series=())


def test_what_a_declared_profile_breaks_is_noted() -> None:
    exp = replace(EXP, arms=(BASE, replace(BASE, name="new", profile="3.0-637fbbf")), baseline=BASE.name)
    found = model.judge(exp, [])
    assert found.notes[0] in found.why
    assert len(found.notes) == 1  # the baseline frees the root too early as well: that is not the arm's
    assert found.notes[0].startswith("new: the model breaks a rule (no allocation that may reclaim")
    assert found.details["rules"]["new"]["profile"] == "3.0-637fbbf"
    assert [one["rule"] for one in found.details["rules"][BASE.name]["broken"]] == [rules.FREED]


def test_what_a_patch_says_is_noted_without_a_profile() -> None:
    arm = replace(BASE, name="new", profile=None, series=(PatchRef(FIRST),))
    exp = replace(EXP, arms=(replace(BASE, profile=None), arm), baseline=BASE.name)
    found = model.judge(exp, [])
    assert found.details["rules"]["new"]["read"] is True
    assert any("may reclaim" in note for note in found.notes)
    reverse = replace(arm, series=(PatchRef(FIRST, reverse=True),))
    assert rules.kernel_of(reverse) is None


def test_a_splat_is_explained_by_its_kind_and_its_words() -> None:
    exp = replace(EXP, arms=(BASE, replace(BASE, name="new", profile="3.0-637fbbf")), baseline=BASE.name)
    splat = Splat("lockdep-inconsistent", "INFO: inconsistent lock state", 1, "(&anon_vma->mutex){+.+.?.}")
    said = rules.explained(exp, "new", [splat, splat])
    assert len(said) == 1
    assert said[0].startswith("new: the model explains lockdep-inconsistent: clone allocates and may reclaim")
    assert rules.explained(exp, "new", [replace(splat, excerpt="(&pipe->mutex)")]) == ()
    assert rules.explained(exp, "new", [replace(splat, kind="oom")]) == ()
    assert rules.explained(exp, BASE.name, [splat]) == ()


def test_every_kind_that_a_rule_shows_as_is_known() -> None:
    known = {str(kind) for kind in rules.SHOWS for kind in rules.SHOWS[kind]}
    text = repr(PATTERNS)
    assert [kind for kind in known - {"hang"} if kind not in text] == []
