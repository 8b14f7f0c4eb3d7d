"""Reports in a console: its lines in, the first line of each report out, with kind and words. Pure.

A report prints several lines that the table knows, and two CPUs' reports may be mixed: the lines that go on an open
report are told from those that begin one by the parts that it still lacks, and by the caller where the kernel says it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.vm.lines import Message, following, messages, preceding
from kit.vm.patterns import NO_SPLAT, PATTERNS, Pattern, Trust

PART_LINES = 60  # from a report's first line to the last that is no splat of its own
MOST_OPEN = 8  # reports that are mixed
MOST_WORDS = 3  # lines
CUT_LINES = 8  # from the mark to the line that says what it is

CUT = "[ cut here ]"
END = "---[ end trace"
CUT_KIND = "warning"  # of what stands below the mark, where no row knows it
MARKS = (CUT, END)
# What SLUB found stands above its report since 6.15, and in 6.12 as stable has it, and the report says less.
OVERWRITTEN = re.compile(r"\[(.{1,40} overwritten)\] 0x")
# What follows a WARNING line that has no words.
NO_WORDS = re.compile(r"\s*$|Modules linked in|CPU: |Pid: |Call [Tt]race|RIP: |Workqueue: |---|task: |\s*<")


@dataclass(frozen=True)
class Heading:
    """The first line of a report. `index` from 0; `words`: those of a WARN() that has some, or of
    SLUB, else ""."""

    kind: str
    index: int
    text: str
    caller: str
    words: str = ""


@dataclass
class _Open:
    """A report that goes on: the parts that it may still print."""

    start: int
    caller: str
    lacks: list[str]

    def takes(self, part: str, index: int, caller: str) -> bool:
        others = bool(self.caller and caller and self.caller != caller)
        return part in self.lacks and index <= self.start + PART_LINES and not others


def row_of(message: Message, stamped: bool) -> Pattern | None:
    """The row that names a message. `stamped`: whether the kernel's lines bear a time stamp in this log."""
    text = message.text
    for row in PATTERNS:
        if row.word in text and (match := row.regex.search(text)):
            if row.trust is Trust.ANYWHERE or message.stamped or not stamped:
                return row
            if row.trust is Trust.START and match.start() == 0:
                return row
    return None


def headings(lines: Sequence[str], candidates: Sequence[int], stamped: bool) -> list[Heading]:
    """The reports' first lines, in their order. `candidates`: indices of the lines that may be known, ascending."""
    return _Reader(lines, stamped).read(candidates)


@dataclass
class _Reader:
    lines: Sequence[str]
    stamped: bool
    found: list[Heading] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    known: set[int] = field(default_factory=set)  # lines that a row names
    words: set[int] = field(default_factory=set)  # of reports that began above them
    cuts: list[tuple[int, str]] = field(default_factory=list)

    def read(self, candidates: Sequence[int]) -> list[Heading]:
        for index in candidates:
            for message in messages(self.lines[index]):
                self.hear(index, message)
        unknown = [heading for index, caller in self.cuts for heading in self.below(index, caller)]
        return sorted([*self.found, *unknown], key=lambda heading: heading.index)

    def hear(self, index: int, message: Message) -> None:
        if CUT in message.text:
            self.cuts.append((index, message.caller))
        elif END in message.text:
            self.open = [report for report in self.open if report.caller != message.caller]
        row = row_of(message, self.stamped)
        if row is None or row.kind in NO_SPLAT:
            return
        self.known.add(index)
        if index not in self.words and not self.goes_on(row, index, message.caller):
            self.begin(row, index, message)

    def goes_on(self, row: Pattern, index: int, caller: str) -> bool:
        """Whether a report that is open prints this line too."""
        report = next((r for r in self.open if r.takes(row.part, index, caller)), None) if row.part else None
        if report is not None:
            report.lacks.remove(row.part)
        return report is not None

    def begin(self, row: Pattern, index: int, message: Message) -> None:
        if row.then:
            self.open = [*self.open[1 - MOST_OPEN :], _Open(index, message.caller, list(row.then))]
        kind, words = self.said(index, message.caller) if row.part == "warn" else ("", "")
        if row.part == "slab":
            words = self.overwritten(index, message.caller)
        self.found.append(Heading(kind or row.kind, index, message.text, message.caller, words))

    def said(self, index: int, caller: str) -> tuple[str, str]:
        """(kind, words) of a WARN() that says more than where: above its line, or until 4.15, and on arm, below it."""
        above = [text for _, text in preceding(self.lines, index, caller, CUT_LINES)]
        cut = next((i for i, text in enumerate(above) if CUT in text), 0)
        if 0 < cut <= MOST_WORDS:
            return "", above[cut - 1].strip()
        for at, text in following(self.lines, index, caller, 3):
            row = row_of(Message(text, caller, True), self.stamped)
            if NO_WORDS.match(text) or (row and row.part != "words"):
                break
            if not text.startswith("Hardware name:"):
                self.words.add(at)
                return row.kind if row else "", text.strip()
        return "", ""

    def overwritten(self, index: int, caller: str) -> str:
        """What SLUB says above its report of an object's bytes."""
        above = [OVERWRITTEN.match(text) for _, text in preceding(self.lines, index, caller, 2)]
        return next((match[1] for match in above if match), "")

    def below(self, index: int, caller: str) -> list[Heading]:
        """What follows a mark, where no row knows any of it: a kernel newer than the table."""
        if any(i in self.known for i in range(index, index + CUT_LINES)):
            return []
        first = next(iter(following(self.lines, index, caller, CUT_LINES)), None)
        return [Heading(CUT_KIND, first[0], first[1], caller)] if first else []
