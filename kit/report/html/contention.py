"""Contention: what lock_stat says of waiting and holding, and from where; verdict.json's rows in, figures out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kit.report.html.model import Figure
from kit.report.html.svg import Names

Row = Mapping[str, Any]


def contention(v: Row, names: Names) -> Iterator[Figure]:
    """Nothing where a run has kept none."""
    yield from ()
