"""Records to JSON and back: what boots.jsonl and the cache hold is the Boot that was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.records import (
    Boot,
    GuestVma,
    HostRecord,
    HostState,
    LockRow,
    Outcome,
    PayloadRun,
    Pinned,
    Printed,
    Results,
    Splat,
    UserTime,
    Verdict,
    WindowResult,
    digest,
    to_json,
)
from kit.records.decode import boot_from_json

TEXT, COUNT = st.text(max_size=8), st.integers(0, 2**63)
ROWS = st.lists(st.builds(LockRow, TEXT, st.sampled_from(["", "R", "W"]), COUNT, COUNT), max_size=2).map(tuple)
VMAS = st.lists(st.builds(GuestVma, COUNT, COUNT, TEXT, COUNT, TEXT), max_size=2).map(tuple)
USERS = st.lists(st.builds(UserTime, COUNT, COUNT), max_size=2).map(tuple)
WINDOWS = st.lists(st.builds(WindowResult, TEXT, COUNT, ROWS, USERS, st.none() | COUNT), max_size=2).map(tuple)
PRINTED = st.builds(Printed, COUNT, TEXT, TEXT)
RUNS = st.builds(PayloadRun, TEXT, COUNT, st.integers(-1, 255), COUNT, COUNT, PRINTED, PRINTED)
PAYLOADS = st.lists(RUNS, max_size=2).map(tuple)
RESULTS = st.builds(Results, TEXT, st.integers(1, 8), st.dictionaries(TEXT, VMAS, max_size=2), WINDOWS, PAYLOADS)
STATES = st.builds(HostState, st.floats(0, 1e3), COUNT, COUNT, TEXT, TEXT, TEXT)
PINNED = st.builds(Pinned, st.lists(COUNT, max_size=2).map(tuple), TEXT)
HOSTS = st.builds(HostRecord, STATES, STATES, st.none() | PINNED)
SPLATS = st.lists(st.builds(Splat, TEXT, TEXT, COUNT, TEXT), max_size=2).map(tuple)
BOOTS = st.builds(
    Boot,
    key=TEXT,
    arm=TEXT,
    kernel_key=TEXT,
    evidence=TEXT,
    cpus=COUNT,
    accel=TEXT,
    repeat=COUNT,
    block=COUNT,
    order=COUNT,
    outcome=st.sampled_from(Outcome),
    why=TEXT,
    seconds=st.floats(0, 1e6),
    console=TEXT,
    results=st.none() | RESULTS,
    splats=SPLATS,
    reused=TEXT,
    host=st.none() | HOSTS,
)


@given(BOOTS)
def test_a_boot_comes_back_as_it_was(boot: Boot) -> None:
    back = boot_from_json(json.loads(json.dumps(to_json(boot))))
    assert back == boot
    assert isinstance(back.outcome, Outcome)


@pytest.mark.parametrize("value", [{}, {"outcome": "ok"}, {"outcome": "ok", "splats": [], "x": 1}])
def test_what_is_no_boot(value: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        boot_from_json({"results": None, **value})


def test_digests_follow_content_not_order() -> None:
    assert digest({"a": 1, "b": (2, 3)}) == digest({"b": [2, 3], "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    assert to_json({1: Verdict.SAME, "x": (Splat("k", "t", 1, "e"),)}) == {
        "1": "same",
        "x": [{"kind": "k", "title": "t", "line": 1, "excerpt": "e"}],
    }
    assert len(digest(None)) == 24
