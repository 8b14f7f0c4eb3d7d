"""KTAP, version 1 (Documentation/dev-tools/ktap.rst): runs in, the text that the kernel's own parser reads out.

A subtest for each run, and in it one for each kind of evidence. What is not decided is `SKIP`; what could not run is
`not ok` with the directive `ERROR`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.report.cases import Case, Status, cases
from kit.report.style import Style
from kit.store.runfiles import Files

HEAD = "KTAP version 1"
INDENT = "    "


def render(files: Sequence[Files], style: Style) -> str:
    """The whole text, a newline at its end."""
    lines = [HEAD, f"1..{len(files)}"]
    for number, one in enumerate(files, start=1):
        every = cases(one)
        lines += [INDENT + line for line in _run(one.name, every)]
        lines.append(_result(number, one.name, every[0].status, ""))
    return "\n".join(lines) + "\n"


def _run(name: str, every: Sequence[Case]) -> Iterator[str]:
    groups: dict[str, list[Case]] = {}
    for case in every:
        groups.setdefault(case.group or case.name, []).append(case)
    yield HEAD
    yield f"# Subtest: {_plain(name)}"
    yield f"1..{len(groups)}"
    for number, (group, its) in enumerate(groups.items(), start=1):
        if len(its) == 1 and not its[0].group:
            yield from _diagnostics(its[0])
            yield _result(number, group, its[0].status, its[0].message)
        else:
            yield from (INDENT + line for line in _subtest(group, its))
            yield _result(number, group, _worst(its), "")


def _subtest(group: str, its: Sequence[Case]) -> Iterator[str]:
    yield HEAD
    yield f"# Subtest: {_plain(group)}"
    yield f"1..{len(its)}"
    for number, case in enumerate(its, start=1):
        yield from _diagnostics(case)
        yield _result(number, case.name, case.status, case.message)


def _diagnostics(case: Case) -> Iterator[str]:
    for line in [case.message, *case.details.splitlines()]:
        if line.strip():
            yield f"# {line.strip()}"


def _result(number: int, name: str, status: Status, why: str) -> str:
    """One line. A description cannot hold `#`: behind it stands the directive."""
    ok = "ok" if status in (Status.PASS, Status.SKIP) else "not ok"
    directive = {Status.SKIP: "SKIP", Status.ERROR: "ERROR"}.get(status, "")
    said = f" # {directive} {' '.join(why.split())}".rstrip() if directive else ""
    return f"{ok} {number} {_plain(name)}{said}"


def _plain(name: str) -> str:
    return " ".join(name.replace("#", "_").split())


def _worst(its: Sequence[Case]) -> Status:
    found = {case.status for case in its}
    order = (Status.FAIL, Status.ERROR, Status.PASS, Status.SKIP)
    return next(status for status in order if status in found)
