"""How a bisection reads a kind of evidence: the boots of one test of a commit in, one value out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from kit.base.errors import UserError
from kit.records import Boot, Experiment, Outcome, WindowResult
from kit.stats.attribution import HANG, is_accepted
from kit.workload.longer import ROUND

GOOD, BAD = 0.0, 1.0


class Wanted(Protocol):
    """What a bisection looks for: the `bisect:` section of the experiment."""

    @property
    def lock(self) -> str:
        """The lock class or alias, of `count`."""
    @property
    def window(self) -> str:
        """A pattern (`*` and `?`) for the names of windows."""
    @property
    def pattern(self) -> str | None:
        """A regular expression for a splat's kind, title or excerpt."""


class Asked(Protocol):
    """A bisection's question: the part that reading boots needs."""

    @property
    def exp(self) -> Experiment:
        """The experiment that the boots are made for."""
    @property
    def wanted(self) -> Wanted:
        """What is looked for."""


@dataclass(frozen=True)
class Reading:
    """The result of a test: a value, or None and why; `again`: another try may give a value."""

    value: float | None
    why: str = ""
    again: bool = True


Read = Callable[[Asked, Sequence[Boot]], Reading]


def no_share(exp: Experiment) -> float:
    """Values count as the same only if they are equal."""
    return 0.0


@dataclass(frozen=True)
class Metric:
    """What a bisection can look for: the instrument of its kernels, the unit of its values, how boots are read, and the
    kind of evidence whose boots it uses.

    `exact`: a kernel gives the same value each time. `yes_no`: values are GOOD or BAD; `clean`: and the good end is
    never BAD by chance. `within`: values that differ by no more than this share are the same. `predicted`: the model
    can say what a value has to be. `what`: the key of `bisect:` that says what to look for; `example`: a value for it.
    `said`: the metric in a few words, a format string with `what`, `where` and `emulated`.
    """

    instrument: str
    unit: str
    read: Read
    evidence: str
    exact: bool = True
    yes_no: bool = False
    clean: bool = False
    within: Callable[[Experiment], float] = no_share
    predicted: bool = False
    what: str = ""
    example: str = ""
    said: str = "{what}{where}"


def unwanted(asked: Asked, boots: Sequence[Boot]) -> Reading | None:
    """A reading without a value if a boot failed or showed another splat than the one sought; None if all are usable.
    """
    for boot in boots:
        strange = [s for s in boot.splats if s.kind != HANG and not is_accepted(asked.exp, s)]
        if boot.outcome is not Outcome.OK:
            return Reading(None, f"{boot.outcome}: {boot.why}")
        if strange:
            return Reading(None, f"another splat: {strange[0].kind}: {strange[0].title}")
    return None


def windows_of(asked: Asked, boots: Sequence[Boot]) -> list[WindowResult]:
    """The windows of the boots, in any round, that match `window`. Raises UserError if none does."""
    every = [w for b in boots if b.results for w in b.results.windows]
    found = [w for w in every if fnmatchcase(w.name.partition(ROUND)[0], asked.wanted.window)]
    if not found:
        names = sorted({w.name for w in every})
        raise UserError(f"no window is called {asked.wanted.window}", hint=f"there are {', '.join(names)}")
    return found
