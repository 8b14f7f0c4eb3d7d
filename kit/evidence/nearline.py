"""Lock classes near the threshold of the ranking: boots in; how many more boots are wanted, and a remark, out.

After the pilot a class may be neither clearly noise nor clearly different (kit.stats.classes.near). Then MORE
additional boots of each arm are done, in whole blocks on all machines, and the ranking judges all boots together.
Whether a class is near the threshold is decided once, from the pilot's boots alone, so these extra boots add no chance
of a false row.
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
NAMED = 3  # classes named in a sentence


@dataclass(frozen=True)
class Near:
    """`names`: the classes near the threshold after the pilot; `wanted`: how many additional blocks they need, `had`:
    how many of these are done."""

    names: tuple[str, ...] = ()
    wanted: int = 0
    had: int = 0

    @property
    def which(self) -> str:
        """The first names, and the number of others, for a sentence."""
        first, others = list(self.names[:NAMED]), len(self.names) - NAMED
        return join([*first, *([several(others, "class", "classes")] if others > 0 else [])])

    @property
    def said(self) -> str:
        """A clause about them; empty if there are none."""
        if not self.names:
            return ""
        end = f"judged after {self.had} more of each" if self.had else "judged by these: the budget has no more"
        boots = f"after {PILOT} boots of each arm on each machine"
        return f"{boots}, {self.which} stood between noise and a difference: {end}"


def near_line(exp: Experiment, good: Sequence[Boot], done: Sequence[Boot]) -> Near:
    """The classes near the threshold. `done`: the boots of all blocks done so far; `good`: those that gave counts."""
    pilot = [b for b in good if b.repeat < PILOT]
    if EVERY not in exp.locks or not pilot:
        return Near()
    last = max(b.repeat for b in done if b.evidence == pilot[0].evidence and b.repeat < BEYOND)
    wanted = ceil(MORE / len(exp.cpus))
    names = tuple(near(exp, pilot))
    return Near(names, wanted, min(max(last + 1 - PILOT, 0), wanted)) if names else Near()


def with_near(found: Decision, stood: Near) -> Decision:
    """The decision `found`, changed to go on with all machines while boots for classes near the threshold are missing.
    """
    if stood.had >= stood.wanted:
        return found
    blocks = several(stood.wanted - stood.had, "block")
    why = f"{stood.which} between noise and a difference, judged after {blocks} more"
    return replace(found, stop=False, why=why, machines=())
