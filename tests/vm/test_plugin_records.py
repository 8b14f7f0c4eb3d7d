"""The records of QEMU's plugin: a good file, damaged ones, and ones that are made to hurt."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest

from kit.base.frames import FrameError
from kit.vm.plugin import records
from kit.vm.plugin.records import read_coverage, read_file

NONCE = "n0"
ALL = [(0, 1 << 64)]
HELLO = "hello\t1\tcoverage\t1"
GOOD = (
    HELLO,
    "stage\tboot", "runs\tffffffff81000000,10,1\t20,8,2",
    "stage\twindow", "runs\tffffffff81000000,4,3", "runs\t8,4,1",
    "stage\twindow", "runs",
    "stage\toutside", "runs\tffffffff81000000,8,1\t4,8,2",
    "end\tb",
)  # fmt: skip
TEXT = 0xFFFFFFFF81000000


def framed(*payloads: str) -> bytes:
    """These payloads as the plugin frames them."""
    out = []
    for number, text in enumerate(payloads):
        data = text.encode()
        out.append(b"K %s %d %d %08x %s\n" % (NONCE.encode(), number, len(data), zlib.crc32(data), data))
    return b"".join(out)


def test_a_good_file_says_how_often_code_ran_in_each_stage() -> None:
    found = read_coverage(framed(*GOOD), NONCE, ALL)
    first, second = found.windows
    assert [found.boot.most(TEXT + at, TEXT + at + 4) for at in (0, 0xC, 0x10, 0x20, 0x28)] == [1, 1, 0, 2, 0]
    assert [first.most(TEXT + at, TEXT + at + 4) for at in (0, 4, 8)] == [3, 0, 1]
    assert second.most(TEXT, TEXT + 0x100) == 0
    assert found.outside.most(TEXT + 4, TEXT + 5) == 3, "runs that overlap add up"
    assert found.outside.most(TEXT, TEXT + 4) == 1
    assert first.most(TEXT - 8, TEXT + 1) == 3, "a range may begin before the code"


def test_only_what_touches_the_asked_ranges_is_kept() -> None:
    found = read_coverage(framed(*GOOD), NONCE, [(TEXT + 0x8, TEXT + 0x9), (TEXT + 0x27, TEXT + 0x30)])
    assert found.boot.points == [TEXT, TEXT + 0x10, TEXT + 0x20, TEXT + 0x28]
    assert found.windows[0].points == [TEXT + 0x8, TEXT + 0xC]
    none = read_coverage(framed(*GOOD), NONCE, [(TEXT + 0x10, TEXT + 0x20)])
    assert none.boot.points == []


@pytest.mark.parametrize(
    ("payloads", "what"),
    [
        (("stage\tboot", "end"), "no greeting of coverage"),
        (("hello\t2\tcoverage\t1", "end"), "no greeting of coverage"),
        (("hello\t1\tother\t1", "end"), "no greeting of coverage"),
        ((HELLO, "runs\t1,1,1", "end"), "out of place: 'runs'"),
        ((HELLO, "stage\tsome", "end"), "out of place: 'stage'"),
        ((HELLO, "stage\tboot", "runs\t1,2", "end"), "not a run: '1,2'"),
        ((HELLO, "stage\tboot", "runs\t1,2,3,4", "end"), "not a run"),
        ((HELLO, "stage\tboot", "runs\t1,x,3", "end"), "not a run"),
        ((HELLO, "stage\tboot", "runs\t1,-2,3", "end"), "not a run"),
        ((HELLO, "stage\tboot", "runs\t1,0,3", "end"), "a run of nothing"),
        ((HELLO, "stage\tboot", "runs\t1,2,0", "end"), "a run of nothing"),
        ((HELLO, "stage\tboot", "runs\tffffffffffffffff,2,1", "end"), "beyond all addresses"),
        ((HELLO, "stage\tboot", f"runs\t{'f' * 60},2,1", "end"), "not a run"),
        ((HELLO, "stage\tboot", "stage\toutside", "full", "end"), "more code than the plugin can count"),
        ((HELLO, "stage\toutside", "end"), "not the stages of a boot that reached init: outside"),
        ((HELLO, "stage\tboot", "stage\twindow", "end"), "not the stages of a boot"),
        ((HELLO, "end"), "not the stages of a boot that reached init: none"),
        (GOOD[:-1], "no end marker"),
    ],
)
def test_what_is_wrong_ends_in_one_message(payloads: tuple[str, ...], what: str) -> None:
    with pytest.raises(FrameError, match=what):
        read_coverage(framed(*payloads), NONCE, ALL)


def test_each_single_byte_that_is_wrong_is_seen() -> None:
    data = framed(*GOOD)
    for at in range(len(data)):
        with pytest.raises(FrameError):
            read_coverage(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], NONCE, ALL)
        with pytest.raises(FrameError):
            read_coverage(data[:at], NONCE, ALL)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST", 1000)
    (tmp_path / "records").write_bytes(framed(*GOOD))
    assert len(read_file(tmp_path / "records", NONCE, ALL).windows) == 2
    (tmp_path / "records").write_bytes(framed(*GOOD).ljust(1001, b"\n"))
    with pytest.raises(FrameError, match="more than 1000 bytes"):
        read_file(tmp_path / "records", NONCE, ALL)


def test_runs_without_number_end_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the bound takes a twentieth of the memory, which is 300 MB at most."""
    monkeypatch.setattr(records, "KEPT", records.KEPT // 20)
    runs = "runs\t" + "\t".join(["1,ffffffffff,ffffffffffffffff"] * 1000)
    data = framed(HELLO, "stage\tboot", *[runs] * 50)
    assert len(data) < records.MOST / 20
    tracemalloc.start()
    with pytest.raises(FrameError, match="more than 25000 runs"):
        read_coverage(data, NONCE, ALL)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 300e6 / 20
