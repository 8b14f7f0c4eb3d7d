"""Test results in KTAP or TAP: a program's output in, how many tests passed, failed, were skipped or never came, out.

What counts is what Linux' own reader counts (tools/testing/kunit/kunit_parser.py): the leaves of the tree, and a
parent that failed though none of its children did. What kselftests print behind `# ` is a comment to that reader;
results there are counted too, apart from the others (tools/testing/selftests/kselftest/prefix.pl).

The format: Documentation/dev-tools/ktap.rst, TAP 13 and 14. As there, and unlike KUnit's reader, a plan may come last,
a test may have no number, and a failure that was expected (TODO, XFAIL) is none. Pure.
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
    """How many tests ended how. `missing`: announced by a plan, or begun, and without a result."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: int = 0

    def add(self, other: Tally) -> None:
        """Add another's numbers to these."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def tests(self) -> int:
        """All of them."""
        return sum(vars(self).values())

    @property
    def is_good(self) -> bool:
        """Whether none failed, and none is missing."""
        return not (self.failed or self.missing)


@dataclass(frozen=True)
class Results:
    """`tests`: of the output itself; `inner`: of what it prints behind `# `."""

    tests: Tally
    inner: Tally


def read_ktap(text: str) -> Results | None:
    """The results of an output; None where it is no KTAP: no version line, no plan, no numbered result."""
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
    """The lines without printk's stamps, and without as much at their start as stands before the first version line."""
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
    """The results of one depth, since there was one that is not as deep."""

    planned: int = 0
    has_plan: bool = False
    has_head: bool = False
    seen: int = 0
    results: int = 0
    tally: Tally = field(default_factory=Tally)

    def close(self) -> None:
        """The end of a document: what its plan still awaits never came."""
        self.tally.missing += max(self.planned - self.seen, 0)
        self.planned, self.has_plan, self.seen, self.results = 0, False, 0, self.seen

    def adopt(self, below: _Level) -> None:
        """Take over results of more depth that no result line of this depth has claimed.

        Without a head of their own they are those of this level's plan, only indented. Else they stand for their
        parent, which never came: it is missing where none of them is.
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
        """Read one line; whether it is a result, a plan, or the head of a document or subtest."""
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
        """No more lines: what is open is added to the whole."""
        if level := self._fold(-1):
            self.whole.add(level.tally)

    def _open(self, depth: int) -> None:
        """A document or a subtest begins; one of the same depth that has results ends."""
        level = self._level(depth)
        if below := self._fold(depth):
            level.adopt(below)
        if level.seen:
            level.close()
        level.has_head = True

    def _plan(self, depth: int, count: int) -> None:
        """A plan comes first or last: a second one is that of another document."""
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
        """What lies deeper than `depth`, taken out: it belongs to the result that comes now, if one does."""
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
