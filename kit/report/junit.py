"""JUnit's XML: runs in, one `testsuites` out, as Jenkins, GitLab and GitHub's actions read it.

A suite for each run and kind of evidence. What could not run is an `error`, what is not decided is `skipped`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from junitparser import Error, Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from kit.report.cases import Case, Status, cases
from kit.report.style import Style
from kit.store.runfiles import Files

RESULTS = {Status.FAIL: Failure, Status.ERROR: Error, Status.SKIP: Skipped}
# What XML 1.0 cannot hold, not even escaped; a guest's console has it.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(files: Sequence[Files], style: Style) -> str:
    """The whole file, a newline at its end."""
    out = JUnitXml("kit")
    for one in files:
        groups: dict[str, list[Case]] = {}
        for case in cases(one):
            groups.setdefault(case.group, []).append(case)
        for group, its in groups.items():
            out.add_testsuite(_suite(one, group, its))
    text = out.tostring()
    return (text.decode("utf-8") if isinstance(text, bytes) else str(text)) + "\n"


def _suite(files: Files, group: str, its: Sequence[Case]) -> TestSuite:
    name = f"{files.name}.{group}" if group else files.name
    suite = TestSuite(_clean(name))
    suite.timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(files.started))
    for case in its:
        suite.add_testcase(_case(name, case))
    return suite


def _case(suite: str, case: Case) -> TestCase:
    out = TestCase(_clean(case.name), classname=_clean(f"kit.{suite}"), time=case.seconds or 0.0)
    if case.status in RESULTS:
        result = RESULTS[case.status](_clean(case.message), str(case.status))
        result.text = _clean(case.details or case.message)
        out.result = [result]
    else:
        out.system_out = _clean("\n".join(filter(None, [case.message, case.details])))
    properties = _properties(case)
    if properties:
        own = Properties()
        for key, value in properties.items():
            own.add_property(Property(_clean(key), _clean(value)))
        out.append(own)
    return out


def _properties(case: Case) -> dict[str, str]:
    """The numbers with all their digits."""
    if case.number is None:
        return {} if case.value is None else {"value": repr(case.value), "unit": case.unit}
    c = case.number.comparison
    keys = ("arm_value", "baseline_value", "ratio", "low", "high", "n", "baseline_n")
    found = {key: getattr(c, key) for key in keys}
    return {"unit": c.unit, **{key: repr(value) for key, value in found.items() if value is not None}}


def _clean(text: str) -> str:
    return _NO_XML.sub("�", text)
