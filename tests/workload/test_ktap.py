"""Test results in KTAP and TAP: many forms of output, and Linux's own reader on the logs that it is tested with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.workload.ktap import Results, Tally, read_ktap

# Prints, for each log of a kernel tree's kunit: [passed, failed or crashed, skipped], or null where it finds no KTAP.
ORACLE = """
import inspect, json, pathlib
import kunit_parser, kunit_printer
out = {}
for log in sorted(pathlib.Path('test_data').glob('*.log')):
    lines = log.read_text(errors='replace').splitlines(True)
    more = len(inspect.signature(kunit_parser.parse_run_tests).parameters) - 1  # a printer, since 6.15
    test = kunit_parser.parse_run_tests(lines, *[kunit_printer.stdout] * more)
    c = test.counts
    found = test.status is not kunit_parser.TestStatus.FAILURE_TO_PARSE_TESTS
    out[log.name] = [c.passed, c.failed + c.crashed, c.skipped] if found else None
print(json.dumps(out))
"""


def tally(text: str) -> tuple[int, int, int, int]:
    """(passed, failed, skipped, missing) of the tests themselves."""
    results = read_ktap(text)
    assert results is not None
    return tuple(vars(results.tests).values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TAP version 13\n1..2\nok 1 a\nnot ok 2 b\n", (1, 1, 0, 0)),
        ("KTAP version 1\n1..2\n    1..2\n    ok 1 x\n    ok 2 y\nnot ok 1 a\nok 2 b\n", (3, 1, 0, 0)),
        ("KTAP version 1\n1..1\n    1..2\n    ok 1 x\n    not ok 2 y\nnot ok 1 a\n", (1, 1, 0, 0)),
        ("KTAP version 1\n1..1\n    1..2\n    ok 1 x\nnot ok 1 a\n", (1, 0, 0, 1)),
        ("KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n        ok 1 x\nnot ok 1 a\n", (1, 1, 0, 0)),
        ("KTAP version 1\n1..3\n\tKTAP version 1\n\t1..1\n\tok 1 x\nok 1 a\nok 2 b\n", (2, 0, 0, 1)),
        ("TAP version 13\nok 1 a\nok 2 b\n1..2\n", (2, 0, 0, 0)),
        ("TAP version 13\nok 1 a\n1..2\n", (1, 0, 0, 1)),
        ("KTAP version 1\n1..1\n    ok 1 x\n    ok 2 y\n    1..2\nok 1 a\n", (2, 0, 0, 0)),
        ("TAP version 13\n1..1\nok 1 a\nTAP version 13\n1..2\nok 1 a\n", (2, 0, 0, 1)),
        ("1..1\nok 1 a\n1..2\nok 1 b\nok 2 c\n", (3, 0, 0, 0)),
        ("TAP version 14\n1..3\nok\nok - b\nnot ok\n", (2, 1, 0, 0)),
        ("1..4\nok 1 a # SKIP none\nnot ok 2 b # skip\nnot ok 3 c # TODO x\nnot ok 4 # XFAIL y\n", (0, 0, 4, 0)),
        ("1..3\nok 1 a # TODO works by now\nok 2 b # XFAIL\nnot ok 3 c # TIMEOUT 45 seconds\n", (2, 1, 0, 0)),
        ("KTAP version 1\n1..2\n    1..2\n    ok 1 x\n", (1, 0, 0, 2)),
        ("KTAP version 1\n1..1\n    # Subtest: a\n    1..1\n    ok 1 x\n", (1, 0, 0, 1)),
        ("1..0 # SKIP no hardware\n", (0, 0, 0, 0)),
        ("KTAP version 1\n1..1\nok 1 a\nreboot: System halted\nnot ok 2 b\n", (1, 0, 0, 0)),
    ],
)
def test_what_counts(text: str, expected: tuple[int, int, int, int]) -> None:
    assert tally(text) == expected


@pytest.mark.parametrize(
    "stamp",
    ["[    0.100000] ", "[    0.100000][    T1] ", "<6>[    0.100000] ", "[  100.000001][   C3] ", "host: [9.5] "],
)
def test_lines_behind_a_stamp_or_any_prefix(stamp: str) -> None:
    lines = ["KTAP version 1", "1..2", "    KTAP version 1", "    1..1", "    ok 1 x", "ok 1 a", "not ok 2 b"]
    assert tally("".join(f"{stamp}{line}\n" for line in lines)) == (1, 1, 0, 0)


def test_stamps_of_different_length() -> None:
    text = "[99999.999999] TAP version 14\n[100000.000001] 1..1\n[100000.000002] \t1..1\n[100000.000003] ok 1 a\n"
    assert tally(text) == (0, 0, 0, 1)


def test_what_kselftests_print_behind_a_hash_is_told_apart() -> None:
    text = "TAP version 13\n1..2\n# TAP version 13\n# 1..3\n# ok 1 x\n# ok 2 y\n# Aborted\nnot ok 1 a\nok 2 b\n"
    assert read_ktap(text) == Results(Tally(passed=1, failed=1), Tally(passed=2, missing=1))


@pytest.mark.parametrize(
    "text", ["", "hello\n", "ok, that went well\nnot ok at all\n", "# comment\n", "ok\n", "okay 1\n", "error: 1..2 x\n"]
)
def test_what_is_no_ktap(text: str) -> None:
    assert read_ktap(text) is None


def trees() -> list[Path]:
    """The kernel trees of this machine that have kunit's reader: those in kit's cache, and those named by the
    environment."""
    cache = Path(os.environ.get("KIT_CACHE") or Path.home() / ".cache" / "kit") / "trees"
    named = [Path(value) for name, value in os.environ.items() if name.startswith("KIT_TREE_")]
    found = [*(cache.iterdir() if cache.is_dir() else ()), *named]
    return sorted(t for t in found if (t / "tools/testing/kunit/kunit_printer.py").is_file())  # since 5.19


def test_the_kernels_own_reader_counts_the_same_in_its_own_logs() -> None:
    if not trees():
        pytest.skip("no kernel tree with tools/testing/kunit on this machine: `kit run configs/aim7.yaml` unpacks one")
    for tree in trees():
        kunit = tree / "tools/testing/kunit"
        run = subprocess.run(
            [sys.executable, "-B", "-c", ORACLE], cwd=kunit, capture_output=True, text=True, timeout=60, check=True
        )
        logs = json.loads(run.stdout.splitlines()[-1])
        assert len(logs) >= 20, tree
        for name, expected in logs.items():
            results = read_ktap((kunit / "test_data" / name).read_text(errors="replace"))
            counted = results and results.tests
            mine = counted and [counted.passed, counted.failed + counted.missing, counted.skipped]
            assert mine == expected, f"{tree.name}: {name}"
