"""The directions of metrics from the command line: `more`, `less`, `METRIC=more`.

The last option wins. A bare word is for every metric, except those that monitors record beside a benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kit.base.errors import UserError
from kit.outside.found import LESS, MORE, Outside
from kit.outside.lkp_facts import is_monitor

OPTION = "--better"


@dataclass(frozen=True)
class Rule:
    """One `--better` option. `pattern` is empty for a bare word."""

    pattern: str
    more: bool


def rules_of(options: Iterable[str]) -> tuple[Rule, ...]:
    """Parses the options. Raises UserError."""
    found = []
    for option in options:
        pattern, _, word = option.rpartition("=")
        if word not in (MORE, LESS) or option.startswith("="):
            raise UserError(f"must be more, less or METRIC=more, not {option}", where=OPTION)
        found.append(Rule(pattern, word == MORE))
    return tuple(found)


def directions(rules: Sequence[Rule], metrics: Sequence[str], sides: Sequence[Outside]) -> dict[str, bool | None]:
    """Whether more is better, by metric; None if nothing says so. Raises UserError if a rule matches no metric."""
    for rule in rules:
        if rule.pattern and not any(_is_like(m, rule.pattern) for m in metrics):
            raise UserError(f"no metric is like {rule.pattern}", where=OPTION, hint=f"as in {metrics[0]}={MORE}")
    return {m: _direction(m, rules, sides) for m in metrics}


def _direction(metric: str, rules: Sequence[Rule], sides: Sequence[Outside]) -> bool | None:
    for rule in reversed(rules):
        if _is_like(metric, rule.pattern) if rule.pattern else not is_monitor(metric):
            return rule.more
    said = {side.better.get(metric) for side in sides} - {None}
    return said.pop() if len(said) == 1 else None


def _is_like(metric: str, pattern: str) -> bool:
    return metric == pattern or fnmatchcase(metric, pattern)
