"""Patches that break the kernel, each in its own way, on real guests: each fault is recognized, and never blamed on the
baseline.

The patches are in tests/boot/broken/. All kernels share one object folder: after the first one, a test builds one or
two files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import kit.experiment.arms
from kit.base.errors import NOT_AS_EXPECTED, OK
from kit.experiment.arms import FRAGMENTS
from kit.experiment.reader import PROJECT
from kit.report.text import render
from kit.run.job import RunResult
from tests.boot.conftest import Run, tree

pytestmark = pytest.mark.boot

BROKEN = PROJECT / "tests" / "boot" / "broken"
LIMIT = int(os.environ.get("KIT_TEST_LIMIT", "45"))  # seconds of a boot: hung-task detection speaks after 15 to 30 s


class Case(NamedTuple):
    """A patch; words of the fault to be named; words of its excerpt; keys of the experiment; and the fragments of
    configs/kernel for its checking kernel."""

    patch: str
    said: str
    excerpt: str
    changes: dict[str, Any] = {}  # noqa: RUF012
    fragments: tuple[str, ...] = FRAGMENTS["checking"]


# Lockdep learns that reclaim takes the lock only from a kswapd that has to wait for it: that takes a second CPU.
TWO: dict[str, Any] = {"guest": {"cpus": [2]}}
# KASAN checks every access: without lockdep besides, a boot takes a minute or two.
SLOW: dict[str, Any] = {"guest": {"memory": "512M", "limit": 600}}
SANITIZERS = ("common", "pvh", "plain", "sanitizers", "symbols")
KFENCE = (*FRAGMENTS["checking"], "kfence")
# KFENCE guards one allocation in 10 ms: with 40 forks a time it may well be none of the chain's.
MANY: dict[str, Any] = {
    "guest": {"limit": 300},
    "workloads": [{"fork-chain": {"depth": [0, 2], "forks": 400, "vmas": 2}}],
}

CASES = (
    Case("warn-in-clone", "warning: WARNING: CPU", "anon_vma_clone"),
    Case("lock-twice", "lockdep-recursive: WARNING: possible recursive locking", "anon_vma_fork"),
    Case("allocate-under-lock", "lockdep-circular: WARNING: possible circular locking", "fs_reclaim", TWO),
    Case("null-in-fork", "panic: BUG: kernel NULL pointer dereference", "copy_process"),
    Case("loop-irqs-off", "hang: no end after", "unlink_anon_vmas"),
    Case("loop-preempt-off", "rcu-stall: ", "unlink_anon_vmas"),
    Case("leak-lock-on-error", "lockdep-circular: WARNING: possible circular locking", "anon_vma_fork"),
    Case("leak-mutex", "lockdep-held-in-user: WARNING: lock held when returning to user", "forking"),
    Case("panic-at-boot", "anon_vma: broken on purpose in anon_vma_init (before init", "anon_vma_init"),
    Case("hang-before-console", "before the first line on the console", ""),
    Case("hang-before-init", "before init", ""),
    Case("one-pass-unlink", "lockdep-recursive: WARNING: possible recursive locking", "unlink_anon_vmas"),
    Case("sleep-under-spinlock", "sleep-in-atomic: BUG: sleeping function called", "__anon_vma_prepare"),
    Case("list-del-twice", "list-corruption: list_del corruption", "unlink_anon_vmas"),
    Case("rcu-outside", "lockdep-rcu: WARNING: suspicious RCU usage", "copy_process"),
    Case("unlock-twice", "lockdep-unbalanced: WARNING: bad unlock balance", "anon_vma_fork"),
    Case("leak-memory", "oom: ", "invoked oom-killer", {"guest": {"memory": "96M"}}),
    Case("free-while-locked", "lockdep-held-freed: WARNING: held lock freed", "unlink_anon_vmas"),
    Case("free-locked-page", "page-state: BUG: Bad page state", "copy_process"),
    Case("lock-in-softirq", "lockdep-inconsistent: WARNING: inconsistent lock state", "forking"),
    Case("count-from-zero", "refcount: refcount_t: addition on 0", "copy_process"),
    Case("write-after-free", "slab: BUG anon_vma_chain", "Poison overwritten"),
    Case("use-after-free", "kasan: BUG: KASAN: use-after-free in", "unlink_anon_vmas (mm/rmap.c:", SLOW, SANITIZERS),
    Case("shift-too-far", "ubsan: UBSAN: shift-out-of-bounds", "(mm/rmap.c:388", SLOW, SANITIZERS),
    Case("use-after-free", "kasan: BUG: KFENCE: use-after-free read in", "kfence-#", MANY, KFENCE),
)

# The same on later kernels, where their source is named: variable → version. Where the source moved, the patch is that
# of the version's folder; where the words moved, these are to be said.
LATER = {"KIT_TREE_6_12": "6.12", "KIT_TREE_7_3": "7.3"}
KASAN = "kasan: BUG: KASAN: slab-use-after-free in"  # since 6.4
OTHERWISE = {
    ("6.12", "use-after-free-sanitizers"): (KASAN, "unlink_anon_vmas (mm/rmap.c:"),
    ("7.3", "use-after-free-sanitizers"): (KASAN, "unlink_anon_vmas (mm/rmap.c:"),
    ("6.12", "shift-too-far-sanitizers"): ("ubsan: UBSAN: shift-out-of-bounds", "(mm/rmap.c:393"),
    ("7.3", "shift-too-far-sanitizers"): ("ubsan: UBSAN: shift-out-of-bounds", "(mm/rmap.c:443"),
    ("7.3", "warn-in-clone"): ("warning: WARNING: ", "anon_vma_clone"),
    # dup_mmap() itself takes down what it had copied; in 6.1 exit_mmap() does, and takes the mm's lock first.
    ("7.3", "leak-lock-on-error"): ("lockdep-recursive: WARNING: possible recursive locking", "unlink_anon_vmas"),
    # No grace period runs that could be late, and its thread cannot begin one.
    ("6.12", "loop-preempt-off"): ("soft-lockup: watchdog: BUG: soft lockup", "unlink_anon_vmas"),
    # Nor here, where x86 is preemptible (PREEMPT_LAZY).
    ("7.3", "loop-preempt-off"): ("soft-lockup: watchdog: BUG: soft lockup", "unlink_anon_vmas"),
}

# They are booted together, so that the good kernel boots once; apart those that hang, or have a machine or a kernel of
# their own.
HANG = {
    *("lock-twice", "loop-irqs-off", "loop-preempt-off", "leak-lock-on-error", "leak-mutex", "hang-before-console"),
    *("hang-before-init", "one-pass-unlink", "unlock-twice"),
}
TOGETHER = {
    "said": [c for c in CASES if c.patch not in HANG and not c.changes and c.fragments == FRAGMENTS["checking"]],
    "hang": [c for c in CASES if c.patch in HANG],
    "two-vcpus": [c for c in CASES if c.changes == TWO],
    "little-memory": [c for c in CASES if c.patch == "leak-memory"],
    "sanitizers": [c for c in CASES if c.fragments == SANITIZERS],
    "kfence": [c for c in CASES if c.fragments == KFENCE],
}

# The same faults in the words of older kernels, where their source is named: version → cases. KIT_TREE_3_0 …
DEADLOCK = "lockdep-recursive: INFO: possible recursive locking"
OLDER = {
    "2.6.38": (
        Case("warn-in-clone", "warning: WARNING: at", "anon_vma_clone"),
        Case("lock-twice", DEADLOCK, "anon_vma_clone"),
    ),
    "3.0": (
        Case("warn-in-clone", "warning: WARNING: at", "anon_vma_clone"),
        Case("lock-twice", DEADLOCK, "anon_vma_fork"),
        Case("null-in-fork", "panic: BUG: unable to handle kernel NULL pointer dereference", "copy_process"),
        Case("loop-preempt-off", "soft-lockup: BUG: soft lockup", "unlink_anon_vmas"),
    ),
    "5.10": (
        Case("warn-in-clone", "warning: WARNING: CPU", "anon_vma_clone"),
        Case("lock-twice", "lockdep-recursive: WARNING: possible recursive locking", "anon_vma_fork"),
    ),
}


def experiment(arm: list[str], baseline: list[str], **changes: Any) -> dict[str, Any]:
    return several({"new": arm}, baseline, **changes)


def several(arms: dict[str, list[str]], baseline: list[str], **changes: Any) -> dict[str, Any]:
    guest = {"cpus": [1], "memory": "256M", "accel": "tcg", "limit": LIMIT, **changes.pop("guest", {})}
    return {
        "baseline": "good",
        "arms": {name: {"series": series} for name, series in {"good": baseline, **arms}.items()},
        "guest": guest,
        "workloads": [{"fork-chain": {"depth": [0, 2], "forks": 40, "vmas": 2}}],
        "evidence": ["check"],
        **changes,
    }


def patch(name: str, version: str = "6.1") -> str:
    own = BROKEN / f"v{version}" / f"{name}.patch"
    return str(own if own.exists() else BROKEN / f"{name}.patch")


def keep(result: RunResult, name: str, version: str = "6.1", arm: str = "new") -> None:
    """If KIT_KEEP_LOGS names a folder, keeps the console of the arm's last boot there, for tests/golden."""
    if folder := os.environ.get("KIT_KEEP_LOGS"):
        last = max(result.folder.glob(f"console/*-{arm}-*.log"), key=lambda path: path.stat().st_mtime_ns)
        (Path(folder) / f"{version}-{name}.log").write_bytes(last.read_bytes())


