"""Tables and plain JSON as people have them: read correctly, or refused with their place; directions; labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit.base.errors import UserError
from kit.outside import Outside, read_outside, read_sides
from kit.outside.directions import directions, rules_of
from kit.outside.units import direction_of


def read(tmp_path: Path, text: str) -> Outside:
    (tmp_path / "side").write_text(text, newline="")
    return read_outside(str(tmp_path / "side"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a;time_ms\n1;12.5\n2;13.5\n", {"a": [1, 2], "time_ms": [12.5, 13.5]}),
        ('run,t\nr1,"12.3 ms"\nr2,"0.0125 s"\n', {"t": [0.0123, 0.0125]}),
        ('t\n"1,234,567"\n"1,234.5"\n', {"t": [1234567, 1234.5]}),
        ("x\n12%\n13%\n", {"x": [12, 13]}),
        ("size\n1 KiB\n2 kB\n", {"size": [1024, 2000]}),
        ("\ufefftime_ms\r\n1\r\n2\r\n", {"time_ms": [1, 2]}),
        ("a,b\n1,\n,2\n3,NA\n", {"a": [1, 3], "b": [2]}),
        ("a\n1e5\n+3.\n.5\n-2\n0\n", {"a": [1e5, 3, 0.5, -2, 0]}),
        ("# made by x\ntime_ms\n1\n2\n", {"time_ms": [1, 2]}),
        (",time_ms\n0,10\n1,11\n2,12\n", {"time_ms": [10, 11, 12]}),
        ("benchmark,time_ms\nfork,10\nexec,20\n", {"fork time_ms": [10], "exec time_ms": [20]}),
        (
            "benchmark,threads,run,time_ms\nfork,1,1,10\nfork,2,1,20\nfork,1,2,11\nexec,1,1,5\n",
            {"fork threads=1 time_ms": [10, 11], "fork threads=2 time_ms": [20], "exec threads=1 time_ms": [5]},
        ),
        ("suite,test,t\na,x,1\nb,x,2\na,y,3\na,x,4\n", {"a x t": [1, 4], "b x t": [2], "a y t": [3]}),
        ("size,bw MB/s\n4K,100\n8K,200\n4K,101\n", {"4K bw MB/s": [100, 101], "8K bw MB/s": [200]}),
        ('name,t\n"a\nb",1\n"a\nb",2\nc,3\n', {"a\nb t": [1, 2], "c t": [3]}),
        ('{"fork": {"time_ms": [1, 2]}, "meta": {"host": "x"}}', {"fork.time_ms": [1, 2]}),
        ('[{"b": "fork", "t": 1}, {"b": "exec", "t": 2}, {"b": "fork", "t": 3}]', {"fork t": [1, 3], "exec t": [2]}),
        ('{"b": "fork", "t": 1}\n{"b": "exec", "t": 2}\n', {"fork t": [1], "exec t": [2]}),
        ('{"t": {"0": 1.5, "1": 2.5}}', {"t": [1.5, 2.5]}),
        ('{"columns": ["t"], "index": [0, 1], "data": [[1], [2]]}', {"t": [1, 2]}),
    ],
)
def test_it_is_read_right(text: str, wanted: dict[str, list[float]], tmp_path: Path) -> None:
    found = read(tmp_path, text).groups
    assert {m: list(g.values) for m, g in found.items()} == {m: pytest.approx(v) for m, v in wanted.items()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lauf;latenz_ms\n1;12,3\n2;12,4\n", ":2: not a number: '12,3' in column latenz_ms"),
        ('ops/s\n"1,234"\n', ":2: not a number: '1,234' in column ops/s"),
        ("t\n12.3 ms\n12.3\n", ":3: units differ in column t: s and none"),
        ('name,t\n"a\nb",1\nc,x\n', ":4: not a number: 'x' in column t"),
        ("a,a\n1,2\n", ":1: two columns are called a"),
        ("a\n1\ntrue\n", ":3: not a number: 'true'"),
        ("a\n1\nInfinity\n", ":3: not a finite number: 'Infinity'"),
        ("a\n1_000\n", ":2: not a number: '1_000'"),
        ("n,mean,stderr\n10,5.0,0.1\n", ":1: a mean without the standard deviation"),
        ("mean,stddev\n5.0,0.1\n", ":1: a mean without the number of runs"),
        ('{"b": [1,\n"x"]}', ":1: b, value 2: not a number: 'x'"),
        ('{"a": [1, NaN]}', ":1: a, value 2: not a finite number"),
        ('{"a": ["1.5", "2.5"]}', ":1: a, value 1: not a number: '1.5'"),
        ('{"a": [true, 1]}', ":1: a, value 1: not a number: True"),
        ('{"a": 1, "a": 2}', ":1: a stands twice in one object"),
        ('[{"a": [1]}]', ", *row 1, a: not a number|row 1, a: not a number"),
        ("BenchmarkX-8 100 12,5 ns/op\n", ":1: not a number: '12,5'"),
    ],
)
def test_it_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, text)


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    assert "a: 1 null left out, 2 values stay" in read(tmp_path, '{"a": [1, null, 2], "b": "x"}').notes
    assert "no numbers, left out: b" in read(tmp_path, '{"a": [1, null, 2], "b": "x"}').notes
    (note,) = read(tmp_path, "a,b\n1,\n2,3\n").notes
    assert note.startswith("b: 1 cell without a value left out (")
    assert note.endswith(":2)")
    assert read(tmp_path, "run,t\n1,5\n2,6\n").notes == ("run: counts the runs, no metric",)


def test_a_label_that_only_tells_the_sides_apart_is_said(tmp_path: Path) -> None:
    for name, kernel in (("a", "6.1"), ("b", "6.2")):
        (tmp_path / name).write_text(f"kernel,time_ms\nv{kernel}-rc,1\nv{kernel}-rc,2\n")
    base, arm = read_sides([str(tmp_path / "a"), str(tmp_path / "b")])
    assert (list(base.groups), list(arm.groups)) == (["time_ms"], ["time_ms"])
    assert "kernel: v6.1-rc in a, v6.2-rc in b" in base.notes
    both = tmp_path / "both"
    both.write_text("kernel,time_ms\nold,1\nold,2\nnew,3\n")
    base, arm = read_sides([f"{both}:old", f"{both}:new"])
    assert (base.name, base.groups["time_ms"].values, arm.groups["time_ms"].values) == ("old", (1, 2), (3,))


@pytest.mark.parametrize(
    ("metric", "more"),
    [
        ("fsmark.files_per_sec", True),
        ("forks per second", True),
        ("Copy [MB/s]", True),
        ("images_sec", True),
        ("usec_per_loop", False),
        ("mean [ms]", False),
        ("build_s", False),
        ("pft.faults_per_sec_per_cpu", True),
        ("error_rate", None),
        ("errors/s", None),
        ("dropped packets/s", None),
        ("drops", None),
        ("loops", None),
        ("score", None),
        ("uptime_s", None),
        ("stddev_ms", None),
        ("wakeups/s", None),
        ("widgets_s", None),
        ("time.elapsed_time", None),
        ("kbuild.time.system_time", None),
        ("perf-stat.ps.instructions", None),
        ("iostat.sda.wkB/s", None),
        ("pts.x.milliseconds", None),
    ],
)
def test_only_whole_units_tell(metric: str, more: bool | None) -> None:
    assert direction_of(metric) is more


def test_options_come_before_units_and_the_last_wins(tmp_path: Path) -> None:
    side = read(tmp_path, '{"a_ms": 1, "odd": 1, "time.user_time": 1}')

    def asked(*options: str) -> dict[str, Any]:
        return directions(rules_of(options), list(side.groups), [side])

    assert asked() == {"a_ms": False, "odd": None, "time.user_time": None}
    assert asked("more") == {"a_ms": True, "odd": True, "time.user_time": None}
    assert asked("more", "a*=less", "time.*=less") == {"a_ms": False, "odd": True, "time.user_time": False}
    for option, words in (("q=more", "no metric is like q"), ("odd=up", "more, less or METRIC=more")):
        with pytest.raises(UserError, match=words):
            asked(option)
