"""A job's workplace: swept before, kept within the cache's limit afterwards, with the experiment's tools."""

from __future__ import annotations

from pathlib import Path

import pytest

import kit.run.workplace
from kit.base.errors import COULD_NOT_RUN, MachineError, UserError
from kit.base.project import PROJECT
from kit.cli import main
from kit.kernel.toolchain import Toolchain
from kit.run.workplace import workplace
from kit.store.cache import DRAFT, Cache
from kit.store.eviction import LIMIT
from kit.store.runfolder import RunFolder


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The toolchains that were asked for."""
    asked: list[str] = []

    def find(progress: object, name: str) -> Toolchain:
        asked.append(name)
        return Toolchain(name, name, False)

    monkeypatch.setattr(kit.run.workplace, "find_toolchain", find)
    return asked


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache of two kernels that is over its limit."""
    monkeypatch.setenv(LIMIT, "1")
    made = Cache(tmp_path / "cache")
    for name in ("one", "other"):
        (made.folder("kernels", name) / "vmlinux").write_bytes(b"x" * 10000)
    return made


def kernels(cache: Cache) -> set[str]:
    return {p.name for p in (cache.root / "kernels").iterdir()}


class Said(kit.run.workplace.Progress):
    """Records the notes."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_a_job_used_stays_and_the_rest_goes(cache: Cache, tools: list[str], tmp_path: Path) -> None:
    said = Said()
    with workplace(cache, said, "llvm") as place, place.at(RunFolder.create(tmp_path, "run", "0")):
        place.spare([("kernels", "one")])
        assert place.folder.is_held()
        assert kernels(cache) == {"one", "other"}
    assert (kernels(cache), tools) == ({"one"}, ["llvm"])
    assert ["removed the least recently used: 1 kernel" in note for note in said.notes] == [True]
    assert not place.folder.is_held()


def test_nothing_goes_where_a_job_fails_and_what_it_held_is_let_go(cache: Cache, tools: list[str]) -> None:
    def job() -> None:
        with workplace(cache, Said(), "gcc") as place:
            place.cache.use("kernels", "one")
            assert not Cache(cache.root).remove("kernels", "one")
            raise MachineError("of the job")

    with pytest.raises(MachineError, match="of the job"):
        job()
    assert kernels(cache) == {"one", "other"}
    assert Cache(cache.root).remove("kernels", "one")


def test_what_killed_kits_left_is_gone_before_the_job(cache: Cache, tools: list[str]) -> None:
    left = cache.folder("kernels", f"{DRAFT}left")
    with workplace(cache, Said(), "gcc"):
        assert not left.exists()


def test_a_limit_that_is_no_size_is_said_before_the_job(
    cache: Cache, tools: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "many")
    with pytest.raises(UserError, match="not a size"), workplace(cache, Said(), "gcc"):
        raise AssertionError("the job began")
    assert tools == []


@pytest.mark.parametrize(("sets", "wanted"), [([], "gcc"), (["--set", "toolchain=llvm"], "llvm")])
def test_a_shell_has_a_kernel_of_the_toolchain_that_was_asked_for(
    sets: list[str], wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def find(progress: object, name: str = "gcc") -> Toolchain:
        asked.append(name)
        raise MachineError("enough")

    monkeypatch.setattr(kit.run.workplace, "find_toolchain", find)
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    config = str(PROJECT / "configs" / "aim7.yaml")
    assert main(["shell", config, *sets, "--arm", "with", "--", "true"]) == COULD_NOT_RUN
    assert asked == [wanted]
