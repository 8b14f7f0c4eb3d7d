"""What of the kernel ran in one boot, stage by stage, as QEMU's plugin recorded it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kit.vm.plugin.records import Coverage, Stage

Range = tuple[int, int]
"""Addresses of code, the end excluded."""

WINDOW, OUTSIDE, BOOT = "window", "outside", "boot"
STAGES = (WINDOW, OUTSIDE, BOOT)
"""In a window of the workloads; after init, but in no window; only before init."""


@dataclass(frozen=True)
class Ran:
    """What ran. `windows`: name and record of each; `why`: why nothing is known, else empty; `seconds`: of the boot."""

    windows: Sequence[tuple[str, Stage]] = ()
    outside: Stage = field(default_factory=lambda: Stage(OUTSIDE, (), ()))
    boot: Stage = field(default_factory=lambda: Stage(BOOT, (), ()))
    why: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, coverage: Coverage, windows: Sequence[str], seconds: float) -> Ran:
        """What was recorded, with the names of the windows in the order of their ends. Their number must be that of
        the recorded ones; else nothing is known."""
        if len(windows) != len(coverage.windows):
            why = f"the plugin saw {len(coverage.windows)} windows, the guest had {len(windows)}"
            return cls(why=why, seconds=seconds)
        named = tuple(zip(windows, coverage.windows, strict=True))
        return cls(named, coverage.outside, coverage.boot, seconds=seconds)

    def first(self, code: Range) -> str:
        """The first of STAGES in which any code of a range ran; empty for none."""
        if any(stage.most(*code) for _, stage in self.windows):
            return WINDOW
        if self.outside.most(*code):
            return OUTSIDE
        return BOOT if self.boot.most(*code) else ""

    def often(self, ranges: Iterable[Range]) -> dict[str, int]:
        """Window → how often the most often executed code of these ranges ran, without windows in which none did."""
        every = list(ranges)
        times = {name: max((stage.most(*code) for code in every), default=0) for name, stage in self.windows}
        return {name: number for name, number in times.items() if number}
