"""Classes near the line between noise and a row of the ranking: boots in; how many more are wanted, and what is said.

After the blocks of the pilot a class may stand where a few boots cannot tell (kit.stats.classes.near). Then MORE boots
more of each arm are done, spread over the machines in whole blocks, and only then the ranking judges, all boots
together. Whether a class stood there is asked of the pilot's boots alone, once: no look on the way can make a row. So a
run tells a false row no more often than the ranking of so many boots would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from kit.base.words import join, several
from kit.evidence.locks import EVERY
from kit.evidence.ranking import near
from kit.evidence.scatter import PILOT
from kit.records import BEYOND, Boot, Experiment
from kit.stats.noisy import Decision

MORE = 4  # boots of each arm, on all machines together
NAMED = 3  # classes in a sentence


@dataclass(frozen=True)
class Near:
    """`names`: the classes that stood near the line after the pilot; `wanted`: blocks more for them, `had`: of these
    those that are done."""

    names: tuple[str, ...] = ()
    wanted: int = 0
    had: int = 0

    @property
    def which(self) -> str:
        """The first names, and how many others."""
        first, others = list(self.names[:NAMED]), len(self.names) - NAMED
        return join([*first, *([several(others, "class", "classes")] if others > 0 else [])])

    @property
    def said(self) -> str:
        """In a clause; empty where none stood there."""
        if not self.names:
            return ""
        end = f"judged after {self.had} more of each" if self.had else "judged by these: the budget has no more"
        boots = f"after {PILOT} boots of each arm on each machine"
        return f"{boots}, {self.which} stood between noise and a difference: {end}"


def near_line(exp: Experiment, good: Sequence[Boot], done: Sequence[Boot]) -> Near:
    """The classes near the line. `done`: the boots of all blocks done so far; `good`: those that gave counts."""
    pilot = [b for b in good if b.repeat < PILOT]
    if EVERY not in exp.locks or not pilot:
        return Near()
    last = max(b.repeat for b in done if b.evidence == pilot[0].evidence and b.repeat < BEYOND)
    wanted = ceil(MORE / len(exp.cpus))
    names = tuple(near(exp, pilot))
    return Near(names, wanted, min(max(last + 1 - PILOT, 0), wanted)) if names else Near()


def with_near(found: Decision, stood: Near) -> Decision:
    """The decision of the counts that are compared; no stop, and on all machines, while boots for classes near the line
    are wanted."""
    if stood.had >= stood.wanted:
        return found
    blocks = several(stood.wanted - stood.had, "block")
    why = f"{stood.which} between noise and a difference, judged after {blocks} more"
    return replace(found, stop=False, why=why, machines=())
