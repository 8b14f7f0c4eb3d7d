"""The plugin's jobs by call chain, in a process that plays QEMU's part (plugin_host.c): calls, returns, interrupts and
switches of tasks are followed; instructions and acquisitions are counted where they belong."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.base.frames import FrameError
from kit.kernel.codemap import What
from kit.vm.plugin import chains as reading
from kit.vm.plugin.chains import Chains, read_chains
from kit.vm.plugin.compiled import COMPILERS, compiled, compiler

MARK = "0f1f80..54494b"
NONCE = "abc"
BASE = 0xFFFFFFFF81000000
ENTRY, SYSCALLED, MID, LEAF, SWITCH, ACQUIRE, NOTE = (BASE + 0x1000 * n for n in range(7))
KINDS = (What.ENTRY, What(0), What(0), What(0), What.LEAVES, What.ACQUIRES, What.NOTES)
CODE = "".join(f"f {BASE + 0x1000 * n:x} {BASE + 0x1000 * (n + 1):x} {int(kind):x}\n" for n, kind in enumerate(KINDS))
CLASSES, SIZE = 0xFFFFFFFF80010000, 0x40  # in the first MiB, where the kernel's image would be
USER = 0x400000
NOP, RET, INDIRECT = "90", "c3", "ff10"
STACK = 0xFFFFC90000010000
NAMES = ["nobody", "entry", "syscalled", "mid", "leaf", "switch", "acquire", "note"]


def call(where: int, to: int) -> str:
    """The bytes of a call instruction at an address."""
    return "e8" + (to - where - 5).to_bytes(4, "little", signed=True).hex()


def mark(number: int) -> list[str]:
    """Lines that execute a mark of a program of the guest."""
    at = USER + 0x100 * number
    return [f"t {at:x} {MARK.replace('..', f'{number:02x}')}", f"x {at:x} 1"]


def calls(function: int, to: int) -> str:
    """A block at the begin of a function: a NOP, and a call."""
    return f"t {function:x} {NOP},{call(function + 1, to)}"


def returns(function: int, at: int = 0x100) -> str:
    """A block further on in a function: two NOPs, and a return."""
    return f"t {function + at:x} {NOP},{NOP},{RET}"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_host(tmp_path_factory.mktemp("host"), 1)


def build_host(folder: Path, interface: int) -> Path:
    """The program that plays a QEMU of this interface."""
    if not any(map(_there, COMPILERS)):
        pytest.skip("no compiler here")
    out = folder / "plugin_host"
    source = Path(__file__).with_name("plugin_host.c")
    argv = [compiler(), "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-rdynamic", f"-DINTERFACE={interface}"]
    subprocess.run([*argv, "-o", str(out), str(source), "-ldl"], check=True)
    return out


def _there(program: str) -> bool:
    return subprocess.run(["which", program], capture_output=True, check=False).returncode == 0


def record(
    host: Path, folder: Path, job: str, lines: Sequence[str], code: str = CODE, interface: int = 1
) -> Chains:
    """What the job records of a guest's course."""
    (folder / "code").write_text(code)
    (folder / "records").touch()
    words = {"job": job, "out": folder / "records", "nonce": NONCE, "mark": MARK, "code": folder / "code"}
    argv = [str(host), str(compiled(folder, interface)), *(f"{key}={value}" for key, value in words.items())]
    subprocess.run(argv, input="\n".join(lines) + "\n", text=True, check=True, timeout=30)
    return read_chains((folder / "records").read_bytes(), NONCE, job)


def told(found: Chains, window: int = 0) -> dict[str, int]:
    """Folded stacks of a window: `entry;syscalled;mid` → how often."""
    out: dict[str, int] = {}
    for (node, what), times in found.windows[window].items():
        path = [NAMES[what] if what < len(NAMES) else "user"]
        while node:
            node, function = found.nodes[node]
            path.append(NAMES[function])
        key = ";".join(reversed(path))
        out[key] = out.get(key, 0) + times
    return out


SETUP = [
    *(f"t {USER:x} {NOP},{NOP},{NOP},{NOP}", calls(ENTRY, SYSCALLED), calls(SYSCALLED, MID), calls(MID, LEAF)),
    *(returns(f) for f in (ENTRY, SYSCALLED, MID, LEAF)),
]
"""User code, and functions that call the next one and return."""


LEAVE = MID + 0x200
LEAVING = [
    *SETUP,
    *(f"t {at:x} {NOP},{call(at + 1, SWITCH)}" for at in (LEAVE, SYSCALLED + 0x200)),
    f"t {SWITCH:x} {NOP},{NOP},{RET}",
]
"""Blocks of mid and syscalled that call what leaves their stack; that returns on another's."""


def down(*stores: int) -> list[str]:
    """Entry, syscalled and mid call; their return addresses are stored there."""
    places = (ENTRY, SYSCALLED, MID)
    return [f"x {f:x} 2 s{at:x}" for f, at in zip(places, stores, strict=False)]


