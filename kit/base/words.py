"""Words for messages: numbers with nouns, lists, percentages."""

from __future__ import annotations

from collections.abc import Sequence

from kit.records import At


def several(number: int, noun: str, plural: str = "") -> str:
    """`1 boot`, `2 boots`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def join(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; with `or` or another word before the last."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(share: float) -> str:
    """0.01 as `1%`."""
    return f"{share * 100:.4g}%"


def rough(share: float) -> str:
    """0.214 as `21%`, 6.12 as `612%`: two significant digits, but no digit before the point is rounded."""
    return f"{share * 100:.2g}%" if share < 0.995 else f"{share * 100:.0f}%"


def number(value: float) -> str:
    """Whole numbers without decimals, others with two."""
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def place(at: At) -> str:
    """The place of a comparison in the experiment: `fork-chain, depth 8, 2 users, 4 vCPUs`."""
    parts = [at.workload]
    parts += [f"{name} {value}" for name, value in (("depth", at.depth), ("layout", at.layout)) if value is not None]
    parts += [several(n, noun) for n, noun in ((at.users, "user"), (at.cpus, "vCPU")) if n is not None]
    return ", ".join(parts)
