"""Comparisons, predictions, and the verdict of a kind of evidence. No I/O, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kit.records.digest import to_json

LESS, MORE = "less is better", "more is better"  # directions of a metric


class Verdict(StrEnum):
    """The five verdicts of design.md."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"


@dataclass(frozen=True)
class At:
    """The place of a number in the experiment; None for what does not apply."""

    workload: str
    cpus: int | None = None
    users: int | None = None
    depth: int | None = None
    lock: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline for one metric at one place. `ratio` is arm over baseline.

    `low` and `high` bound the ratio; `n` and `baseline_n` are numbers of boots; `predicted` is the model's count (low,
    high; equal if exact), and `agrees` whether every boot lies within; both are None without a profile. For noisy
    evidence `low` and `high` are the confidence interval (None: no bound), and `ratio` is a geometric mean.
    """

    metric: str
    unit: str
    direction: str  # LESS or MORE
    arm: str
    baseline: str
    at: At
    ratio: float | None  # None where the baseline is 0
    low: float | None
    high: float | None
    n: int
    arm_value: float
    baseline_value: float
    exact: bool
    predicted: tuple[int, int] | None = None
    agrees: bool | None = None
    baseline_predicted: tuple[int, int] | None = None
    baseline_agrees: bool | None = None
    baseline_n: int = 0
    p: float | None = None  # of noisy evidence, like the fields below: corrected for looks and for other comparisons
    detectable: float | None = None  # a fraction of the baseline; None if no difference would have been detected
    said: Verdict | None = None  # the verdict of this comparison alone
    pairs: int | None = None  # blocks that it rests on, if `n` counts boots outside of blocks too
    aa: bool = False  # the arm is the baseline's own image
    arm_values: tuple[float, ...] = ()  # of each boot, in the unit of `arm_value`; paired if boots are in blocks
    baseline_values: tuple[float, ...] = ()


@dataclass(frozen=True)
class PredictedCount:
    """One lock in one window of one arm on one machine: what the model predicts, and what each boot counted.

    `predicted`: low and high, equal if exact; None without a prediction, and then `why`. `agrees`: whether every boot
    lies within; None without a prediction. `by_operation`: the predicted count by operation, to trace a difference.
    """

    arm: str
    window: str
    cpus: int
    lock: str
    jobs: int
    measured: tuple[int, ...]
    predicted: tuple[int, int] | None
    agrees: bool | None
    by_operation: Mapping[str, int] = field(default_factory=dict)
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """A row of `predictions` in verdict.json."""
        out = to_json(self)
        del out["why" if self.predicted else "by_operation"]
        return dict(out)


@dataclass(frozen=True)
class Suspected:
    """A function of an arm: if it behaved as in the profile `like`, the worker's counts would be as measured."""

    arm: str
    worker: str
    function: str
    like: str


@dataclass(frozen=True)
class KindVerdict:
    """The verdict of one kind of evidence, and why. `decides`: it takes part in the overall verdict; else it is only
    shown.

    `details`: what only this kind has, for reports, as plain JSON values. `predictions`: None if the kind does not use
    the model; `suspects`: None if model and kernel agree. `moved`: a clause about locks that `locks` does not name and
    that contradict the verdict. `repeats`: what the comparisons' `n` counts. `limit`: differences up to this share do
    not matter; None: the experiment's.
    """

    kind: str
    verdict: Verdict
    why: str
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    decides: bool = True
    predictions: tuple[PredictedCount, ...] | None = None
    suspects: tuple[Suspected, ...] | None = None
    moved: str = ""
    repeats: str = ""
    limit: float | None = None

    @property
    def disagreements(self) -> list[PredictedCount]:
        """The counts that are not as predicted."""
        return [row for row in self.predictions or () if row.agrees is False]

    def as_json(self) -> dict[str, Any]:
        """Its entry of `evidence` in verdict.json."""
        details: dict[str, Any] = {}
        if self.predictions is not None:
            details["predictions"] = [row.as_json() for row in self.predictions]
        details |= self.details
        if self.moved:
            details["moved"] = self.moved
        if self.suspects is not None:
            details["suspects"] = self.suspects
        if self.repeats:
            details["repeats"] = self.repeats
        fields = ("verdict", "why", "comparisons", "notes")
        out = {**{name: getattr(self, name) for name in fields}, "details": details, "decides": self.decides}
        return dict(to_json(out))


@dataclass(frozen=True)
class ChangedLines:
    """Which of the lines that an arm adds or changes were executed, by the compiler's debug information; only those
    that have code count. `coded`: how many have; `ran`: how many of these the workloads executed in their windows;
    `outside`: those that ran after init, but in no window; `booting`: only before init; `missed`: never; `untold`:
    lines and files of which nothing can be told, with the reason; all as `mm/rmap.c:301-303`. `removed`: lines that are
    taken away, old versions of changed ones among them, which have no code in this arm; `often`: line → window → how
    often the most often executed instruction of the line ran; `cut`: `often` does not name all."""

    coded: int = 0
    ran: int = 0
    outside: tuple[str, ...] = ()
    booting: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    removed: int = 0
    often: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    cut: bool = False

    @property
    def unreached(self) -> bool:
        """Whether none of them ran, none is in doubt, and nothing is taken away."""
        return self.coded > 0 and not (self.ran or self.outside or self.booting or self.untold or self.removed)


@dataclass(frozen=True)
class Exercised:
    """Which code that an arm changes was executed. `identical`: its kernel is the baseline's, byte for byte; `changed`:
    functions whose code differs; `asked`: how many of them were watched; `ran`: those that the workloads executed in
    their windows; `outside`: those that ran after init, but in no window; `booting`: those that ran only before init;
    `why`: why it could not be found out, else empty; `lines`: the same by lines, None if that was not asked."""

    arm: str
    identical: bool = False
    changed: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    booting: tuple[str, ...] = ()
    asked: int = 0
    why: str = ""
    outside: tuple[str, ...] = ()
    lines: ChangedLines | None = None

    @property
    def idle(self) -> bool:
        """Whether no changed code was executed."""
        ran = self.ran or self.booting or self.outside
        return self.identical or (bool(self.changed) and not (self.why or ran))

    @property
    def unreached(self) -> bool:
        """Whether functions ran, but no line that was added or changed in them."""
        return not self.idle and self.lines is not None and self.lines.unreached

    @property
    def codeless(self) -> bool:
        """Whether at most data differ: line numbers of warnings, tables, defaults."""
        return not (self.identical or self.changed or self.why)
