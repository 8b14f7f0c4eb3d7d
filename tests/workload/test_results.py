"""The results of a real boot are read; any damage to them is refused and named."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.records import Outcome, UserTime
from kit.workload.results import ResultsError, parse_results, read_results, read_session

NONCE = "c44cc98974343144"
DATA = (Path(__file__).resolve().parents[1] / "golden" / "results-6.1.txt").read_bytes()
FRAMES = DATA.splitlines(keepends=True)

# Enough of a file for the tests that go byte by byte: hello, layout, one short window, end.
SMALL_PAYLOADS = [
    "hello\t1\t6.1.192\t2",
    "worker\tone",
    "vma\t413000\t48b000\trw-p\t36\t[heap]",
    "layout\t1",
    "window\td0\t2400000",
    "stat\td0\tlock_stat version 0.4",
    "row\td0\t&anon_vma->rwsem: 0 0 0.00 0.00 0.00 0.00 996 2400 0.00 39.72 5136.46 2.14",
    "user\td0\t0\t23",
    "closed\td0",
    "end\t9",
]


def frames(payloads: list[str], nonce: str = NONCE, start: int = 0) -> bytes:
    return b"".join(
        f"K {nonce} {seq} {len(p.encode())} {zlib.crc32(p.encode()):08x} {p}\n".encode()
        for seq, p in enumerate(payloads, start)
    )


SMALL = frames(SMALL_PAYLOADS)
WORKER = ["hello\t1\t6.1\t1", "worker\tw"]


RAN = [
    *SMALL_PAYLOADS[:4],
    "ran\tp\t5\t3\t0\t0",
    "printed\tp\tstdout\t10\t3\t2",
    "out\tp\tstdout\tYWJj",
    "out\tp\tstdout\teXo=",
    "printed\tp\tstderr\t0\t0\t0",
]


def kind(data: bytes) -> Outcome:
    outcome, why, results = read_results(data, NONCE)
    assert (outcome is Outcome.OK) == (results is not None)
    assert (outcome is Outcome.OK) == (why == "")
    return outcome


def test_a_real_boot() -> None:
    results = parse_results(DATA, NONCE)
    assert (results.release, results.cpus) == ("6.1.192", 1)
    assert {name: len(layout) for name, layout in results.layouts.items()} == {
        "/bin/sh": 8,
        "chain": 11,
        "users": 11,
    }
    assert [window.name for window in results.windows] == ["d0", "d1", "u2"]
    anon_vma = [row for window in results.windows for row in window.rows if row.name == "&anon_vma->rwsem"]
    # 6.1 takes the lock three times per fork and VMA with an anon_vma, here .data, .bss, stack and region 0.
    assert [row.acquisitions for row in anon_vma] == [3 * 4 * 20, 3 * 4 * 20, 3 * 4 * 2]
    assert [user.index for user in results.windows[2].users] == [0, 1]
    for name, layout in results.layouts.items():
        (stack,) = (vma for vma in layout if vma.name == "[stack]")
        touched = 4 if name == "/bin/sh" else 64  # KiB at least: workers touch theirs ahead of all windows
        assert (stack.perms, stack.anonymous >= touched) == ("rw-p", True)


def test_the_small_file_is_read() -> None:
    window = parse_results(SMALL, NONCE).windows[0]
    (row,) = window.rows
    assert (row.name, row.mode, row.contentions, row.acquisitions) == ("&anon_vma->rwsem", "", 0, 2400)
    assert len(row.times) == 4
    assert window.users == (UserTime(0, 23),)


def test_every_truncation_is_refused() -> None:
    for size in range(len(SMALL)):
        assert kind(SMALL[:size]) is Outcome.NO_END, size


def test_every_corrupted_byte_is_refused() -> None:
    first = len(frames(SMALL_PAYLOADS[:1]))
    for at in range(len(SMALL)):
        flipped = {SMALL[at] ^ (1 << bit) for bit in range(8)} | set(b"\n\r\t %0K")
        for value in range(256) if at < first else flipped:
            if value != SMALL[at]:
                assert kind(SMALL[:at] + bytes([value]) + SMALL[at + 1 :]) is not Outcome.OK, (at, value)


@pytest.mark.parametrize("first", range(4))
def test_truncated_and_corrupted_real_files_are_refused(first: int) -> None:
    for at in range(first, len(DATA), 101):
        assert kind(DATA[:at]) is Outcome.NO_END, at
        assert kind(DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]) is not Outcome.OK, at


@given(st.binary(max_size=40), st.integers(0, len(SMALL)))
def test_inserted_bytes_are_refused(garbage: bytes, at: int) -> None:
    if garbage:
        assert kind(SMALL[:at] + garbage + SMALL[at:]) is not Outcome.OK


@given(st.integers(0, len(SMALL)), st.integers(1, 200))
def test_removed_bytes_are_refused(at: int, size: int) -> None:
    if SMALL[at : at + size]:
        assert kind(SMALL[:at] + SMALL[at + size :]) is not Outcome.OK


@given(st.integers(0, len(FRAMES) - 1), st.integers(0, len(FRAMES) - 1))
def test_exchanged_and_doubled_and_lost_frames_are_refused(one: int, other: int) -> None:
    if one != other:
        swapped = list(FRAMES)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert kind(b"".join(swapped)) is Outcome.DAMAGED
    assert kind(b"".join(FRAMES[: one + 1] + FRAMES[one:])) is Outcome.DAMAGED
    if one < len(FRAMES) - 1:
        assert kind(b"".join(FRAMES[:one] + FRAMES[one + 1 :])) is Outcome.DAMAGED


@pytest.mark.parametrize(
    ("change", "outcome", "why"),
    [
        (lambda f: f[:-1], Outcome.NO_END, "no end marker after 9 frames"),
        (lambda f: [*f[:-1], f[-1][:-4]], Outcome.NO_END, "cut"),
        (lambda f: [*f[:4], f[4].replace(b"d0", b"d1"), *f[5:]], Outcome.DAMAGED, "frame 4: wrong checksum"),
        (lambda f: [*f[:4], f[4].replace(b"d0", b"d00"), *f[5:]], Outcome.DAMAGED, "frame 4: 18 bytes instead of 17"),
        (lambda f: [*f[:3], *f[4:]], Outcome.DAMAGED, "frame 3: it has number 4: frames are missing"),
        (lambda f: [*f[:3], *f[2:]], Outcome.DAMAGED, "frame 3: it has number 2: doubled"),
        (lambda f: [*f[:3], b"[ 1.0] printk\n", *f[3:]], Outcome.DAMAGED, "frame 3: not a frame"),
        (lambda f: [*f, b"more\n"], Outcome.DAMAGED, "data after the end marker"),
        (lambda f: [*f, b"more"], Outcome.DAMAGED, "data after the end marker"),
        (lambda f: [], Outcome.NO_END, "after 0 frames"),
    ],
)
def test_each_damage_has_its_name(change: Callable[[list[bytes]], list[bytes]], outcome: Outcome, why: str) -> None:
    data = b"".join(change(SMALL.splitlines(keepends=True)))
    with pytest.raises(ResultsError) as error:
        parse_results(data, NONCE)
    assert error.value.kind is outcome
    assert why in str(error.value)


def test_the_results_of_another_boot_are_refused() -> None:
    outcome, why, _ = read_results(SMALL, "0123456789abcdef")
    assert outcome is Outcome.DAMAGED
    assert "of another boot" in why


def test_what_the_guest_says_of_a_failure_is_passed_on() -> None:
    assert read_results(frames(["fail\tprogram:3: no such operation: fo%09rk"]), NONCE) == (
        Outcome.FAILED,
        "program:3: no such operation: fo\trk",
        None,
    )


@pytest.mark.parametrize(
    ("payloads", "why"),
    [
        (["hello\t2\t6.1\t1"], "protocol 2"),
        (["window\td0\t1"], "before hello"),
        (["hello\t1\t6.1\tmany"], "not a number"),
        (["hello\t1\t6.1"], "no such frame"),
        (["hello\t1\t6.1\t1", "unheard\tof"], "no such frame"),
        (["hello\t1\t6.1\t1", "window\ta\t1", "window\tb\t1"], "window b inside window a"),
        (["hello\t1\t6.1\t1", "row\ta\tx: 1"], "window a is not open"),
        ([*WORKER, "layout\t1"], "0 vma frames instead of 1"),
        ([*WORKER, "layout\t0", "end\t4"], "the end marker says 4 frames"),
        ([*WORKER, "layout\t0", "window\ta\t1", "end\t4"], "before hello, layout or the end of a window"),
        ([*WORKER, "end\t2"], "before hello, layout"),
        ([*WORKER, "layout\t0", "worker\tw", "layout\t0", "end\t5"], "worker w out of place"),
        ([*WORKER, "worker\tv"], "worker v out of place"),
        ([*WORKER, "layout\t0", "window\ta\t1", "worker\tv"], "worker v out of place"),
        ([*WORKER, "layout\t0", "vma\t1000\t2000\trw-p\t0\t"], "a vma of no worker"),
        (["hello\t1\t6.1\t1", "layout\t0", "end\t2"], "a layout of no worker"),
        (["hello\t1\t6.1\t1", "end\t1"], "before hello, layout"),
        (["hello\t1\t6.1\t1", "window\ta\t1", "row\ta\tx: 1 2"], "lock_stat version  is not known"),
        (["hello\t1\t6.1%\t1"], "unknown escape '%'"),
    ],
)
def test_frames_that_make_no_sense_are_refused(payloads: list[str], why: str) -> None:
    with pytest.raises(ResultsError) as error:
        parse_results(frames(payloads), NONCE)
    assert error.value.kind is Outcome.DAMAGED
    assert why in str(error.value)


def test_what_a_payload_printed() -> None:
    [run] = parse_results(frames([*RAN, "end\t9"]), NONCE).payloads
    assert (run.name, run.status, run.stdout.bytes, run.stdout.head, run.stdout.tail) == ("p", 3, 10, "abc", "yz")
    assert run.stdout.text == "abc\n[... 5 bytes ...]\nyz"
    assert (run.stderr.bytes, run.stderr.text) == (0, "")


def test_a_payload_that_fails_has_last_words() -> None:
    outcome, why, _ = read_results(frames([*RAN, "fail\tp: exit status 3"]), NONCE)
    assert (outcome, why) == (
        Outcome.FAILED,
        "p: exit status 3; its last words (stdout): abc | [... 5 bytes ...] | yz",
    )


@pytest.mark.parametrize(
    "payloads",
    [
        [*RAN[:-1], "end\t8"],  # standard error is not told of
        [*RAN[:7], *RAN[8:], "end\t8"],  # a piece is missing
        [*RAN, RAN[-1], "end\t10"],  # told twice
        [*RAN, RAN[4], "end\t10"],  # ran twice
        [*RAN[:4], RAN[6], "end\t5"],  # a piece of nobody
        [*RAN, "out\tp\tstderr\t!!", "end\t10"],  # not base64
        [*RAN, "out\tp\tstdlog\tYWJj", "end\t10"],
    ],
)
def test_output_that_is_not_whole_is_damage(payloads: list[str]) -> None:
    assert kind(frames(payloads)) is Outcome.DAMAGED


def test_how_a_session_ended() -> None:
    assert read_session(frames(["hello\t1\t6.1\t1", "ran\tsession\t0\t-1\t9\t0", "end\t2"]), NONCE) == (-1, 9)
    for payloads in (["hello\t1\t6.1\t1", "end\t1"], ["hello\t1\t6.1\t1", "fail\tno port"], ["hello\t1\t6.1\t1"]):
        with pytest.raises(ResultsError):
            read_session(frames(payloads), NONCE)
