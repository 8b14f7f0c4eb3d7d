"""Experiment files: good ones are read; every mistake gives one message with its place, never a traceback."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.base.errors import UserError
from kit.experiment.reader import read_experiment
from kit.records import Experiment
from kit.run.job import write_experiment

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
name: mine
baseline: without
arms:
  without: {series: [fix.patch], profile: "6.1-unbatched-clone"}
  with:
    series: []
    profile: "6.1"
guest:
  cpus: [1, 2]
workloads:
  - fork-chain: {depth: 0..2, forks: 10}
  - aim7: {mix: {fork_test: 1}, users: [1, 2], jobs: 2}
"""
Read = Callable[..., Experiment]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a text as an experiment file beside `fix.patch`."""
    (tmp_path / "fix.patch").touch()

    def call(text: str | bytes, *overrides: str) -> Experiment:
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_experiment(path, overrides)

    return call


def refusal(read: Read, text: str | bytes, *overrides: str) -> UserError:
    with pytest.raises(UserError) as caught:
        read(text, *overrides)
    assert "\n" not in caught.value.what
    return caught.value


def test_what_a_good_file_becomes(read: Read, tmp_path: Path) -> None:
    exp = read(GOOD)
    assert (exp.name, exp.baseline, exp.cpus, exp.memory, exp.accel) == ("mine", "without", (1, 2), 512, "auto")
    assert exp.arm("without").series[0].path == str(tmp_path / "fix.patch")
    assert (exp.arm("with").tree, exp.limit, exp.locks) == ("debian:6.1", 0.01, ("anon_vma",))
    assert [(w.kind, w.name) for w in exp.workloads] == [("fork-chain", "fork-chain"), ("aim7", "aim7")]
    assert exp.workloads[0].params["depth"] == [0, 1, 2]


def test_the_project_s_own_files_are_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_TREE_3_0", str(tmp_path))
    monkeypatch.delenv("KIT_LINUX", raising=False)
    programs = tmp_path / "bin"  # one that configs/stress-ng.yaml names need not be installed here
    programs.mkdir()
    shutil.copy("/bin/true", programs / "stress-ng")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{programs}")
    for path in (ROOT / "configs").glob("*.yaml"):
        if "$KIT_LINUX" in path.read_text(encoding="utf-8"):  # tests/run/test_old_kernels.py has a history for it
            with pytest.raises(UserError, match="KIT_LINUX is not set"):
                read_experiment(path)
        else:
            assert read_experiment(path).arms


def test_a_resolved_file_is_read_as_the_same_experiment(tmp_path: Path) -> None:
    changes = ["limit=0.00001", "accept=[{pattern: x, why: y}]", "guest.limit=77"]
    first = replace(read_experiment(ROOT / "configs/aim7.yaml", changes), order_seed=7)  # a run draws it
    write_experiment(first, tmp_path)
    (tmp_path / "again").mkdir()
    second = read_experiment(tmp_path / "experiment.yaml")
    assert {**vars(second), "arms": None} == {**vars(first), "arms": None}
    assert [(a.name, a.tree, a.profile, len(a.series)) for a in second.arms] == [
        (a.name, a.tree, a.profile, len(a.series)) for a in first.arms
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("name: mine", "nam: mine", 1, "unknown key `nam` nearest: name"),
        ("name: mine\n", "", 1, "`name` is missing"),
        ("guest:\n", "gest:\n", 8, "unknown key `gest` nearest: guest"),
        ("  cpus: [1, 2]", "  cpu: [1, 2]", 9, "unknown key `guest.cpu` nearest: cpus"),
        ("    profile: ", "    profil: ", 7, "unknown key `arms.with.profil` nearest: profile"),
        ('"6.1"', '"6.01"', 7, "no such profile: 6.01; nearest: 6.1"),
        ('"6.1"', "6.1", 7, "YAML reads it as a number: put it in quotes"),
        ("mine", "on", 1, "YAML reads it as yes or no: put it in quotes"),
        ("mine", "a b", 1, "not a name"),
        ("mine", "'" + "x" * 41 + "'", 1, "not a name"),
        ("  with:\n", "  on:\n", 5, 'YAML reads the key `on` as yes or no, not as a name put it in quotes: "on"'),
        ("  with:\n", "  6.1:\n", 5, "YAML reads the key `6.1` as a number"),
        ("  with:\n", "  ? [a]\n  :\n", 5, "a key is a name"),
        ("  with:\n", "  without:\n", 5, "`without` stands twice"),
        ("  with:\n    series: []\n    profile: \"6.1\"\n", "", 3, "arms: at least 2 needed"),
        ("baseline: without", "baseline: wihtout", 2, "no arm is called wihtout nearest: without"),
        ("    series: []", "    series: fix.patch", 6, "arms.with.series: a list is wanted"),
        ("    series: []", "    series: [none.patch]", 6, "no such patch: none.patch"),
        ("    series: []", "    series: ['']", 6, "no such patch"),
        ("    series: []", "    series: ['~nobody-of-that-name/x']", 6, "no such patch"),
        ("    series: []", "    series: ['" + "x" * 5000 + "']", 6, "no such patch"),
        ("    series: []", "    series: [{ptch: x}]", 6, "unknown key `arms.with.series.0.ptch` nearest: patch"),
        ("    series: []", "    series: [{patch: fix.patch, reverse: 7}]", 6, "true or false is wanted"),
        ("    series: []", "    tree: zip:x", 6, "not a tree: 'zip:x'"),
        ("    series: []", "    tree: dir:nowhere", 6, "no such folder: nowhere"),
        ("cpus: [1, 2]", "cpus: [1, two]", 9, "guest.cpus.1: a whole number is wanted"),
        ("cpus: [1, 2]", "cpus: [[1]]", 9, "guest.cpus.0: a whole number is wanted"),
        ("cpus: [1, 2]", "cpus: '1,2'", 9, "a whole number is wanted"),
        ("cpus: [1, 2]", "cpus: []", 9, "at least 1 needed"),
        ("cpus: [1, 2]", "cpus: 9", 9, "at most 8"),
        ("cpus: [1, 2]", "cpus: true", 9, "a whole number is wanted"),
        ("cpus: [1, 2]", "memory: 512", 9, "text is wanted"),
        ("cpus: [1, 2]", "memory: 5T", 9, "not a memory size"),
        ("cpus: [1, 2]", "memory: " + "9" * 5000 + "G", 9, "not a memory size"),
        ("cpus: [1, 2]", "memory: 1M", 9, "from 64M"),
        ("cpus: [1, 2]", "accel: fast", 9, "'auto', 'kvm' or 'tcg'"),
        ("cpus: [1, 2]", "limit: 5", 9, "guest.limit: 10 or more is wanted"),
        ("guest:\n  cpus: [1, 2]\n", "guest: 7\n", 8, "guest: a mapping of keys is wanted"),
        ("  - fork-chain:", "  - fork-chian:", 11, "no such workload: fork-chian nearest: fork-chain"),
        ("{depth: 0..2, forks: 10}", "7", 11, "parameters of fork-chain are a mapping"),
        ("{depth: 0..2, forks: 10}", "[a]", 11, "parameters of fork-chain are a mapping"),
        ("depth: 0..2", "dept: 0..2", 11, "unknown key `dept` nearest: depth"),
        ("depth: 0..2", "depth: 0..99999999999", 11, "depth"),
        ("depth: 0..2", "depth: 2..0", 11, "depths are whole numbers"),
        ("depth: 0..2", "depth: 0..1..2", 11, "a depth is a number"),
        ("depth: 0..2", "depth: [0, [1]]", 11, "depths are whole numbers"),
        ("depth: 0..2", "depth: ²", 11, "a depth is a number"),
        ("depth: 0..2", "depth: 64", 11, "too large for a guest"),
        ("forks: 10", "forks: true", 11, "forks: a whole number is wanted"),
        ("forks: 10", "forks: 1000001", 11, "at most 1,000,000"),
        ("forks: 10", "written: {3: [0]}", 11, "there is no level 3"),
        ("forks: 10", "written: {0: [4]}", 11, "names a VMA that is not there"),
        ("mix: {fork_test: 1}", "mix: none", 12, "no such mix: none"),
        ("mix: {fork_test: 1}", "mix: ''", 12, "no such mix"),
        ("mix: {fork_test: 1}", "mix: x.yaml", 12, "cannot read the mix x.yaml"),
        ("mix: {fork_test: 1}", "mix: {fork: 1}", 12, "no such test: fork"),
        ("mix: {fork_test: 1}", "mix: {fork_test: .inf}", 12, "a weight is above 0"),
        ("mix: {fork_test: 1}", "mix: {fork_test: .nan}", 12, "a weight is above 0"),
        ("mix: {fork_test: 1}", "mix: {}", 12, "at least one test"),
        ("users: [1, 2]", "users: 0", 12, "users are whole numbers from 1 to 64"),
        ("jobs: 2}", "name: fork-chain}", 12, "two workloads have the name fork-chain"),
        ("jobs: 2}", "name: a/b}", 12, "not a name for a workload: 'a/b'"),
        ("guest:\n", "evidence: [count, modle]\nguest:\n", 8, "no such kind of evidence: modle; nearest: model"),
        ("guest:\n", "evidence: count\nguest:\n", 8, "evidence: a list is wanted"),
        ("guest:\n", "locks: ['']\nguest:\n", 8, "a lock class has a name"),
        ("guest:\n", "limit: [1]\nguest:\n", 8, "not a limit"),
        ("guest:\n", "limit: 100%\nguest:\n", 8, "not a limit: 100%"),
        ("guest:\n", "limit: .nan\nguest:\n", 8, "not a limit"),
        ("guest:\n", "expect: {time: better}\nguest:\n", 8, "time is not among the evidence"),
        ("guest:\n", "expect: {count: bettr}\nguest:\n", 8, "'better'"),
        ("guest:\n", "accept: [{pattern: '(', why: x}]\nguest:\n", 8, "not a regular expression"),
        ("guest:\n", "accept: [{pattern: 'a{99999999999}', why: x}]\nguest:\n", 8, "not a regular expression"),
        ("guest:\n", "accept: [{pattern: a}]\nguest:\n", 8, "`accept.0.why` is missing"),
        ("guest:\n", "budget: {blocks: 1}\nguest:\n", 8, "2 or more"),
        ("guest:\n", "seed: 0x" + "f" * 5000 + "\nguest:\n", 8, "seed"),
        ("guest:\n", "seed: " + "9" * 5000 + "\nguest:\n", None, "not YAML"),
        ("guest:\n", "tree: dir:/no/such\nguest:\n", 8, "no such folder: /no/such"),
        ("guest:\n", "tree: 'debian:'\nguest:\n", 8, "not a tree"),
    ],
)
def test_every_mistake_has_its_place(read: Read, old: str, new: str, line: int | None, words: str) -> None:
    assert old in GOOD
    error = refusal(read, GOOD.replace(old, new, 1))
    assert words in f"{error.what} {error.hint}"
    if line is not None:
        assert error.where.endswith(f"x.yaml:{line}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("# nothing\n", "it is empty"),
        ("- a\n", "a mapping of keys is wanted"),
        ("text", "a mapping of keys is wanted"),
        ("a: [", "not YAML"),
        ("a: b: c", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("a: 2001-13-45", "not YAML"),
        ("a: !!bool maybe", "not YAML"),
        ("a: !!timestamp x", "not YAML"),
        ("a: !!int x", "not YAML"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("a: *b", "not YAML"),
        ("a: &b [*b]", "contains itself"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a: " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]\n" for i in range(1, 10)), "more than"),
        ("name: " + "x" * (1 << 20), "more than 1 MiB"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"a: \x00", "not YAML"),
    ],
)
def test_what_is_no_experiment_at_all(read: Read, text: str | bytes, words: str) -> None:
    assert words in str(refusal(read, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="cannot read"):
            read_experiment(path)


def test_overrides(read: Read) -> None:
    exp = read(
        GOOD,
        "guest.cpus=[4]",
        "budget.minutes=5",
        "arms.without.series=[]",
        "workloads.0.fork-chain.forks=7",
        "workloads.1={fork-chain: {depth: 1, written: {0: [1]}, name: second}}",
        "workloads.1.fork-chain.written.0=[0, 1]",
        "limit=2%",
        "workloads[1].fork-chain.depth=0",
    )
    assert (exp.cpus, exp.minutes, exp.arm("without").series, exp.limit) == ((4,), 5, (), 0.02)
    assert exp.workloads[0].params["forks"] == 7
    assert (exp.workloads[1].name, exp.workloads[1].params["depth"]) == ("second", [0])
    assert exp.workloads[1].params["written"] == {"0": [0, 1]}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("guest", "not an assignment"),
        ("=1", "not an assignment"),
        ("a..b=1", "not an assignment"),
        ("guest.cpus=[", "not YAML"),
        ("guest.cpus=2001-13-45", "not YAML"),
        ("guest.cpus=[9]", "guest.cpus.0: at most 8 is wanted"),
        ("alpha=0", "alpha: more than 0 is wanted"),
        ("limit=1", "limit: not a limit: 1; for example 1% or 0.01"),
        ("toolchain=icc", "toolchain: 'icc' is none of 'gcc' or 'llvm'"),
        ("tree=debian:sid", "not a version: debian:sid"),
        ("guest={cpu: 1}", "unknown key `guest.cpu`"),
        ("gest.cpus=1", "unknown key `gest`"),
        ("name.x=1", "there is nothing below name"),
        ("name.x.y=1", "there is nothing that `x` could be a key of"),
        ("workloads.7.x=1", "no entry 7: the list has 2"),
        ("workloads.x=1", "no entry x"),
        ("workloads.²=1", "no entry ²"),
        ("arms.with={on: 1, series: [x]}", "arms.with"),
        ("arms={1: {}, 2: {}}", "arms.1: text is wanted"),
    ],
)
def test_overrides_that_cannot_be(read: Read, assignment: str, words: str) -> None:
    error = refusal(read, GOOD, assignment)
    assert words in error.what
    assert error.where.startswith("--set")


def test_a_number_for_text_is_quoted_as_a_shell_wants_it(read: Read) -> None:
    error = refusal(read, GOOD, "arms.with.profile=6.1")
    assert error.hint.endswith("""put it in quotes, as in --set 'arms.with.profile="6.1"'""")
    assert read(GOOD, 'arms.with.profile="6.1"').arm("with").profile == "6.1"


def test_text_that_is_not_utf_8_has_its_line(read: Read) -> None:
    error = refusal(read, b"name: a\n# caf\xe9\n")
    assert (error.what, error.where.rpartition(":")[2]) == ("not text in UTF-8", "2")


def test_a_patch_that_is_not_there_was_looked_for_somewhere(read: Read, tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(read, GOOD, "arms.with.series=[none.patch]").hint


def test_an_override_is_blamed_for_what_it_put_there(read: Read) -> None:
    assert refusal(read, GOOD, "guest={cpus: [9]}").where == "--set guest={cpus: [9]}"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.floats(),
    st.sampled_from(
        ["", "on", "6.1", "1%", "0..3", "fork", "count", "model", "dir:.", "fix.patch", "better", "512M", "~x/y"]
    ),
    st.text(max_size=6),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            "name", "tree", "baseline", "arms", "guest", "workloads", "evidence", "locks", "accept", "limit",
            "expect", "budget", "seed", "series", "profile", "patch", "reverse", "cpus", "memory", "accel",
            "blocks", "minutes", "pattern", "why", "fork-chain", "aim7", "program", "mix", "users", "jobs",
            "depth", "forks", "vmas", "written", "file", "text", "without", "with", "overall", "count"
        ]
    ),
    st.integers(0, 3),
    st.booleans(),
    st.text(max_size=3),
)
VALUES = st.recursive(SCALARS, lambda s: st.one_of(st.lists(s, max_size=3), st.dictionaries(KEYS, s, max_size=3)))
BASE = yaml.safe_load(GOOD)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for k, v in items for p in paths(v, (*at, k)))]


FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(paths(BASE)[1:]), VALUES), min_size=1, max_size=2))
def test_a_good_file_with_anything_in_a_place_is_read_or_refused(read: Read, changes: list[Any]) -> None:
    value = copy.deepcopy(BASE)
    for path, new in changes:
        target = value
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = new
        except (TypeError, KeyError, IndexError):
            continue
    _read_or_refuse(read, yaml.safe_dump(value, allow_unicode=True))


@FUZZ
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_small_structure_is_read_or_refused(read: Read, value: dict[Any, Any]) -> None:
    _read_or_refuse(read, yaml.safe_dump(value))
    _read_or_refuse(read, yaml.safe_dump({**BASE, **value}, allow_unicode=True))


@FUZZ
@given(st.text(alphabet="abmt:-[]{}&*!?|>'\"%@#, \n\t01.~<=\\", max_size=40), st.integers(0, len(GOOD)))
def test_any_text_is_read_or_refused(read: Read, text: str, at: int) -> None:
    _read_or_refuse(read, text)
    _read_or_refuse(read, GOOD[:at] + text + GOOD[at:])


@FUZZ
@given(
    st.one_of(
        st.text(max_size=12),
        st.builds(
            lambda path, value: f"{'.'.join(map(str, path))}={yaml.safe_dump(value, default_flow_style=True)}",
            st.sampled_from(paths(BASE)[1:]),
            VALUES,
        ),
    )
)
def test_any_override_is_taken_or_refused(read: Read, assignment: str) -> None:
    _read_or_refuse(read, GOOD, assignment)


def _read_or_refuse(read: Read, text: str, *overrides: str) -> None:
    try:
        exp = read(text, *overrides)
    except UserError as error:
        refused = str(error)
    else:
        refused = ""
        assert exp.arm(exp.baseline)
    assert "Traceback" not in refused
