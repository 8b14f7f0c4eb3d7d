"""The profiles: what each kernel generation does, as data. One row for each generation, made of cells.

The profiles named 3.0… are the ladder of June 2011 (four steps of patches). 6.1-unbatched-clone and 6.1-unbatched are
6.1 with the ladder's steps taken back.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from kit.model import mmcells, rmapcells
from kit.model.errors import ModelError
from kit.model.mmcells import MmCells
from kit.model.rmapcells import Cells
from kit.model.steps import Profile, Source, Step

Lock = tuple[str, Source]

_SPINLOCK = ("&(&anon_vma->lock)->rlock", Source("2.6.38", "941bf82e8961", "anon_vma_ctor"))
_MUTEX = ("&anon_vma->mutex", Source("3.0", "2b575eb64f7a", "anon_vma_ctor"))
_RWSEM = ("&anon_vma->rwsem", Source("3.8", "5a505085f043", "anon_vma_ctor"))


def _row(name: str, about: str, lock: Lock, counters: str, cells: Cells, mm: MmCells) -> Profile:
    parts: dict[str, Any] = {field.name: getattr(mm, field.name) for field in dataclasses.fields(mm)}
    parts |= dict(cells)
    lock_class, lock_source = lock
    pins_root = any(Step.PIN_ROOT in one.steps for one in cells["fork"].passes)
    return Profile(name, about, lock_class, lock_source, counters, pins_root=pins_root, **parts)


def _rung(name: str, about: str, cells: Cells) -> Profile:
    """A step of the ladder of June 2011."""
    return _row(name, about, _MUTEX, "", cells, mmcells.MM_3_0)


def _modern(name: str, about: str, cells: Cells, mm: MmCells) -> Profile:
    """A kernel of 6.0 or later."""
    return _row(name, about, _RWSEM, "children", cells, mm)


def _on_6_1(name: str, about: str, cells: Cells) -> Profile:
    """6.1 with steps of the ladder taken back."""
    return _modern(name, about, cells, mmcells.MM_6_1)


_ROWS = (
    _row("2.6.38", "spinlock; neither KSM nor MIGRATION", _SPINLOCK, "", rmapcells.RMAP_2_6_38, mmcells.MM_2_6_38),
    _row("2.6.38-ksm", "spinlock; KSM or MIGRATION", _SPINLOCK, "", rmapcells.RMAP_KSM, mmcells.MM_KSM),
    _rung("3.0-rc1", "mutex, for every entry", rmapcells.RMAP_3_0_RC1),
    _rung("3.0-637fbbf", "+ cloning once", rmapcells.RMAP_637FBBF),
    _rung("3.0-eee2acba", "+ unlinking once", rmapcells.RMAP_EEE2ACBA),
    _rung("3.0-dd34739c", "+ no reclaim under it", rmapcells.RMAP_DD34739C),
    _row("3.8", "rwsem", _RWSEM, "", rmapcells.RMAP_3_8, mmcells.MM_3_8),
    _row("3.19", "+ reuse by degree", _RWSEM, "degree", rmapcells.RMAP_3_19, mmcells.MM_3_19),
    _modern("6.0", "+ reuse by children and active VMAs", rmapcells.RMAP_6_0, mmcells.MM_6_0),
    _on_6_1("6.1", "+ the maple tree", rmapcells.RMAP_6_1),
    _on_6_1("6.1-unbatched-clone", "6.1 without bb4aa39676f7", rmapcells.RMAP_6_1_UNBATCHED_CLONE),
    _on_6_1("6.1-unbatched", "6.1 without it and eee2acbae955", rmapcells.RMAP_6_1_UNBATCHED),
    _modern("6.12", "as 6.1, but for what mprotect accounts for", rmapcells.RMAP_6_12, mmcells.MM_6_12),
    _modern("7.0", "+ allocation before the lock", rmapcells.RMAP_7_0, mmcells.MM_7_0),
)

PROFILES: dict[str, Profile] = {row.name: row for row in _ROWS}


def profile(name: str) -> Profile:
    """The profile of that name. Raises ModelError, with the known names, for an unknown one."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ModelError(f"no profile {name!r}; there are {', '.join(PROFILES)}") from None
