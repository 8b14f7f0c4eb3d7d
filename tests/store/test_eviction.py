"""The cache within its limit: sizes and last uses, what is evicted and what stays, and leftovers of killed kits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from rig import BOOTS, Bench

from kit.base.errors import BAD_INPUT, OK, UserError
from kit.cli import main
from kit.store import eviction
from kit.store.cache import Cache, held_folder
from kit.store.eviction import Entry, beyond, entries, older_than, parse_age, parse_size, remove, size_of, sweep

ROOT = Path(__file__).resolve().parents[2]
NOW = time.time()
HOLD = """
import sys, time
from pathlib import Path
from kit.store.cache import Cache
cache = Cache(Path(sys.argv[1]))
cache.use("kernels", "old")
draft = cache.new_folder("boots", "b")
with draft:
    print("held", flush=True)
    time.sleep(60)
"""


def put(root: Path, kind: str, name: str, days: float, size: int = 4096) -> Path:
    """An entry of that size, last used so many days ago."""
    folder = root / kind / name
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(os.urandom(size))
    os.utime(folder, (NOW - days * 86400, NOW - days * 86400))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KIT_CACHE_LIMIT", raising=False)
    made = Cache()
    put(made.root, "trees", "tree", 50, 100_000)
    put(made.root, "objects", "work", 20, 200_000)
    put(made.root, "kernels", "old", 40, 50_000)
    put(made.root, "kernels", "new", 1, 50_000)
    put(made.root, "boots", "boot", 10)
    (made.root / "venv-0").mkdir()
    return made


def names(found: list[Entry]) -> list[str]:
    return [f"{e.kind}/{e.name}" for e in found]


def test_entries_come_least_recently_used_first(cache: Cache) -> None:
    order = ["trees/tree", "kernels/old", "objects/work", "boots/boot", "kernels/new"]
    assert names(entries(cache)) == order
    cache.use("kernels", "old")
    assert names(entries(cache)) == [*order[:1], *order[2:], "kernels/old"]


def test_sizes_are_those_of_the_disk_and_follow_a_build(cache: Cache) -> None:
    work = cache.root / "objects" / "work"
    assert {e.name: e.size for e in entries(cache)}["old"] == 53_248
    (work / "build.log").write_text("built")
    before = {e.name: e.size for e in entries(cache)}["work"]
    (work / "vmlinux").write_bytes(os.urandom(100_000))
    assert {e.name: e.size for e in entries(cache)}["work"] == before, "not measured again without a build"
    (work / "build.log").write_text("built again")
    os.utime(work / "build.log", (NOW + 5, NOW + 5))
    assert {e.name: e.size for e in entries(cache)}["work"] > before + 100_000


def test_what_an_object_folder_shares_with_its_tree_counts_once(cache: Cache) -> None:
    before = size_of(cache.root / "objects" / "work")
    os.link(cache.root / "trees" / "tree" / "file", cache.root / "objects" / "work" / "source")
    assert size_of(cache.root / "objects" / "work") == before
    assert size_of(cache.root / "trees" / "tree") >= 100_000


@pytest.mark.parametrize(("text", "size"), [("10G", 10**10), ("1.5m", 1_500_000), ("7", 7), ("2 KB", 2000)])
def test_sizes_in_words(text: str, size: int) -> None:
    assert parse_size(text, "x") == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "10X", "ten"])
def test_no_sizes_and_no_ages(text: str) -> None:
    with pytest.raises(UserError, match="not a size"):
        parse_size(text, "KIT_CACHE_LIMIT")
    with pytest.raises(UserError, match="not an age"):
        parse_age(text, "--older")


def test_ages_in_words() -> None:
    assert [parse_age(t, "x") for t in ("30d", "2w", "1.5h", "10m")] == [2592000, 1209600, 5400, 600]


def test_a_limit_takes_least_recently_used_ones_and_no_source(cache: Cache) -> None:
    found = entries(cache)
    total = sum(e.size for e in found)
    assert beyond(found, total) == []
    assert names(beyond(found, total - 1)) == ["kernels/old"]
    assert names(beyond(found, total - 60_000)) == ["kernels/old", "objects/work"]
    assert names(beyond(found, 0)) == ["kernels/old", "objects/work", "boots/boot", "kernels/new"]
    assert names(beyond(found, total - 1, [("kernels", "old")])) == ["objects/work"]


def test_what_is_older_goes(cache: Cache) -> None:
    assert names(older_than(entries(cache), 15 * 86400)) == ["trees/tree", "kernels/old", "objects/work"]


def holder(cache: Cache) -> subprocess.Popen[bytes]:
    """Another kit, which uses kernels/old and is making boots/b."""
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(cache.root)], cwd=ROOT, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    return other


def test_what_another_kit_uses_is_left_until_it_ends(cache: Cache) -> None:
    other = holder(cache)
    done = remove(cache, entries(cache))
    assert names(list(done.in_use)) == ["kernels/old"]
    assert names(entries(cache)) == ["kernels/old"]
    sweep(cache)
    drafts = list((cache.root / "boots").glob(".new-*"))
    assert len(drafts) == 1, "its draft is left alone"
    other.kill()
    other.communicate()
    sweep(cache)
    assert not drafts[0].exists()
    assert names(list(remove(cache, entries(cache)).gone)) == ["kernels/old"]
    assert (cache.root / "venv-0").is_dir(), "what is not known is left"


def test_a_use_after_a_removal_is_worth_something(cache: Cache) -> None:
    first, second = Cache(cache.root), Cache(cache.root)
    assert first.remove("kernels", "old")
    first.use("kernels", "old")
    assert not second.remove("kernels", "old")
    first.release()
    assert second.remove("kernels", "old")


def test_temporary_folders_whose_owner_is_gone_are_swept(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long_ago = time.time() + eviction.BOOT_LIFE + 60
    with eviction.temporary_files() as ours:
        assert Path(tempfile.gettempdir()) == ours
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        for name in ("kit-run-left", "kit-boot-left", "other-left"):
            (tmp_path / name).mkdir()
        sweep(cache)
        assert (tmp_path / "kit-run-left").exists(), "it may be just in the making"
        monkeypatch.setattr(time, "time", lambda: long_ago)
        names_it = ["sh", "-c", "read line", str(tmp_path / "kit-boot-named")]
        sleeper = subprocess.Popen(names_it, stdin=subprocess.PIPE)
        while b"kit-boot-named" not in Path(f"/proc/{sleeper.pid}/cmdline").read_bytes():
            time.sleep(0)  # for a moment after exec a command line is empty
        (tmp_path / "kit-boot-named").mkdir()
        (tmp_path / "kit-boot-open").mkdir()
        with (tmp_path / "kit-boot-open" / "results").open("w") as results:
            argv = ["qemu-system-x86_64", "-c", "read line"]
            guest = subprocess.Popen(argv, executable="/bin/sh", stdin=subprocess.PIPE, stdout=results)
            while b"qemu-system" not in Path(f"/proc/{guest.pid}/cmdline").read_bytes():
                time.sleep(0)
        named = eviction._command_lines()
        sleeper.communicate()
        guest.communicate()
        monkeypatch.setattr(eviction, "_command_lines", lambda: named)
        sweep(cache)
        assert ours.exists()
        left = {p.name for p in tmp_path.iterdir()} - {ours.name, "cache"}
        assert left == {"kit-boot-named", "kit-boot-open", "other-left"}
    assert not ours.exists()


def test_a_held_folder_is_gone_with_its_block(tmp_path: Path) -> None:
    with held_folder(tmp_path, "x-") as folder:
        (folder / "deep").mkdir()
        assert eviction.remove_unowned([folder]) == 0
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path)
    assert eviction.remove_unowned([tmp_path / "link", tmp_path / "nosuch"]) == 0
    assert tmp_path.exists()


# The verb.


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["clean", *argv])
    return code, *capsys.readouterr()


def test_clean_alone_shows_and_removes_nothing(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys)
    assert code == OK
    assert "limit 20.0 GB" in out
    kernels = next(line.split() for line in out.splitlines() if line.startswith("kernels"))
    assert kernels[1:] == ["2", "106.5", "kB", "1", "d", "ago", "built", "kernels"]
    assert len(entries(cache)) == 5
    assert {e["name"] for e in json.loads(call(capsys, "--json")[1])} == {"tree", "work", "old", "new", "boot"}


def test_clean_removes_what_it_is_told(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    dry = call(capsys, "--older", "30d", "--dry-run")
    assert (dry[0], "would be removed" in dry[1], len(entries(cache))) == (OK, True, 5)
    done = call(capsys, "--older", "30d")
    assert "kernels: 1 (53.2 kB): old" in done[1]
    assert "trees: 1" in done[1]
    assert names(entries(cache)) == ["objects/work", "boots/boot", "kernels/new"]
    call(capsys, "--keep-size", "100k")
    assert names(entries(cache)) == ["boots/boot", "kernels/new"]
    assert call(capsys, "--keep-size", "100k")[1] == "nothing to remove\n"


def test_clean_all_wants_a_yes(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "--all")
    assert (code, "nothing was removed" in err, len(entries(cache))) == (BAD_INPUT, True, 5)
    assert call(capsys, "--all", "--yes")[0] == OK
    assert entries(cache) == []
    assert "nothing in it" in call(capsys)[1]


@pytest.mark.parametrize("argv", [["--older", "x"], ["--keep-size", "x"]])
def test_clean_of_nonsense_is_bad_input(cache: Cache, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert call(capsys, *argv)[0] == BAD_INPUT
    assert len(entries(cache)) == 5


# A run's own housekeeping.


def test_a_run_keeps_the_cache_within_its_limit_and_what_it_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = ("kernels", "boots", "objects")
    for kind in kinds:
        put(bench.cache, kind, "stale", 9)
    monkeypatch.setenv("KIT_CACHE_LIMIT", "1k")
    ran = bench.run()
    assert ran.code == OK
    assert "KIT_CACHE_LIMIT=1k; removed the least recently used: 1 kernel, 1 boot, 1 object folder" in ran.err
    assert [len(list((bench.cache / k).iterdir())) for k in kinds] == [2, BOOTS, 1]
    assert bench.run().code == OK
    assert bench.did("boot") == BOOTS
    monkeypatch.setenv("KIT_CACHE_LIMIT", "much")
    wrong = bench.run()
    assert (wrong.code, "KIT_CACHE_LIMIT: not a size: 'much'" in wrong.err) == (BAD_INPUT, True)


def test_a_run_sweeps_what_killed_ones_left(bench: Bench) -> None:
    (bench.cache / "kernels" / ".new-left").mkdir(parents=True)
    assert bench.run().code == OK  # the bench itself looks for drafts that stay


def test_everything_cleaned_away_is_made_again(bench: Bench) -> None:
    assert bench.run().code == OK
    assert bench.call("clean", "--all", "--yes").code == OK
    assert bench.run().code == OK
    assert bench.did("boot") == 2 * BOOTS
