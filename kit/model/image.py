"""execve: the stack for the arguments, the image's VMAs and their first writes (fs/exec.c, binfmt_elf.c).

It starts from a forked Mm and the layout of the image after its start, and leaves the Mm as that layout shows it. The
image is static, and it writes to each VMA of the layout that has anonymous pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kit.model.errors import ProgramError
from kit.model.rmap import Rmap
from kit.model.state import PAGE, LayoutVma, Mm, Vma

STACK = "[stack]"
STACK_TOP = 0x7FFFFFFFF000  # STACK_TOP_MAX of x86-64
EXPANSION = 32  # pages: setup_arg_pages expands the stack by 128 KiB
BRK = 1 << 39  # address of the break in this model; the kernel puts it after the image's last VMA


def image_of(mm: Mm, layout: Iterable[LayoutVma]) -> list[tuple[Vma, bool]]:
    """The VMAs of a layout, and for each whether it has anonymous pages; none has an anon_vma yet."""
    out = []
    for line in layout:
        label = line.name or f"{line.start:x}"
        vma = Vma(mm, line.start, line.end, line.perms, label, kind=f"{label} at {line.start:x}")
        out.append((vma, line.anonymous > 0))
    return out


class Image:
    """One kernel's execve."""

    def __init__(self, rmap: Rmap) -> None:
        self.rmap = rmap
        self.guard_inside = rmap.profile.guard_inside

    def execute(self, mm: Mm, layout: Sequence[LayoutVma]) -> None:
        """do_execveat_common, until the image has started: a new mm, the old one's exit, then the first writes."""
        shown = next((line for line in layout if line.name == STACK), None)
        if shown is None:
            raise ProgramError("exec: the layout has no stack")
        name, moved = mm.name, shown.end != STACK_TOP
        fresh = Mm(name)
        stack = self._arguments(fresh, (shown.end - shown.start) // PAGE - EXPANSION)
        self.release(mm)
        self._set_up(stack, moved=moved)
        mm.brk, mm.tables = 0, set()
        for vma, written in image_of(mm, layout):
            if vma.name == STACK:
                stack.mm, stack.start, stack.end, stack.kind = mm, vma.start, vma.end, vma.kind
                mm.insert(stack)
            else:
                mm.insert(vma)
                if written:
                    self.rmap.prepare(vma)

    def release(self, mm: Mm) -> None:
        """exit_mmap: each VMA by rising address is detached."""
        for vma in mm.vmas:
            self.rmap.unlink(vma)
        mm.vmas.clear()
        mm.tables.clear()

    def _arguments(self, mm: Mm, pages: int) -> Vma:
        """__bprm_mm_init, copy_strings: get_user_pages writes the first page, each further page grows the stack.

        If the guard page belongs to the VMA, writing to its lowest page grows it, and so does the first write.
        """
        stack = Vma(mm, STACK_TOP - PAGE, STACK_TOP, "rw-p", STACK)
        mm.insert(stack)
        self.rmap.prepare(stack)
        for _ in range(max(pages, 1) - 1 + self.guard_inside):
            self.grow(stack)
        return stack

    def _set_up(self, stack: Vma, *, moved: bool) -> None:
        """setup_arg_pages: shift_arg_pages moves the stack to a random place (if that is another one); expand_stack."""
        if moved:
            self.rmap.adjust(stack, moving=True)
            self.rmap.adjust(stack)
        self.rmap.expand(stack)

    def grow(self, stack: Vma) -> None:
        """expand_downwards by one page."""
        self.rmap.expand(stack)
        stack.resize(stack.start - PAGE, stack.end)
