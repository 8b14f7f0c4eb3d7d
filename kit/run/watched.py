"""A boot in which QEMU's plugin counts by call chain: its request and the plugin's job in; how it ended, its windows
with what was counted in each, out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.frames import FrameError
from kit.base.progress import Progress
from kit.kernel.codemap import Code, What, read_code
from kit.kernel.lockclasses import names_of
from kit.records import CallTree, ChainCount, Outcome, Results
from kit.records.arches import ARCHES
from kit.run import bootrequest
from kit.run.bootrequest import UNMOVED, BootRequest
from kit.vm.boot import BootRun
from kit.vm.lent import Lent, both
from kit.vm.plugin.chains import Chains, read_chains_file
from kit.vm.plugin.found import Plugin, options
from kit.vm.qemu import readable_memory

LOCKS = "callers"  # the plugin's job that counts acquisitions
USER = 1 << 18  # the number that kit/vm/plugin/callgraph.c gives to code of users
USERS = "[user]"
UNKNOWN = "?"


def watched(asked: BootRequest, plugin: Plugin, job: str, progress: Progress) -> BootRun:
    """Does the boot with a job of the plugin. Raises MachineError if the plugin cannot follow this kernel, QEMU does
    not start or a disk is full."""
    code = read_code(Path(asked.kernel.vmlinux).read_bytes(), asked.kernel.vmlinux)
    if job == LOCKS and not (code.classes and code.has(What.ACQUIRES) and code.has(What.NOTES)):
        raise MachineError("this kernel has no lockdep whose acquisitions can be followed", where=asked.kernel.vmlinux)

    def memory(lent: Lent) -> Sequence[str]:
        return readable_memory(asked.machine)

    with tempfile.TemporaryDirectory(prefix="kit-boot-plugin-") as name:
        folder = Path(name)
        more = options(plugin, ARCHES[asked.machine.arch], job, folder, asked.nonce, code.lines())
        extra = both(asked.extra, both(memory, more))
        run = bootrequest.boot(replace(asked, append=f"{asked.append} {UNMOVED}".strip(), extra=extra), progress)
        if run.results is None:
            return run
        try:
            found = read_chains_file(folder / "records", asked.nonce, job)
            return replace(run, results=told(run.results, found, code, job))
        except FrameError as error:
            why = f"the records of QEMU's plugin: {error}"
            return replace(run, outcome=Outcome.DAMAGED, why=why, results=None)


def told(results: Results, found: Chains, code: Code, job: str) -> Results:
    """The results with what was counted. Raises FrameError if the plugin saw other windows than the guest had."""
    if len(found.windows) != len(results.windows):
        raise FrameError(f"it saw {len(found.windows)} windows, the guest had {len(results.windows)}")
    names: dict[str, int] = {}

    def name(text: str) -> int:
        return names.setdefault(text, len(names))

    places = {0: 0}
    above, callers = [0], [name(UNKNOWN)]
    for node, (parent, function) in sorted(found.nodes.items()):
        places[node] = len(above)
        above.append(places[parent])
        callers.append(name(code.name(function)))
    kinds = _classes(found, code) if job == LOCKS else {}
    windows = []
    for window, cells, untold in zip(results.windows, found.windows, found.untold, strict=True):
        counts: dict[tuple[int, int], int] = {}
        for (node, what), times in cells.items():
            said = kinds.get(what, UNKNOWN) if job == LOCKS else USERS if what == USER else code.name(what)
            key = places[node], name(said)
            counts[key] = counts.get(key, 0) + times
        if untold:
            counts[0, name(UNKNOWN)] = counts.get((0, name(UNKNOWN)), 0) + untold
        chains = tuple(ChainCount(chain, what, count) for (chain, what), count in sorted(counts.items()))
        windows.append(replace(window, chains=chains))
    return replace(results, windows=tuple(windows), calls=CallTree(tuple(names), tuple(above), tuple(callers)))


def _classes(found: Chains, code: Code) -> dict[int, str]:
    assert code.classes
    begin, size, _ = code.classes
    return names_of(found.classes, code.text, range(begin, begin + size))
