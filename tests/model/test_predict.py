"""Predictions of whole programs: counts worked out by hand, windows, users, scripts, and refused programs."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from kit.model.errors import ModelError
from kit.model.jobs import JOBS
from kit.model.parse import parse_program
from kit.model.predict import Prediction, Unmodelled, predict, run
from kit.model.profiles import PROFILES
from kit.model.program import Fork, Map, Op, Program, Repeat, Users, Window, Write
from kit.model.steps import OPERATIONS

from .scenes import WORKER, WRITTEN


def chain(depth: int, inside: Op) -> Program:
    """A chain of `depth` forks, each ancestor waiting, and an operation of the last one."""
    for _ in range(depth):
        inside = Fork((inside,))
    return Program((inside,))


def counted(program: Program, profile: str, window: str = "w") -> Prediction:
    found = predict(program, WORKER, profile)[window]
    assert isinstance(found, Prediction)
    return found


def text(program: str, profile: str = "6.1") -> dict[str, Prediction | Unmodelled]:
    return predict(parse_program(program), WORKER, profile)


def spent_on(found: Prediction | Unmodelled) -> dict[str, int]:
    assert isinstance(found, Prediction)
    assert found.low == found.high
    return {operation: n for operation, n in found.by_operation.items() if n}


# A fork and its child's exit, for a chain of c on each of 3 VMAs: clone + 1 + unlink of c + 1 (facts/locking-rules.md).
PER_VMA: dict[str, Callable[[int], int]] = {
    "2.6.38": lambda c: c + 1 + (c + 1),
    "2.6.38-ksm": lambda c: c + 1 + (c + 1) + (c == 1),  # the last child of a root drops its last reference
    "3.0-rc1": lambda c: c + 1 + (c + 1),
    "3.0-637fbbf": lambda c: 1 + 1 + (c + 1),
    "3.0-eee2acba": lambda c: 1 + 1 + 1,
    "3.0-dd34739c": lambda c: 1 + 1 + 1,
    "3.8": lambda c: 1 + 1 + 1,
    "3.19": lambda c: 1 + 1 + 1,
    "6.0": lambda c: 1 + 1 + 1,
    "6.1": lambda c: 1 + 1 + 1,
    "6.12": lambda c: 1 + 1 + 1,
    "7.0": lambda c: 1 + 1 + 1,
    "6.1-unbatched-clone": lambda c: c + 1 + 1,
    "6.1-unbatched": lambda c: c + 1 + (c + 1),
}


@pytest.mark.parametrize("depth", [0, 1, 4, 8])
@pytest.mark.parametrize("profile", PROFILES)
def test_fork_chain(profile: str, depth: int) -> None:
    program = chain(depth, Window("w", (Repeat(200, (Fork(),)),)))
    found = counted(program, profile)
    assert found.low == found.high == 200 * WRITTEN * PER_VMA[profile](depth + 1)
    assert found.lock_class == PROFILES[profile].lock_class
    assert found.by_mode == {"write": found.low}
    assert tuple(found.by_operation) == OPERATIONS


def test_first_writes_are_counted_once() -> None:
    found = text("map 0 2\nmap 1 2\nwindow w\nwrite 0 0\nwrite 0 1\nfork\nwrite 0 1\nwrite 1 0\nend\nend")["w"]
    assert isinstance(found, Prediction)
    # 1 in the worker; the child's copy of region 0 has an anon_vma, its copy of region 1 gets one, and a chain of 1
    forked = WRITTEN + 1
    assert spent_on(found) == {"prepare": 2, "clone": forked, "fork-link": forked, "unlink": forked + 1}


def test_only_what_happens_inside_a_window_counts() -> None:
    found = text("fork\nend\nwindow a\nend\nfork\nwindow b\nfork\nend\nend\nend\nwindow c\nfork\nend\nend")
    assert [w.low for w in found.values() if isinstance(w, Prediction)] == [0, 9, 9]
    assert list(found) == ["a", "b", "c"]


# Users


def users(count: int, *body: Op, busy: int | None = None) -> Program:
    each = tuple(body if busy is None or n < busy else () for n in range(count))
    return Program((Map(0, 1), Users("w", each)))


@pytest.mark.parametrize("profile", PROFILES)
def test_one_user_is_exact(profile: str) -> None:
    found = counted(users(1, Repeat(10, (Fork(),))), profile)
    assert found.low == found.high == 10 * WRITTEN * PER_VMA[profile](2)


@pytest.mark.parametrize("profile", PROFILES)
def test_users_that_share_roots_have_an_interval(profile: str) -> None:
    """Each of the 10 children of 4 users frees an anon_vma for each of 3 VMAs; any may find the root locked: 4·10·3."""
    found = counted(users(4, Repeat(10, (Fork(),))), profile)
    assert found.low == 4 * 10 * WRITTEN * PER_VMA[profile](2)
    asks = not profile.startswith("2.6.38")  # a spinlock's holder cannot sleep: freeing need not wait for it
    assert found.high == found.low + 4 * 10 * WRITTEN * asks


def test_idle_users_lock_nothing() -> None:
    found = counted(users(4, Repeat(10, (Fork(),)), busy=1), "6.1")
    assert found.low == found.high == 10 * WRITTEN * 3


def test_roots_of_ones_own_are_not_shared() -> None:
    """Each user writes to a region that nobody had written to: its root is its own, so nobody can hold its lock."""
    alone = counted(users(2, Write(0, 0), Fork()), "6.1")
    assert alone.low == 2 * (1 + 3 * (WRITTEN + 1))
    assert alone.high == alone.low + 2 * WRITTEN


def test_users_exit_outside_the_window() -> None:
    assert counted(users(3), "6.1").low == 0


RACE = """
map 0 1
write 0 0
fork
fork
orphan
users w
{}
end
window after
fork
end
end
end
end
end
"""
USER = "user\nfork\nend\nend\n"


@pytest.mark.parametrize("profile", ["3.19", "6.0", "6.1", "7.0"])
def test_users_that_race_for_reuse_are_not_predicted(profile: str) -> None:
    """The orphan's parent left an anon_vma with one child: the first user to fork reuses it."""
    found = text(RACE.format(USER * 2), profile)
    assert isinstance(found["w"], Unmodelled)
    assert "race" in found["w"].reason
    assert isinstance(found["after"], Prediction)
    assert isinstance(text(RACE.format(USER), profile)["w"], Prediction)


