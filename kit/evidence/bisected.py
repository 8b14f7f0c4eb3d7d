"""All that a bisection can look for, by its name in experiments."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evidence import EVIDENCE
from kit.evidence.reading import Asked, Metric, Reading
from kit.records import Boot

COMMAND = "command"  # the user's own command, which gets a kernel and judges it


def _unread(asked: Asked, boots: Sequence[Boot]) -> Reading:
    return Reading(None, "a command's exit code is its value", again=False)


_BY_BOOTS = {name: metric for kind in EVIDENCE.values() for name, metric in kind.bisected.items()}
METRICS: dict[str, Metric] = {
    **{name: metric for name, metric in _BY_BOOTS.items() if not metric.yes_no},
    **{name: metric for name, metric in _BY_BOOTS.items() if metric.yes_no},
    COMMAND: Metric(
        "", "", _unread, "", exact=False, yes_no=True, what="command", example="./my-test", said="`{what}`"
    ),
}
