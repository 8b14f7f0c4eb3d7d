"""Counts test results in KTAP or TAP output: passed, failed, skipped, missing. Pure.

It counts what Linux's own reader counts (tools/testing/kunit/kunit_parser.py): the leaves of the tree, and a parent
that failed although no child did. Results that kselftests print after `# ` are comments to that reader; here they are
counted too, separately (tools/testing/selftests/kselftest/prefix.pl).

The formats are Documentation/dev-tools/ktap.rst, TAP 13 and TAP 14. As they say, and unlike KUnit's reader: a plan may
come last, a test may have no number, and an expected failure (TODO, XFAIL) counts as skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

STAMP = re.compile(r"(?:<\d{1,3}>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ?")
VERSION = re.compile(r"(?P<before>.*?)K?TAP version \d+\s*")
HEADER = re.compile(r"(?P<indent>\s*)(?:K?TAP version \d+|# Subtest: .*)\s*")
PLAN = re.compile(r"(?P<indent>\s*)1\.\.(?P<count>\d{1,6})\s*(?:#.*)?")
RESULT = re.compile(r"(?P<indent>\s*)(?P<result>ok|not ok)(?P<number>\s+\d+)?(?=\s|$)(?P<rest>.*)")
COMMENT = re.compile(r"\s*# ?(?P<inner>.*)")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(?P<word>SKIP|TODO|XFAIL)\b", re.IGNORECASE)
END = re.compile(r"\s*(?:List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted)")


@dataclass
class Tally:
    """Numbers of tests. `missing`: tests that a plan announced, or that began, but that have no result."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: int = 0

    def add(self, other: Tally) -> None:
        """Adds the numbers of another tally to these."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def tests(self) -> int:
        """The number of all tests."""
        return sum(vars(self).values())

    @property
    def is_good(self) -> bool:
        """Whether no test failed and none is missing."""
        return not (self.failed or self.missing)


@dataclass(frozen=True)
class Results:
    """`tests`: results of the output itself; `inner`: results that it prints after `# `."""

    tests: Tally
    inner: Tally


def read_ktap(text: str) -> Results | None:
    """The results in an output; None if it is not KTAP (no version line, no plan, no numbered result)."""
    outer, inner = _Reader(), _Reader()
    for line in _lines(text):
        if outer.take(line):
            if RESULT.fullmatch(line):
                inner.end()
        elif comment := COMMENT.fullmatch(line):
            inner.take(comment["inner"])
    outer.end()
    inner.end()
    return Results(outer.whole, inner.whole) if outer.recognised or inner.recognised else None


def _lines(text: str) -> Iterator[str]:
    """The lines without printk's time stamps, and without the prefix that the first version line has."""
    prefix: int | None = None
    for raw in text.splitlines():
        line = raw[match.end() :] if (match := STAMP.match(raw)) else raw
        if prefix is None and (match := VERSION.fullmatch(line)) and "#" not in match["before"]:
            prefix = len(match["before"])
        if prefix is not None and END.match(line[prefix:]):
            return
        yield line[prefix or 0 :]


@dataclass
class _Level:
    """The results at one depth of indentation, since the last line that was less deep."""

    planned: int = 0
    has_plan: bool = False
    has_head: bool = False
    seen: int = 0
    results: int = 0
    tally: Tally = field(default_factory=Tally)

    def close(self) -> None:
        """Ends a document: tests that its plan still expects are missing."""
        self.tally.missing += max(self.planned - self.seen, 0)
        self.planned, self.has_plan, self.seen, self.results = 0, False, 0, self.seen

    def adopt(self, below: _Level) -> None:
        """Takes over deeper results that no result line of this depth has claimed.

        Without a header of their own they belong to this level's plan and are merely indented. With one, their parent's
        result never came: it counts as missing, unless one of them already failed or is missing.
        """
        self.tally.add(below.tally)
        if not self.seen and not below.has_head:
            self.seen = below.results
        elif below.tally.tests:
            self.seen += 1
            self.tally.missing += below.tally.is_good


class _Reader:
    """Builds tallies from lines, depth by depth."""

    def __init__(self) -> None:
        self.whole = Tally()
        self.recognised = False
        self._levels: dict[int, _Level] = {}

    def take(self, line: str) -> bool:
        """Reads one line; returns whether it is a result, a plan, or the header of a document or subtest."""
        if match := HEADER.fullmatch(line):
            self._open(_depth(match))
        elif match := PLAN.fullmatch(line):
            self._plan(_depth(match), int(match["count"]))
        elif (match := RESULT.fullmatch(line)) and (self.recognised or match["number"]):
            self._result(_depth(match), _outcome(match))
        else:
            return False
        self.recognised = True
        return True

    def end(self) -> None:
        """Ends the output: adds what is still open to `whole`."""
        if level := self._fold(-1):
            self.whole.add(level.tally)

    def _open(self, depth: int) -> None:
        """Begins a document or subtest; ends one of the same depth that has results."""
        level = self._level(depth)
        if below := self._fold(depth):
            level.adopt(below)
        if level.seen:
            level.close()
        level.has_head = True

    def _plan(self, depth: int, count: int) -> None:
        """Reads a plan. A document has one, first or last: a second one begins another document."""
        level = self._level(depth)
        if level.has_plan:
            level.close()
        level.planned, level.has_plan, level.has_head = count, True, True

    def _result(self, depth: int, own: Tally) -> None:
        level = self._level(depth)
        below = self._fold(depth)
        level.seen += 1
        if below is None or not below.tally.tests:
            level.tally.add(own)
            return
        level.tally.add(below.tally)
        if own.failed and below.tally.is_good:
            level.tally.failed += 1

    def _fold(self, depth: int) -> _Level | None:
        """Removes and returns the results deeper than `depth`: they belong to the next result line, if there is one."""
        below = None
        for d in sorted((d for d in self._levels if d > depth), reverse=True):
            level = self._levels.pop(d)
            if below:
                level.adopt(below)
            level.close()
            below = level
        return below

    def _level(self, depth: int) -> _Level:
        return self._levels.setdefault(depth, _Level())


def _depth(match: re.Match[str]) -> int:
    return len(match["indent"].expandtabs())


def _outcome(match: re.Match[str]) -> Tally:
    said = DIRECTIVE.search(match["rest"])
    word = said["word"].upper() if said else ""
    if word == "SKIP" or (word and match["result"] == "not ok"):
        return Tally(skipped=1)
    return Tally(passed=1) if match["result"] == "ok" else Tally(failed=1)