def ret(function: int, at: int, number: int = 3) -> str:
    return f"x {function + 0x100:x} {number} l{at:x}"


def test_instructions_belong_to_their_function_and_its_callers(host: Path, tmp_path: Path) -> None:
    s = STACK + 0x1F00
    course = [*SETUP, *mark(1), *mark(2), f"x {USER:x} 4", *down(s, s - 16, s - 32)]
    course += [ret(LEAF, s - 32), ret(MID, s - 16), ret(SYSCALLED, s), f"x {ENTRY + 0x100:x} 2", f"x {USER:x} 3"]
    found = record(host, tmp_path, "callgraph", [*course, *mark(3), f"x {USER:x} 4"])
    assert told(found) == {
        **{"user": 1 + 4 + 3, "entry": 2 + 2, "entry;syscalled": 2 + 3, "entry;syscalled;mid": 2 + 3},
        "entry;syscalled;mid;leaf": 3,
    }, "of the marks, the one that begins the window counts"


@pytest.mark.parametrize("interface", [2, 3, 7])
def test_newer_interfaces_count_the_same(tmp_path: Path, interface: int) -> None:
    s = STACK + 0x1F00
    course = [*SETUP, *mark(1), *mark(2), f"x {USER:x} 4", *down(s, s - 16, s - 32), ret(LEAF, s - 32), *mark(3)]
    found = record(build_host(tmp_path, interface), tmp_path, "callgraph", course, interface=interface)
    assert told(found) == {
        **{"user": 1 + 4, "entry": 2, "entry;syscalled": 2, "entry;syscalled;mid": 2, "entry;syscalled;mid;leaf": 3},
    }


