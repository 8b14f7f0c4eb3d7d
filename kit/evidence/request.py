"""What a kind of evidence needs to know to plan its boots. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """The kernels' keys by (arm, instrument), the accelerator, and the key of the guest's programs.

    An arm whose kernel could not be built, or need not be booted, has no key.
    """

    kernels: Mapping[tuple[str, str], str]
    accel: str
    guest_key: str