@pytest.mark.parametrize("profile", ["2.6.38", "3.0-rc1", "3.8"])
def test_without_reuse_there_is_no_race(profile: str) -> None:
    assert isinstance(text(RACE.format(USER * 2), profile)["w"], Prediction)


# VMAs that change


def test_dontfork_and_wipeonfork() -> None:
    """The first region is not copied; the copy of the second has no anon_vma until it is written to."""
    program = "map 0 1\nmap 1 1\nwrite 0 0\nwrite 1 0\nmadvise 0 dontfork\nmadvise 1 wipeonfork\n"
    found = text(program + "window w\nfork\nwrite 1 0\nend\nend")["w"]
    assert isinstance(found, Prediction)
    assert spent_on(found) == {"prepare": 1, "clone": WRITTEN, "fork-link": WRITTEN, "unlink": WRITTEN + 1}


def test_wipeonfork_came_with_4_14() -> None:
    with pytest.raises(ModelError, match=r"madvise 0 wipeonfork: 3\.19 does not know it"):
        text("map 0 1\nmadvise 0 wipeonfork", "3.19")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("map 0 4\nmunmap 0 1 1\nwrite 0 1", "write 0 1: worker has nothing mapped there"),
        ("map 0 4\nmprotect 0 1 1 ro\nwrite 0 1", "write 0 1: worker may only read there"),
        ("map 0 4\nmunmap 0 1 1\nmprotect 0 0 4 ro", "mprotect 0 0 4: worker has a hole there"),
        ("map 0 4\nmunmap 0 0 4\nmunmap 0 0 4", "munmap: worker has nothing mapped there"),
        ("madvise 3 dontfork", "madvise 3: worker has nothing mapped there"),
        ("mapfile 3 1\nmadvise 3 wipeonfork", "madvise 3 wipeonfork: only anonymous memory can be wiped"),
        ("map 0 4\nmunmap 0 1 1\ndiscard 0 0 2", "discard 0 0 2: worker has a hole there"),
        ("map 0 4\nmprotect 0 0 1 ro\nmremap 0 0 2 1", "mremap: worker has no one VMA there"),
        ("map 0 4\nmap 1 4\nmremap 0 0 2 1", "mremap: worker has something at the target"),
        ("map 0 4\ngrow 0 4", "grow: worker has no shorter VMA there"),
        ("map 0 8\nmunmap 0 2 2\ngrow 0 5", "grow: worker has something behind it"),
        ("brk 1\nwritebrk 1", "writebrk 1: worker has nothing mapped there"),
    ],
)
def test_senseless_changes_are_refused(program: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        text(program)
    assert str(raised.value) == message


def test_orphans_live_when_their_parent_is_gone() -> None:
    """6.1: the middle of three generations exits, then its child's fork reuses: no link, and one unlink less."""
    found = text("map 0 1\nwrite 0 0\nfork\nfork\norphan\nwindow w\nfork\nend\nend\nend\nend\nend")["w"]
    assert isinstance(found, Prediction)
    vmas = WRITTEN + 1
    assert spent_on(found) == {"clone": vmas, "unlink": vmas}


# Scripts


def test_script_is_not_predicted_but_later_windows_are() -> None:
    found = text("window a\nfork\nrepeat 3\nscript\nend\nend\nend\nscript\nwindow b\nfork\nend\nend")
    assert isinstance(found["a"], Unmodelled)
    assert "shell script" in found["a"].reason
    assert isinstance(found["b"], Prediction)
    assert found["b"].low == 9


def test_script_of_one_user_hides_the_window() -> None:
    found = text("users w\nuser\nscript\nend\nuser\nend\nend\nwindow x\nend")
    assert isinstance(found["w"], Unmodelled)
    assert isinstance(found["x"], Prediction)


# The whole language. WORKER's stack stands at a random place; its data, bss and stack are written to.

EXEC = {"clone": WRITTEN, "fork-link": WRITTEN, "prepare": 3, "adjust": 2, "expand": 1, "unlink": 2 * WRITTEN}


@pytest.mark.parametrize(
    ("program", "cost"),
    [
        ("exec\nend", EXEC),
        ("threads 3\nfork\nend\nend", {"clone": 3, "fork-link": 3, "unlink": 3}),
        ("hold\nend", {"clone": 3, "fork-link": 3}),
        ("hold\nend\nrelease", {"clone": 3, "fork-link": 3, "unlink": 3}),
        ("fork\nhold\nend\nend", {"clone": 6, "fork-link": 6, "unlink": 6}),
        ("stack 5", {"expand": 5}),
        ("brk 2\nwritebrk 0\nbrk 3\nbrk 0", {"prepare": 1, "adjust": 1, "unlink": 1}),
        ("mapfile 0 2\nwrite 0 1\ndiscard 0 0 2\nwrite 0 1", {"prepare": 1}),
        ("map 0 2\nwrite 0 0\ngrow 0 4\nmremap 0 0 4 1", {"prepare": 1, "adjust": 1, "clone": 1, "unlink": 1}),
    ],
)
def test_what_operations_cost(program: str, cost: dict[str, int]) -> None:
    assert spent_on(text(f"window w\n{program}\nend")["w"]) == cost


def test_exec_without_a_shift_costs_two_less() -> None:
    """norandmaps: the stack's end stays where __bprm_mm_init put it."""
    still = tuple(
        dataclasses.replace(line, start=0x7FFFFFFDE000, end=0x7FFFFFFFF000) if line.name == "[stack]" else line
        for line in WORKER
    )
    found = predict(parse_program("window w\nexec\nend\nend"), still, "6.1")["w"]
    assert spent_on(found) == {what: n for what, n in EXEC.items() if what != "adjust"}


def test_arguments_of_more_pages_grow_the_stack_one_by_one() -> None:
    long = tuple(
        dataclasses.replace(line, start=line.start - 2 * 4096) if line.name == "[stack]" else line for line in WORKER
    )
    found = predict(parse_program("window w\nexec\nend\nend"), long, "6.1")["w"]
    assert spent_on(found) == EXEC | {"expand": 3}


def test_the_image_begins_anew() -> None:
    """No region, no break, chains of one; the parent still has everything."""
    found = text("map 0 1\nbrk 1\nexec\nmap 0 1\nbrk 1\nwindow w\nfork\nend\nend\nend\nwindow x\nwritebrk 0\nend")
    assert [spent_on(found[name]) for name in "wx"] == [
        {"clone": WRITTEN, "fork-link": WRITTEN, "unlink": WRITTEN},
        {"prepare": 1},
    ]


def test_script_with_the_shells_layout_is_an_exec() -> None:
    found = predict(parse_program("window w\nscript\nend"), WORKER, "6.1", shell=WORKER)["w"]
    assert spent_on(found) == EXEC


@pytest.mark.parametrize("kernel", PROFILES)
def test_a_script_that_runs_a_program_is_an_exec_in_an_exec(kernel: str) -> None:
    """By system(), one more image comes and goes in the same process."""

    def spent(what: str) -> Counter[str]:
        found = predict(parse_program(f"window w\n{what}\nend"), WORKER, kernel, shell=WORKER, tool=WORKER)["w"]
        return Counter(spent_on(found))

    one, fork, by_exec = spent("exec\nend"), spent("fork\nend"), spent("shell ls exec 0")
    assert by_exec == spent("exec\nexec\nend\nend")
    own = {what: n for what, n in one.items() if what not in fork}
    assert spent("shell sleep system 5") - by_exec == Counter({**own, "unlink": WRITTEN})


@pytest.mark.parametrize("kernel", PROFILES)
def test_a_spawned_program_never_has_its_parent_s_memory(kernel: str) -> None:
    """It costs what a fork and exec of the same image do, less the fork and the end of its copy."""

    def spent(what: str) -> Counter[str]:
        found = predict(parse_program(f"window w\n{what}\nend"), WORKER, kernel, shell=WORKER, tool=WORKER)["w"]
        return Counter(spent_on(found))

    assert spent("spawn") == spent("exec\nend") - spent("fork\nend")
    assert spent("fork\nspawn\nend") == spent("fork\nend") + spent("spawn")


def test_without_the_layouts_of_its_images_a_script_has_no_prediction() -> None:
    program = parse_program("window w\nshell ls exec 0\nend\nwindow x\nfork\nend\nend")
    found = predict(program, WORKER, "6.1", shell=WORKER)
    assert isinstance(found["w"], Unmodelled)
    assert spent_on(found["x"]) == {"clone": WRITTEN, "fork-link": WRITTEN, "unlink": WRITTEN}


def test_jobs_take_no_lock() -> None:
    program = "window w\n" + "\n".join(f"job {name} 1" for name in JOBS) + "\nend"
    assert spent_on(predict(parse_program(program), WORKER, "6.1")["w"]) == {}


def test_held_children_and_orphans_end_in_the_order_of_their_forks() -> None:
    program = "fork\nhold\norphan\nend\nend\nhold\nend\norphan\nend\nend"
    traced = run(parse_program(program), WORKER, "6.1", trace=True)
    ends = [event.vma for event in traced.trace if event.operation == "unlink" and event.what == "lock"]
    assert [end.split(" of ")[1] for end in ends[::WRITTEN]] == [
        *("worker.1.1", "worker.1.1.1", "worker.1.2", "worker.1", "worker.1.3", "worker")
    ]


# What is refused


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (Program((Write(1, 0),)), "write 1 0: worker has nothing mapped there"),
        (Program((Map(1, 2), Write(1, 2))), "write 1 2: worker has nothing mapped there"),
        (Program((Map(1, 2), Map(1, 1))), "map 1: worker has something there already"),
        (Program((Window("a", ()), Window("a", ()))), "window a opens twice"),
        (Program((Repeat(2, (Window("a", ()),)),)), "window a opens twice"),
        (Program((Window("a", (Fork((Window("b", ()),)),)),)), "window b opens inside window a"),
        (Program((Window("a", (Users("b", ((),)),)),)), "window b opens inside window a"),
    ],
)
def test_senseless_programs_are_refused(program: Program, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        predict(program, (), "6.1")
    assert str(raised.value).startswith(message)


def test_a_child_has_no_more_than_its_parent_had() -> None:
    with pytest.raises(ModelError, match=r"write 0 0: worker\.1 has nothing mapped there"):
        text("fork\nwrite 0 0\nend")


# Repeats


def test_a_turn_that_changes_the_state_is_not_multiplied() -> None:
    """The first turn prepares the region, the later ones do not."""
    found = text("map 0 1\nwindow w\nrepeat 1000\nfork\nend\nwrite 0 0\nend\nend")["w"]
    assert isinstance(found, Prediction)
    assert found.low == 1 + 3 * WRITTEN + 999 * 3 * (WRITTEN + 1)


def test_repeats_within_repeats() -> None:
    body = "repeat 100000\nfork\nrepeat 100000\nfork\nend\nend\nend\nend"
    found = text(f"window w\n{body}\nend")["w"]
    assert isinstance(found, Prediction)
    assert found.low == 100_000 * 9 + 100_000**2 * 9


# What else a run says


def test_trace_tells_function_lock_and_vma() -> None:
    traced = run(parse_program("map 0 1\nwrite 0 0\nfork\nend"), (), "3.0-rc1", trace=True)
    first = traced.trace[2]
    assert (first.operation, first.what) == ("prepare", "lock")
    assert (first.subject, first.vma) == ("anon_vma of region 0 of worker", "region 0 of worker")
    locks = [(event.operation, event.vma) for event in traced.trace if event.what == "lock"]
    assert locks[1:5] == [
        ("clone", "region 0 of worker.1"),
        ("fork-link", "region 0 of worker.1"),
        ("unlink", "region 0 of worker.1"),
        ("unlink", "region 0 of worker.1"),
    ]


@pytest.mark.parametrize(("profile", "hazards"), [("3.0-rc1", 0), ("3.0-637fbbf", 5), ("3.0-dd34739c", 0), ("6.1", 0)])
def test_hazards_are_allocations_that_may_reclaim_under_the_lock(profile: str, hazards: int) -> None:
    """At depth 1, chain of 2: the second allocation of each clone comes after the lock (what lockdep reported)."""
    program = parse_program("map 0 1\nwrite 0 0\nfork\nrepeat 5\nfork\nend\nend\nend")
    assert sum(run(program, (), profile).hazards.values()) == hazards


def test_failed_nowait_allocation_costs_one_more() -> None:
    program = parse_program("map 0 1\nwrite 0 0\nfork\nwindow w\nfork\nend\nend\nend")
    lows = []
    for failing in ([], [2], [3]):
        window = run(program, (), "6.1", fail_nowait=failing).windows["w"]
        assert isinstance(window, Prediction)
        lows.append(window.low)
    assert lows == [3, 3, 4]


def test_the_model_needs_nothing_but_python() -> None:
    """Standard library only, and nothing of kit outside kit.model."""
    code = (
        "import sys; old = set(sys.modules); import kit.model.predict, kit.model.parse, kit.model.lockstat;"
        "new = {m for m in set(sys.modules) - old if m.split('.')[0] not in sys.stdlib_module_names};"
        "print(sorted(m for m in new if m != 'kit' and not m.startswith('kit.model')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
