"""Call chains, as a tree that the windows of a boot share. No I/O, standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

NOBODY = 0


@dataclass(frozen=True)
class CallTree:
    """Chain `n` is the function `names[callers[n]]`, which made the last call, below chain `above[n]`; chain NOBODY has
    no function. `names` also has what is counted."""

    names: tuple[str, ...] = ()
    above: tuple[int, ...] = ()
    callers: tuple[int, ...] = ()

    def chain(self, number: int) -> tuple[str, ...]:
        """The functions of a chain, the one that called last first."""
        out = []
        while number != NOBODY:
            out.append(self.names[self.callers[number]])
            number = self.above[number]
        return tuple(out)


class ChainCount(NamedTuple):
    """How often something was counted: `what` is the number of a name in the tree, `chain` that of its callers."""

    chain: int
    what: int
    times: int
