"""Each reader of what comes from outside, on the corpus and on mutations of it; `fuzz.py` makes as many as wanted."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
from pathlib import Path

import pytest

from . import guard
from .fuzz import case_of
from .guard import bound_memory, checked
from .mutate import mutated
from .targets import HERE, PROJECT, TARGETS

CASES = 40  # for each unit of a target's share, at most MOST; some seconds for all
MOST = 240
SEED = 20261201


def test_each_target_has_texts_and_each_text_a_target() -> None:
    assert all(target.texts(name) for name, target in TARGETS.items())
    assert {path.name for path in (HERE / "corpus").iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_in_the_corpus_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    for text in target.texts(name):
        finding = checked(name, target.read, target.refusals, text)
        assert finding is None, finding.said


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    texts = target.texts(name)
    for number in range(min(MOST, CASES * target.share)):
        case = f"{name}-{SEED}-{number}"
        finding = checked(name, target.read, target.refusals, case_of(name, texts, SEED, number), case)
        assert finding is None, f"{case}\n{finding.said}"


def test_a_case_can_be_made_again() -> None:
    texts = [b"one 1\n", b'{"two": [1, 2]}']
    cases = [mutated(random.Random(f"x 1 {n}"), texts) for n in range(200)]
    assert cases == [mutated(random.Random(f"x 1 {n}"), texts) for n in range(200)]
    assert len(set(cases)) > 150
    assert not {*texts} >= {*cases}


def test_a_reader_that_crashes_is_found() -> None:
    finding = checked("x", lambda data: int(data), (KeyError,), b"a", "x-1-1")
    assert finding is not None
    assert finding.key.startswith("ValueError at ")
    assert checked("x", lambda data: int(data), (ValueError,), b"a") is None


def test_a_reader_that_does_not_end_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.05)

    def stuck(_data: bytes) -> None:
        while True:
            pass

    finding = checked("x", stuck, (Exception,), b"")
    assert finding is not None
    assert finding.key.startswith("slow at ")


def test_a_reader_that_wants_too_much_memory_is_found() -> None:
    with multiprocessing.get_context("fork").Pool(1, initializer=bound_memory) as pool:
        assert pool.apply(_hungry, (guard.MEMORY // 2,)) is None
        assert str(pool.apply(_hungry, (guard.MEMORY * 2,))).startswith("MemoryError at ")


def _hungry(size: int) -> str | None:
    finding = checked("x", lambda _data: bytearray(size), (), b"")
    return finding.key if finding else None


def test_the_script_says_how_many_and_ends_with_1_for_a_finding(tmp_path: Path) -> None:
    argv = [sys.executable, str(HERE / "fuzz.py"), "--only", "smaps", "--cases", "500", "--keep", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=PROJECT, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "500 cases, seed 1, " in done.stdout
    assert "0 findings" in done.stdout
