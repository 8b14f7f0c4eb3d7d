"""What the guest sends of /proc/lock_stat: rows, and the call sites where a lock was contended."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kit.model.errors import ModelError
from kit.model.lockstat import parse_lock_stat, parse_site
from kit.workload.guestimage import SOURCES
from tests.guest.conftest import AS_IN_THE_GUEST, Compile

HERE = Path(__file__).resolve().parent
RULE = "-" * 200
# As 6.1's seq_stats prints a class with readers and writers, one with no contention, and a last one with few places.
STAT = f"""\
lock_stat version 0.4
{RULE}
                              class name    con-bounces    contentions   waittime-min   waittime-max waittime-total   waittime-avg    acq-bounces   acquisitions   holdtime-min   holdtime-max holdtime-total   holdtime-avg
{RULE}

                         &mm->mmap_lock-W:             1              2           3.50          40.00          43.50          21.75             10             20           0.10           9.00          60.00           3.00
                         &mm->mmap_lock-R:             0              1           2.00           2.00           2.00           2.00              5             30           0.20           4.00          33.00           1.10
                         ---------------
                           &mm->mmap_lock              2          [<00000000d1f0a4b2>] do_exit+0x1f0/0x5d0
                           &mm->mmap_lock              1          [<00000000aaaaaaaa>] dup_mmap+0x2c/0x3e0
                         ---------------
                           &mm->mmap_lock              3          [<00000000bbbbbbbb>] mmput+0x10/0x20 [ext4]

...............................................................................................................................................................................................................

                               fs_reclaim:             0              0           0.00           0.00           0.00           0.00              0             77           0.10           1.00          12.00           0.15
                                slob_lock:             0            743           0.10           8.00         900.00           1.21              0           9000           0.10           2.00        4000.00           0.44
                                ---------
                                slob_lock            743          [<00000000cccccccc>] slob_alloc+0x2c/0x1d0
"""  # noqa: E501


def test_places_are_sent_with_their_side(compiled: Compile, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "switch").write_text("0")
    sources = [HERE / "sites.c", SOURCES / "lockstat.c", SOURCES / "lines.c"]
    program = compiled(*sources, command=(*AS_IN_THE_GUEST, '-DSTAT="stat"', '-DSWITCH="switch"'))
    done = subprocess.run([program], cwd=tmp_path, capture_output=True, text=True, check=True)
    frames = [line.split("\t") for line in done.stdout.splitlines()]
    assert [f[0] for f in frames] == ["stat", "row", "row", "site", "site", "site", "row", "row", "site", "closed"]
    sites = [(f[2], *parse_site(f[3])) for f in frames if f[0] == "site"]
    assert sites == [
        ("waits", "&mm->mmap_lock", 2, "do_exit+0x1f0/0x5d0"),
        ("waits", "&mm->mmap_lock", 1, "dup_mmap+0x2c/0x3e0"),
        ("holds", "&mm->mmap_lock", 3, "mmput+0x10/0x20 [ext4]"),
        ("waits", "slob_lock", 743, "slob_alloc+0x2c/0x1d0"),
    ]


def test_the_host_s_reader_leaves_places_out() -> None:
    assert [r.name for r in parse_lock_stat(STAT)] == ["&mm->mmap_lock", "&mm->mmap_lock", "fs_reclaim", "slob_lock"]


@pytest.mark.parametrize("line", ["", "slob_lock 743", "slob_lock [<0>] f+0x1/0x2", "slob_lock x [<0>] f"])
def test_what_is_no_place(line: str) -> None:
    with pytest.raises(ModelError, match="no call site"):
        parse_site(line)
