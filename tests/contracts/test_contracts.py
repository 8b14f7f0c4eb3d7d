"""The code writes verdict.json and bisect.json as kit/contracts describes them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, TypedDict, Union, get_args, get_origin, get_type_hints

import pytest

from kit import records
from kit.bisection.line import Commit
from kit.bisection.suspect import Named
from kit.contracts import bisectfile, verdictfile
from kit.contracts.fields import Doc, breaches, fields, hints, in_words, split
from kit.records.verdict import PredictedCount, Suspected
from kit.stats.attribution import Attribution, Fault
from kit.stats.design import Design

# What records.to_json makes of these lies in a file; names that the file has beside the dataclass's own.
WRITTEN = [
    (verdictfile.At, records.At, ()),
    (verdictfile.ComparisonRow, records.Comparison, ()),
    (verdictfile.Evidence, records.KindVerdict, ()),
    (verdictfile.FaultRow, Fault, ()),
    (verdictfile.Splats, Attribution, ()),
    (verdictfile.WorkloadRow, records.WorkloadSpec, ()),
    (verdictfile.FunctionsRow, records.Exercised, ("idle",)),
    (verdictfile.LinesRow, records.ChangedLines, ()),
    (verdictfile.DesignRow, Design, ()),
    (bisectfile.CommitRow, Commit, ()),
]


def plain(annotation: Any) -> str:
    """The type of a dataclass's field in JSON's terms."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(plain(arg) for arg in args)
    if origin is tuple:
        item = plain(args[0])
        return f"list of {item}s" if item in ("integer", "number", "object") else f"list of {item}"
    if annotation is NoneType:
        return "null"
    if origin is not None or dataclasses.is_dataclass(annotation):
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return "text"
    return in_words(annotation)


@pytest.mark.parametrize(("described", "written", "more"), WRITTEN, ids=lambda x: getattr(x, "__name__", ""))
def test_a_dataclass_is_described_field_by_field(described: type, written: type, more: tuple[str, ...]) -> None:
    own = get_type_hints(written)
    names = [f.name for f in dataclasses.fields(written)]
    if described is verdictfile.Evidence:
        names = list(records.KindVerdict("count", records.Verdict.SAME, "").as_json())  # the rest lies in its details
    assert [n for n in hints(described) if n not in more] == names
    said = {name: in_words(split(annotation)[0]) for name, annotation in hints(described).items()}
    assert {n: said[n].replace("object of any by name", "object") for n in names} == {n: plain(own[n]) for n in names}


def test_a_kind_of_evidence_writes_what_is_described() -> None:
    at = records.At("chain", cpus=2)
    what = ("acquisitions", "per fork", "less is better")
    compared = records.Comparison(*what, "b", "a", at, ratio=0.5, low=0.5, high=0.5, n=2, arm_value=1, baseline_value=2,
                                  exact=True)  # fmt: skip
    known = PredictedCount("b", "chain/d0", 2, "anon_vma", 10, (10, 10), (10, 10), True, {"clone": 10})
    unknown = PredictedCount("b", "chain/d1", 2, "anon_vma", 10, (9, 9), None, None, why="not modelled")
    kind = records.KindVerdict(
        *("count", records.Verdict.BETTER, "because", (compared,), ("a note",)),
        predictions=(known, unknown), suspects=(Suspected("b", "chain", "anon_vma_clone", "6.1"),),
        moved="others", repeats="boots",
    )  # fmt: skip
    written = json.loads(json.dumps(kind.as_json()))
    assert breaches(verdictfile.Evidence, written) == []
    assert {"predictions", "suspects", "moved", "repeats"} <= written["details"].keys()


def test_what_the_model_named_is_described() -> None:
    assert list(hints(bisectfile.NamedRow)) == [f.name for f in dataclasses.fields(Named)]


def described() -> Iterator[Any]:
    for kind in (verdictfile.VerdictFile, bisectfile.BisectFile):
        yield from fields(kind)


def test_every_field_has_a_meaning_and_a_type() -> None:
    rows = list(described())
    assert len(rows) > 150
    assert all(row.meaning and row.type and not row.meaning.endswith(".") for row in rows)


def test_files_of_real_runs_are_as_described() -> None:
    """The recorded ones that the tests of reports use."""
    kept = Path(__file__).resolve().parents[1] / "report" / "recorded"
    kinds = {"verdict.json": verdictfile.VerdictFile, "bisect.json": bisectfile.BisectFile}
    found = [path for name in kinds for path in kept.glob(f"*/{name}")]
    assert {path.name for path in found} == set(kinds)
    for path in found:
        assert breaches(kinds[path.name], json.loads(path.read_text())) == [], path


class Inner(TypedDict):
    count: Annotated[int, Doc("how many", "boots")]


class Outer(TypedDict):
    name: Annotated[str, Doc("a name")]
    rows: Annotated[list[Inner], Doc("rows")]
    by_arm: Annotated[dict[str, Inner], Doc("by arm")]
    share: Annotated[float | None, Doc("a share")]
    why: NotRequired[Annotated[str, Doc("why")]]


GOOD: Mapping[str, Any] = {"name": "x", "rows": [{"count": 1}], "by_arm": {"a": {"count": 2}}, "share": 1}


def test_rows_of_a_type() -> None:
    assert [(f.path, f.type, f.unit) for f in fields(Outer)] == [
        ("name", "text", ""),
        ("rows", "list of objects", ""),
        ("rows[].count", "integer", "boots"),
        ("by_arm", "object of objects by name", ""),
        ("by_arm.NAME.count", "integer", "boots"),
        ("share", "number or null", ""),
        ("why", "text", ""),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"share": None, "why": ""}, []),
        ({"name": 3}, [".name: int, not text"]),
        ({"rows": [{"count": 1}, {"count": True}]}, [".rows[1].count: bool, not integer"]),
        ({"rows": [{}]}, [".rows[0].count: missing"]),
        ({"by_arm": {"a": {"count": 1, "more": 2}}}, [".by_arm.a.more: not described"]),
        ({"share": "1"}, [".share: str, not number"]),
        ({"rows": {}}, [".rows: dict, not list of objects"]),
        ({"new": 1}, [".new: not described"]),
    ],
)
def test_what_a_value_breaks(change: dict[str, Any], said: list[str]) -> None:
    assert breaches(Outer, {**GOOD, **change}) == said
