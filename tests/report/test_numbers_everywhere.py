"""Every number of a comparison is the same in every format as in verdict.json."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from kit.report.formats import REPORTS
from kit.report.numbers import numbers
from tests.report.folders import RUNS, comparisons, run, told

Found = dict[str, Any]
KEYS = ("baseline_value", "arm_value", "ratio", "low", "high")


def _float(text: str | None) -> float | None:
    return None if text in (None, "") else float(str(text))


def of_csv(text: str) -> list[Found]:
    rows = csv.DictReader(io.StringIO(text))
    return [{k: _float(row[k]) for k in (*KEYS, "p", "n", "baseline_n", "detectable")} for row in rows]


def of_json(text: str) -> list[Found]:
    return [{k: c[k] for k in KEYS} for said in json.loads(text)["evidence"].values() for c in said["comparisons"]]


def of_junit(text: str) -> list[Found]:
    out = []
    for case in ElementTree.fromstring(text).iter("testcase"):
        given = {p.get("name"): p.get("value") for p in case.iter("property")}
        if "baseline_value" in given:
            out.append({k: _float(given.get(k)) for k in (*KEYS, "n", "baseline_n")})
    return out


WORDS = re.compile(r"(\S+) where \S+ has (\S+): (?:no ratio|ratio (\S+))(?: \[(\S+), (\S+)\])?")


def of_words(text: str) -> list[Found]:
    """In the form of KTAP and b4: each once."""
    out = []
    for arm, base, ratio, low, high in WORDS.findall(text):
        low, high = ("" if bound == "–" else bound for bound in (low, high))
        out.append({k: _float(v) for k, v in zip(KEYS, (base, arm, ratio, low, high), strict=True)})
    return out


def of_ktap(text: str) -> list[Found]:
    return of_words("\n".join(line for line in text.splitlines() if line.lstrip().startswith("# ")))


def of_b4(text: str) -> list[Found]:
    return of_words("\n".join(row["details"] for row in json.loads(text)))


def of_kcidb(text: str) -> list[Found]:
    return [{k: t["misc"][k] for k in (*KEYS, "n")} for t in json.loads(text)["tests"] if "ratio" in t.get("misc", {})]


def _change(text: str) -> float | None:
    return None if text == "–" else float(text.rstrip("%")) / 100 + 1


def of_markdown(text: str) -> list[Found]:
    out = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 8 and cells[0] not in ("arm", "---"):
            low, high = cells[6].split(" to ")
            changes = [_change(cell) for cell in (cells[5], low, high)]
            out.append(dict(zip(KEYS, [float(cells[3]), float(cells[4]), *changes], strict=True)))
    return out


MAIL = re.compile(r"^ *(\S+) (?:± *\d+%|   –) +(\S+%|–) +(\S+) (?:± *\d+%|   –)(?: +\[(\S+), (\S+)\])?$", re.MULTILINE)


def of_mail(text: str) -> list[Found]:
    out = []
    for base, change, arm, low, high in MAIL.findall(text):
        bounds = [_change(bound or "–") for bound in (low, high)]
        out.append(dict(zip(KEYS, [float(base), float(arm), _change(change), *bounds], strict=True)))
    return out


READERS: dict[str, Callable[[str], list[Found]]] = {
    "csv": of_csv,
    "json": of_json,
    "junit": of_junit,
    "ktap": of_ktap,
    "b4": of_b4,
    "kcidb": of_kcidb,
    "markdown": of_markdown,
    "mail": of_mail,
}
ROUNDED = {"markdown", "mail"}  # six digits of a value, 0.01% of a ratio
PARTLY = {"mail"}  # predictions and A/A comparisons are left out, and small changes of many
ELSEWHERE = {
    "text": "tests/report/test_text.py",
    "html": "tests/report/test_page.py",
    "folded": "tests/report/test_stacks.py",
}


def test_no_format_is_left_out() -> None:
    assert READERS.keys() | ELSEWHERE.keys() == REPORTS.keys()


def same(found: Found, wanted: Found, rounded: bool) -> bool:
    """Whether everything found is what verdict.json has."""
    for key, value in found.items():
        right = wanted[key]
        if value is None or right is None:
            if value is not right:
                return False
        elif value != (pytest.approx(right, rel=1e-5, abs=5.1e-5) if rounded else right):
            return False
    return True


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("form", READERS)
def test_every_number_is_that_of_the_verdict(form: str, name: str) -> None:
    files = run(name)
    found, left = READERS[form](told(form, files)), comparisons(files)
    if form in PARTLY:
        left = [c for c in left if c["kind"] != "model" and not c["aa"]]
    wanted = len(left)
    for one in found:
        match = next((c for c in left if same(one, c, form in ROUNDED)), None)
        assert match is not None, f"{form} shows {one}, which is no comparison of verdict.json"
        left.remove(match)
    assert wanted == 0 or found
    assert left == [], f"{form} leaves out comparisons"


def test_names_tell_numbers_apart() -> None:
    for name in RUNS:
        names = [n.name for n in numbers(run(name).verdict)]
        assert len(set(names)) == len(names)
