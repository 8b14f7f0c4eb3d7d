"""Explanations: the sum by operation with sources, and each acquisition."""

from __future__ import annotations

import pytest

from kit.model.errors import ModelError
from kit.model.explain import explain
from kit.model.parse import parse_program

from .scenes import WORKER

FORKS = parse_program("map 0 1\nwrite 0 0\nwindow w\nrepeat 200\nfork\nend\nend\nend\nwindow s\nscript\nend")


def test_sum_and_locks() -> None:
    first, clone, link, unlink, *locks = explain(FORKS, (), "6.1-unbatched-clone", "w")
    assert first == (
        "window w: 600 acquisitions of &anon_vma->rwsem (profile 6.1-unbatched-clone: 6.1 without bb4aa39676f7)"
    )
    assert clone.split(maxsplit=4)[:4] == ["200", "of", "600:", "clone"]
    assert clone.endswith("6.1.192 (patches/v6.1/unbatch-clone.patch), mm/rmap.c: anon_vma_clone")
    assert link.endswith("mm/rmap.c: anon_vma_fork")
    assert unlink.endswith("mm/rmap.c: unlink_anon_vmas")
    assert [line.split()[0] for line in locks] == ["lock"] * 3 + ["199"]
    assert locks[0].split()[1:] == (
        ["anon_vma", "of", "region", "0", "of", "worker", "region", "0", "of", "worker.1", "clone:", "anon_vma_clone"]
    )
    assert locks[3].strip() == "199 times more, each as the last"


def test_every_step() -> None:
    lines = explain(FORKS, (), "6.1", "w", every_step=True)
    assert [line.split()[0] for line in lines[4:10]] == ["nowait", "lock", "link", "unlock", "alloc", "active+"]


def test_interval_is_explained() -> None:
    program = parse_program("map 0 1\nwrite 0 0\nusers u\nuser\nfork\nend\nend\nuser\nfork\nend\nend\nend")
    lines = explain(program, (), "6.1", "u")
    assert lines[0].startswith("window u: 6 to 8 acquisitions")
    assert lines[4].strip().startswith("2 more at most: free")


def test_scripts_say_why_not() -> None:
    (line,) = explain(FORKS, (), "6.1", "s")
    assert line.startswith("window s: not predicted: a shell script")


def test_unknown_window() -> None:
    with pytest.raises(ModelError, match=r"no window 'x'; there are w, s"):
        explain(FORKS, (), "6.1", "x")


def test_every_operation_names_its_source() -> None:
    """exec, break, stack and mremap: each lock that they take is explained with its function and file."""
    program = parse_program(
        "map 0 4\nwrite 0 0\nmremap 0 0 1 1\nwindow w\nexec\nend\nstack 1\nbrk 1\nmremap 1 0 1 0\nend"
    )
    lines = explain(program, WORKER, "6.1", "w")
    assert lines[0].startswith("window w: 28 acquisitions")
    sources = {line.split(": ", 1)[1].split()[0]: line for line in lines[1:] if " of 28: " in line}
    assert sources["expand"].endswith("6.1.192 (1eb86aba7de5), mm/mmap.c: expand_downwards")
    assert sources["move"].endswith("6.1.192 (ec66e7be8afe), mm/mremap.c: take_rmap_locks")
    assert set(sources) == {"prepare", "clone", "fork-link", "unlink", "adjust", "expand", "move"}
