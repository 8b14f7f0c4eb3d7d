"""What the callers of mm/rmap.c do around it, as far as its state depends on it: fork, exit, split, merge, walks.

kernel/fork.c, mm/mmap.c, mremap.c and memory.c in lines of kit.model.explore.code. Each operation is of one VMA of one
process (`fork` and `exit` of all of them).
"""

from __future__ import annotations

Line = str | tuple[str, ...]

_FORK: tuple[Line, ...] = (
    *(("mm_lock",), ("new_mm",), ("each_vma",), "next", ("next_vma", "done"), ("dup_vma",), ("call_fork",)),
    *(("adopt_vma",), ("jump", "next")),
    *("done", ("mm_publish",), ("mm_unlock",), ("leave",)),
    *("fail", ("drop_vma",), ("each_child_vma",), "undo", ("next_vma", "undone"), ("drop_pages",)),
    *(("if_attached", "gone"), ("call_unlink",), "gone", ("vma_gone",), ("jump", "undo")),
    *("undone", ("mm_gone",), ("mm_unlock",), ("leave_failed",)),
)
# exit_mmap: nobody else uses the mm any more, so no mmap lock is needed to change it.
_EXIT: tuple[Line, ...] = (
    *(("mm_lock",), ("each_vma",), "next", ("next_vma", "done"), ("drop_pages",), ("if_attached", "gone")),
    *(("call_unlink",), "gone", ("vma_gone",), ("jump", "next"), "done", ("mm_gone",), ("leave",), "fail", ("leave",)),
)
_UNMAP: tuple[Line, ...] = (
    *(("mm_lock",), ("pick_vma", "out"), ("drop_pages",), ("if_attached", "gone"), ("call_unlink",)),
    *("gone", ("vma_gone",), "out", ("mm_unlock",), ("leave",), "fail", ("mm_unlock",), ("leave_failed",)),
)
_SPLIT: tuple[Line, ...] = (
    *(("mm_lock",), ("pick_vma", "out"), ("dup_vma",), ("call_clone",), ("call_adjust_split",), ("cut_vma",)),
    *("out", ("mm_unlock",), ("leave",), "fail", ("drop_vma",), ("mm_unlock",), ("leave_failed",)),
)
_MOVE: tuple[Line, ...] = (
    *(("mm_lock",), ("pick_vma", "out"), ("dup_vma",), ("call_clone",), ("call_move",), ("move_pages",)),
    *(("if_attached_src", "gone"), ("call_unlink_src",), "gone", ("src_gone",), ("adopt_vma",)),
    *("out", ("mm_unlock",), ("leave",), "fail", ("drop_vma",), ("mm_unlock",), ("leave_failed",)),
)
_WRITE: tuple[Line, ...] = (
    *(("mm_lock",), ("pick_vma", "out"), ("call_prepare",), ("map_page",), "out", ("mm_unlock",), ("leave",)),
    *("fail", ("mm_unlock",), ("leave_failed",)),
)
_EXPAND: tuple[Line, ...] = (
    *(("mm_lock",), ("pick_vma", "out"), ("call_expand",), "out", ("mm_unlock",), ("leave",)),
    *("fail", ("mm_unlock",), ("leave_failed",)),
)


def _merge(*attach: Line) -> tuple[Line, ...]:
    return (
        *(("mm_lock",), ("pick_pair", "out"), ("unless_importing", "grow"), *attach, "grow"),
        *(("call_adjust_merge",), ("take_pages",), ("if_attached_src", "gone"), ("call_unlink_src",)),
        *("gone", ("src_gone",), "out", ("mm_unlock",), ("leave",)),
        *("fail", ("mm_unlock",), ("leave_failed",)),
    )


def _walk(cell: str) -> tuple[Line, ...]:
    return (("pick_page", "out"), (f"call_{cell}",), "out", ("leave",), "fail", ("leave_failed",))


OPERATIONS: dict[str, tuple[Line, ...]] = {
    "do-fork": _FORK,
    "do-exit": _EXIT,
    "do-unmap": _UNMAP,
    "do-split": _SPLIT,
    "do-move": _MOVE,
    "do-write": _WRITE,
    "do-expand": _EXPAND,
    "do-referenced": _walk("referenced"),
    "do-unmap-walk": _walk("unmap"),
    "do-migrate": _walk("migrate"),
}

# dup_anon_vma, vma_adjust: the VMA that grows owns the anon_vma before it is cloned (b800c91a0517); until 3.19 after.
MERGE = _merge(("own_of_src",), ("call_clone",))
MERGE_LATE = _merge(("call_clone",), ("own_of_src",))
