"""What the kinds of evidence need to know to ask for boots. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """Where boots are done: kernel keys by (arm, instrument), how guests run here, what runs in them.

    An arm that could not be built has no key, nor has one whose kernel is the baseline's own code.
    """

    kernels: Mapping[tuple[str, str], str]
    accel: str
    guest_key: str