def test_a_block_that_an_exception_ends_counts_as_far_as_it_came(host: Path, tmp_path: Path) -> None:
    s = STACK + 0x1F00
    course = [*SETUP, *mark(1), *mark(2), *down(s, s - 16), f"x {MID + 0x100:x} 1"]
    course += [f"x {ENTRY + 0x100:x} 1", ret(MID, s - 16), ret(SYSCALLED, s)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid"] == 1 + 3
    assert found["entry"] == 2 + 1, "an exception's entry has nobody above it"
    assert found["entry;syscalled"] == 2 + 3


def test_an_interrupt_s_functions_are_below_its_entry_alone(host: Path, tmp_path: Path) -> None:
    s = STACK + 0x1F00
    irq = STACK + 0x9F00  # another stack
    course = [*SETUP, f"t {LEAF:x} {NOP},{INDIRECT}", *mark(1), *mark(2), *down(s, s - 16, s - 32)]
    course += [f"x {LEAF + 0x100:x} 1"]  # interrupted there
    course += [f"x {ENTRY:x} 2 s{s - 64:x}", f"x {SYSCALLED:x} 1", f"x {LEAF:x} 2 l{s:x} s{irq:x}"]
    course += [f"x {MID + 0x100:x} 3 l{irq:x}", ret(SYSCALLED, s - 64), f"x {ENTRY + 0x100:x} 1"]
    course += [ret(LEAF, s - 32), ret(MID, s - 16)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid;leaf"] == 1 + 3
    assert found["entry;leaf"] == 2, "what an entry calls in turn, without the chain that it interrupted"
    assert found["entry;leaf;mid"] == 3, "its own call, on the stack of interrupts"
    assert found["entry;syscalled;mid"] == 2 + 3
    assert found["entry;syscalled"] == 2 + 1 + 3


def test_what_a_helper_loads_later_is_no_return(host: Path, tmp_path: Path) -> None:
    """QEMU 7.2 hands it to the call-back of the return before."""
    s = STACK + 0x1F00
    late = f"{ret(LEAF, s - 32)} l{s - 24:x} l{s - 16:x} l{s:x} l{STACK + 0x5F00:x}"
    course = [*SETUP, *mark(1), *mark(2), *down(s, s - 16, s - 32), late, ret(MID, s - 16), ret(SYSCALLED, s)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid"] == 2 + 3
    assert found["entry;syscalled"] == 2 + 3


def test_a_task_that_goes_on_has_its_chain_again(host: Path, tmp_path: Path) -> None:
    one, other = STACK + 0x1F00, STACK + 0x11F00
    course = [*LEAVING, *mark(1), *mark(2), *down(one, one - 16), f"x {LEAVE:x} 2 s{one - 32:x}"]
    course += [f"x {SWITCH:x} 3 l{other:x}"]  # to a task that never called
    course += [*down(other + 64, other + 48), ret(MID, other + 48), f"x {SYSCALLED + 0x200:x} 2 s{other + 48:x}"]
    course += [f"x {SWITCH:x} 3 l{one - 32:x}", ret(MID, one - 16)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid;switch"] == 3
    assert found["entry;syscalled;switch"] == 3
    assert found["entry;syscalled;mid"] == 2 + 3 + 3, "of both tasks"


def test_a_task_that_left_from_another_piece_of_its_stack_has_its_chain_again(host: Path, tmp_path: Path) -> None:
    s, low, other = STACK + 0x3F00, STACK + 0x1F00, STACK + 0x11F00
    course = [*LEAVING, *mark(1), *down(s, s - 16), f"x {LEAVE:x} 2 s{low:x}"]
    course += [f"x {SWITCH:x} 3 l{other:x}", *mark(2), f"x {SWITCH:x} 3 l{low:x}", ret(MID, s - 16)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid"] == 3


def test_a_new_task_on_an_old_stack_has_nothing_of_the_old(host: Path, tmp_path: Path) -> None:
    s, low, other = STACK + 0x3F00, STACK + 0x1F00, STACK + 0x11F00
    course = [*LEAVING, *mark(1), *down(s, s - 16), f"x {LEAVE:x} 2 s{low:x}"]
    course += [f"x {SWITCH:x} 3 l{other:x}"]  # this task ends here, deep in its stack
    course += [f"x {SWITCH:x} 3 l{s + 8:x}", *mark(2), *down(s, low - 64, low - 128), ret(LEAF, low - 128)]
    course += [ret(MID, low - 64), ret(SYSCALLED, s)]
    found = told(record(host, tmp_path, "callgraph", [*course, *mark(3)]))
    assert found["entry;syscalled;mid;leaf"] == 3
    assert found["entry;syscalled;mid"] == 5
    assert found["entry;syscalled"] == 5


NOTED = [
    *(calls(ENTRY, ACQUIRE), calls(ACQUIRE, NOTE), f"t {NOTE:x} {NOP},{NOP}", f"t {NOTE + 2:x} {NOP},{RET}"),
    *(returns(ACQUIRE), f"t {MID:x} {NOP},{call(MID + 1, NOTE)}", calls(SYSCALLED, ACQUIRE)),
]
"""Functions that take a lock: `note` reads the class in its second instruction."""


def acquire(caller: int, value_at: int, s: int) -> list[str]:
    """`caller` takes a lock whose class is read from that address."""
    return [
        *(f"x {caller:x} 2 s{s:x}", f"x {ACQUIRE:x} 2 s{s - 16:x}", f"x {NOTE:x} 2 l{value_at:x}"),
        *(f"x {NOTE + 2:x} 2 l{s - 16:x}", ret(ACQUIRE, s)),
    ]


def test_acquisitions_have_the_class_that_was_read_last(host: Path, tmp_path: Path) -> None:
    code = f"{CODE}c {CLASSES:x} {CLASSES + 16 * SIZE:x} {SIZE:x}\n"
    third, words = CLASSES + 2 * SIZE, (0x1234, 0x5678)
    s = STACK + 0x1F00
    memory = [f"m 800 {third:x}", "m 808 7777", *(f"m {third + 8 * n:x} {word:x}" for n, word in enumerate(words))]
    course = [*NOTED, *memory, *mark(1), *acquire(ENTRY, 0x800, s), *mark(2)]
    course += [*acquire(ENTRY, 0x800, s), *acquire(SYSCALLED, 0x800, s), *acquire(SYSCALLED, 0x800, s)]
    course += [f"x {MID:x} 2 s{s:x}", f"x {NOTE:x} 2 l800", f"x {NOTE + 2:x} 2 l{s:x}"]  # not by lock_acquire
    course += [*acquire(ENTRY, 0x808, s), *mark(3), *acquire(ENTRY, 0x800, s), *mark(2), *mark(3)]
    found = record(host, tmp_path, "callers", course, code)
    counts = {(found.nodes[node][0] and NAMES[found.nodes[found.nodes[node][0]][1]], what): n
              for (node, what), n in found.windows[0].items()}  # fmt: skip
    assert counts == {("entry", 2): 1, ("syscalled", 2): 2}
    assert list(found.untold) == [1, 0], "a word that points to no class"
    assert found.windows[1] == {}
    assert found.classes[2][:2] == words


def test_a_kernel_without_lock_classes_is_refused(host: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        record(host, tmp_path, "callers", [])


def test_records_that_are_not_whole_are_refused(host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s = STACK + 0x1F00
    course = [*SETUP, *mark(1), *mark(2), *down(s, s - 16), *mark(3)]
    record(host, tmp_path, "callgraph", course)
    data = (tmp_path / "records").read_bytes()
    with pytest.raises(FrameError, match="no end marker"):
        read_chains(data[: data.rindex(b"K ")], NONCE, "callgraph")
    with pytest.raises(FrameError, match="no greeting of callers"):
        read_chains(data, NONCE, "callers")
    monkeypatch.setattr(reading, "KEPT", 1)
    with pytest.raises(FrameError, match="more than 1 call chains"):
        read_chains(data, NONCE, "callgraph")