def gated(case: Case) -> Any:
    """A case that hangs, or depends on luck with reclaim, takes minutes: it runs only on request."""
    quick = case.patch in ("warn-in-clone", "lock-twice", "null-in-fork", "panic-at-boot")
    why = "set KIT_TEST_BROKEN=1 to run every broken kernel (half an hour)"
    marks = [] if quick else [pytest.mark.skipif(not os.environ.get("KIT_TEST_BROKEN"), reason=why)]
    return pytest.param(case, id=name_of(case), marks=marks)


def name_of(case: Case) -> str:
    """The patch's name, and what its checking kernel has besides."""
    return "-".join((case.patch, *[f for f in case.fragments if f in ("sanitizers", "kfence")]))


@pytest.mark.parametrize("case", [gated(case) for case in CASES])
def test_a_broken_patch_is_named(run: Run, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.experiment.arms, "FRAGMENTS", {**FRAGMENTS, "checking": case.fragments})
    result = run(experiment([patch(case.patch)], [], **case.changes))
    keep(result, name_of(case))
    named(result, case)


@pytest.mark.skipif(not os.environ.get("KIT_TEST_BROKEN"), reason="set KIT_TEST_BROKEN=1: 25 kernels each")
@pytest.mark.parametrize("cases", TOGETHER.values(), ids=TOGETHER)
@pytest.mark.parametrize("variable", LATER)
def test_broken_patches_are_named_on_later_kernels(
    run: Run, variable: str, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    version, source = LATER[variable], tree(variable)
    monkeypatch.setattr(kit.experiment.arms, "FRAGMENTS", {**FRAGMENTS, "checking": cases[0].fragments})
    arms = {case.patch: [patch(case.patch, version)] for case in cases}
    result = run(several(arms, [], tree=source, **cases[0].changes))
    for case in cases:
        keep(result, name_of(case), version, case.patch)
    wrong = [case.patch for case in cases if not blamed(result, case.patch, said_on(version, case))]
    assert not wrong, [(f["arm"], f["why"], f["excerpt"][:200]) for f in result.verdict["splats"]["broken"]]
    assert {fault["arm"] for fault in result.verdict["splats"]["broken"]} == set(arms)


def said_on(version: str, case: Case) -> Case:
    """The case in the words of that kernel version."""
    said, excerpt = OTHERWISE.get((version, name_of(case)), (case.said, case.excerpt))
    return case._replace(said=said, excerpt=excerpt)


@pytest.mark.parametrize(
    ("version", "case"), [pytest.param(v, case, id=f"{v}-{name_of(case)}") for v in OLDER for case in OLDER[v]]
)
def test_a_broken_patch_is_named_in_an_older_kernel_s_words(run: Run, version: str, case: Case) -> None:
    result = run(experiment([patch(case.patch, version)], [], tree=tree(f"KIT_TREE_{version.replace('.', '_')}")))
    keep(result, case.patch, version)
    named(result, case)


def named(result: RunResult, case: Case) -> None:
    """The verdict blames only the patched arm, for this fault, and the report says so."""
    verdict = result.verdict
    faults = verdict["splats"]["broken"]
    assert (verdict["verdict"], result.exit_code) == ("broken", NOT_AS_EXPECTED), verdict["sentence"]
    assert {fault["arm"] for fault in faults} == {"new"}, faults
    assert blamed(result, "new", case), faults
    assert verdict["evidence"]["check"]["verdict"] == "broken"
    assert verdict["boots"]["ok"] >= 1
    assert verdict["sentence"] in render(verdict, result.folder).replace("BROKEN (not as expected): ", "Broken: ")


def blamed(result: RunResult, arm: str, case: Case) -> bool:
    """Whether that arm is blamed for this fault, with its words and an excerpt that names the place."""
    faults = [fault for fault in result.verdict["splats"]["broken"] if fault["arm"] == arm]
    said = any(case.said in fault["why"] for fault in faults)
    return said and any(case.excerpt in fault["excerpt"] for fault in faults)


@pytest.mark.skipif(not os.environ.get("KIT_TEST_BROKEN"), reason="set KIT_TEST_BROKEN=1: two boots hang")
def test_a_deadlock_that_nothing_reports_is_found_all_the_same(run: Run) -> None:
    """The counting kernel has neither lockdep's checks nor hung-task detection nor sysrq: an NMI shows the place."""
    result = run(experiment([patch("one-pass-unlink")], [], evidence=["count"]))
    keep(result, "one-pass-unlink-counting")
    [fault] = result.verdict["splats"]["broken"]
    assert (result.verdict["verdict"], result.exit_code) == ("broken", NOT_AS_EXPECTED), result.verdict["sentence"]
    assert "hang: no end after" in fault["why"]
    where = "anon_vma_free|__put_anon_vma|unlink_anon_vmas"
    assert re.search(rf"in the workload, task \w+ stands in ({where})", fault["why"])


def test_what_the_baseline_shows_too_is_not_held_against_a_patch(run: Run) -> None:
    unlink = str(PROJECT / "patches/v6.1/unbatch-unlink.patch")
    result = run(experiment([patch("warn-in-clone"), unlink], [patch("warn-in-clone")]))
    assert (result.verdict["verdict"], result.exit_code) == ("same", OK), result.verdict["sentence"]
    assert result.verdict["splats"] == {"broken": [], "could_not_run": [], "once": []}


def test_the_baselines_own_lockdep_report_makes_the_check_blind_not_the_patch_broken(run: Run) -> None:
    bad = patch("rcu-outside")
    result = run(experiment([bad, patch("warn-in-clone")], [bad]))
    assert result.verdict["verdict"] == "broken"
    assert all("warning" in fault["why"] for fault in result.verdict["splats"]["broken"])


def test_two_good_arms_are_the_same_on_two_vcpus(run: Run) -> None:
    result = run(experiment([str(PROJECT / "patches/v6.1/unbatch-clone.patch")], [], guest={"cpus": [2]}))
    assert (result.verdict["verdict"], result.exit_code) == ("same", OK), result.verdict["sentence"]
    assert result.verdict["boots"]["ok"] == 2
