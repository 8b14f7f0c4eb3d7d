"""What QEMU's plugin counted by call chain, told in names beside the windows of the guest."""

from __future__ import annotations

import pytest

from kit.base.frames import FrameError
from kit.kernel.codemap import Code, What
from kit.records import Results, WindowResult
from kit.records.decode import _results as results_from_json
from kit.records.digest import to_json
from kit.run.watched import USER, told
from kit.vm.plugin.chains import Chains

NAMES = ("entry", "fork", "dup_mm")
CODE = Code((0x100, 0x200, 0x300), NAMES, (What(0),) * 3, 0x400, (0x1000, 0x8000, 0x100), ((0x10, b"lock\0"),))
NODES = {4: (0, 1), 7: (4, 2)}  # entry; entry, fork
RESULTS = Results("6.1", 1, {}, tuple(WindowResult(name, 1, ()) for name in ("one", "two")))


def words(results: Results, window: int) -> dict[tuple[str, ...], int]:
    """Folded stacks of a window, what is counted first."""
    tree = results.calls
    return {(tree.names[c.what], *tree.chain(c.chain)): c.times for c in results.windows[window].chains}


def test_instructions_are_told_by_function_and_callers() -> None:
    found = Chains(NODES, [{(7, 3): 10, (0, USER): 5, (4, 2): 2}, {(4, 9): 1}], [0, 0], {})
    out = told(RESULTS, found, CODE, "callgraph")
    assert words(out, 0) == {("dup_mm", "fork", "entry"): 10, ("[user]",): 5, ("fork", "entry"): 2}
    assert words(out, 1) == {("?", "entry"): 1}, "code that no symbol has"


def test_acquisitions_are_told_by_class_and_callers() -> None:
    record = (0x5010, 0, 0, 0, 0x1010, 0, 0, 0, 0xF0, 0, 1, 0x10, 0)
    found = Chains(NODES, [{(7, 5): 3, (7, 6): 2}, {}], [0, 4], {5: record, 6: (*record[:11], 0, 0)})
    out = told(RESULTS, found, CODE, "callers")
    assert words(out, 0) == {("lock", "fork", "entry"): 3, ("?", "fork", "entry"): 2}
    assert words(out, 1) == {("?",): 4}


def test_chains_survive_the_way_to_the_disk_and_back() -> None:
    found = Chains(NODES, [{(7, 3): 10}, {(4, 2): 1}], [0, 0], {})
    out = told(RESULTS, found, CODE, "callgraph")
    assert results_from_json(to_json(out)) == out


def test_other_windows_than_the_guest_s_are_refused() -> None:
    with pytest.raises(FrameError, match="it saw 1 windows, the guest had 2"):
        told(RESULTS, Chains({}, [{}], [0], {}), CODE, "callgraph")
