"""Metrics read from what programs print, format by format."""

from __future__ import annotations

import pytest

from kit.records import LESS
from kit.workload.metrics import KTAP_BETTER, MOST_METRICS, read_metrics

STRESS = """\
stress-ng: metrc: [32] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [32]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [32] fork                 50      4.45      0.12      4.31        11.24          11.30
"""
KTAP = """\
TAP version 13
1..3
ok 1 - first
# diagnostic: not ok is no result here
    KTAP version 1
    1..3
    ok 1 inner one
    not ok 2 inner two
    ok 3 inner three # SKIP no hardware
not ok 2 - second
ok 3 third # TODO later
"""


def read(text: str, format_: str | dict[str, str]) -> dict[str, tuple[float, str]]:
    return {m.name: (m.value, m.unit) for m in read_metrics(text, format_)}


def test_a_pattern_with_names() -> None:
    pattern = r"stress-ng: metrc: \[\d+\] (?P<name>[a-z]+) +(?P<value>\d+) "
    assert read(STRESS, {"regex": pattern}) == {"fork": (50, "")}


def test_a_pattern_without_a_name_and_one_that_finds_no_number() -> None:
    assert read("took 3 ms, 5 ms", {"regex": r"(?P<value>\d+) (?P<unit>ms)"}) == {"value": (4, "ms")}
    assert read("took x", {"regex": r"took (?P<value>\w+)"}) == {}
    assert read("a\nb 1", {"regex": r"^a(?P<value>\d)?"}) == {}


def test_key_value() -> None:
    text = "Faults: 12 pages\nrate = 1.5e3\n time:.5s,\nversion: 1.2.3\nname: x\n: 4\nhttp://x:80/\n"
    assert read(text, "key-value") == {"Faults": (12, "pages"), "rate": (1500, ""), "time": (0.5, "s")}


def test_json() -> None:
    text = '{"a": {"b": [1, 2.5]}, "ok": true, "s": "7", "n": null, "big": 1e999}'
    assert read(text, "json") == {"a.b.0": (1, ""), "a.b.1": (2.5, "")}
    assert read('log\n{"x": 1}\n{"x": 3}\n{broken\n', "json") == {"x": (2, "")}
    assert read("42", "json") == {"value": (42, "")}
    assert read("[" * 100_000, "json") == {}


def test_ktap_counts_leaves_only() -> None:
    assert read(KTAP, "ktap") == {
        "passed": (3, "tests"),
        "failed": (1, "tests"),
        "skipped": (1, "tests"),
        "missing": (0, "tests"),
    }


@pytest.mark.parametrize(
    ("text", "missing"),
    [("1..4\nok 1 a\n", 3), ("1..1\n    1..5\n    ok 1 a\nok 1 b\n", 4), ("ok 1 a\n", 0), ("1..0 # SKIP\n", 0)],
)
def test_ktap_results_that_never_came(text: str, missing: int) -> None:
    assert read(text, "ktap")["missing"] == (missing, "tests")


def test_ktap_of_kselftests_has_inner_results() -> None:
    text = "TAP version 13\n1..1\n# 1..2\n# ok 1 x\n# not ok 2 y\nnot ok 1 a\n"
    assert read(text, "ktap")["failed"] == (1, "tests")
    assert read(text, "ktap")["inner failed"] == (1, "tests")
    assert KTAP_BETTER["inner failed"] == LESS


def test_what_is_no_ktap_has_no_metric() -> None:
    assert read("Segmentation fault\n", "ktap") == {}


def test_no_more_metrics_than_anybody_reads() -> None:
    text = "".join(f"key{n}: {n}\n" for n in range(MOST_METRICS + 5))
    assert len(read(text, "key-value")) == MOST_METRICS
