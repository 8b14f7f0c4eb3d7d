"""The sandbox: what it shows to a build, whose objects a build is given, and what kit takes out of its folder. That the
walls hold is for tests/boot/test_hostile_build.py."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from notes import Notes
from rig import Bench

from kit.base import commands
from kit.base.commands import LINE_COST, Within
from kit.base.errors import COULD_NOT_RUN, OK, BuildError, MachineError
from kit.base.progress import Progress
from kit.base.project import PROJECT
from kit.kernel import sandbox
from kit.kernel.fork import fork
from kit.kernel.made import copy, text_of
from kit.kernel.sandbox import GIVES_UP, NOBODY, OFF, Sandbox, enclosure, find
from kit.kernel.tree import Tree
from kit.kernel.trust import are_own, ccache_of
from kit.kernel.workspace import Workspace


def words(box: Sandbox, **asked: dict[Path, Path]) -> str:
    return " ".join(box.prefix({"CCACHE_DIR": "/c"}, asked.get("read", {}), asked.get("write", {})))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one folder, with what kit runs beside bwrap."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in ("choom", "env", "prlimit", "setpriv", "sh"):
        (folder / tool).symlink_to(shutil.which(tool) or pytest.skip(f"needs {tool}"))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(OFF, raising=False)
    return folder


# What is shown.


def test_a_build_has_no_network_no_home_and_sees_what_is_asked_for_at_its_own_path() -> None:
    read, write = {Path("/k/in"): Path("/k/out")}, {Path("/k/in/o"): Path("/o")}
    said = words(Sandbox("bwrap", drops=False), read=read, write=write)
    assert "--unshare-net" in said
    assert "--unshare-pid" in said
    assert "--ro-bind /k/out /k/in --bind /o /k/in/o" in said, "the second lies in the first"
    assert f" {Path.home()} " not in said
    assert "--setenv HOME /tmp/home" in said
    assert said.index("--tmpfs /tmp") < said.index("--ro-bind /k/out"), "the cache may lie below /tmp"


def test_root_is_nobody_inside_and_no_root_of_a_user_namespace() -> None:
    root, user = words(Sandbox("bwrap", drops=True)), words(Sandbox("bwrap", drops=False))
    assert f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups" in root
    assert "--unshare-user" not in root
    assert "setpriv" not in user
    assert "--unshare-user --disable-userns" in user


def test_the_environment_is_a_short_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    said = Sandbox("bwrap", drops=False).prefix({"CCACHE_DIR": "/c"}, {}, {})
    names = {said[i + 1] for i, word in enumerate(said) if word == "--setenv"}
    assert names == {"PATH", "HOME", "TMPDIR", "LC_ALL", "USER", "LOGNAME", "SHELL", "CCACHE_DIR"}
    assert "--clearenv" in said
    assert said[:3] == ["env", "-i", f"PATH={os.environ['PATH']}"], "bwrap itself is seen inside, in /proc"


def test_a_compiler_of_the_users_is_shown_with_what_lies_beside_it(tmp_path: Path, tools: Path) -> None:
    (gcc := tmp_path / "gcc-13" / "bin" / "gcc").parent.mkdir(parents=True)
    gcc.touch(0o755)
    os.environ["PATH"] += f":{gcc.parent}"  # the fixture takes it back
    said = Sandbox("bwrap", drops=False).prefix({}, {}, {}, ("gcc", "make"))
    shown = [said[i + 1] for i, word in enumerate(said) if word == "--ro-bind"]
    assert str(tmp_path / "gcc-13") in shown


def test_a_tool_in_the_home_itself_does_not_show_the_home(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gcc := tmp_path / "home" / "bin" / "gcc").parent.mkdir(parents=True)
    gcc.touch(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tools}:{gcc.parent}")
    said = Sandbox("bwrap", drops=False).prefix({}, {}, {}, ("gcc",))
    shown = [said[i + 1] for i, word in enumerate(said) if word == "--ro-bind"]
    assert str(gcc) in shown
    assert str(tmp_path / "home") not in shown


# Whether there is one.


def test_none_is_looked_for_if_the_user_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "1")
    assert (find().sandbox, find().asked) == (None, True)
    progress = Notes()
    for foreign in (True, False):
        assert enclosure(foreign, progress, "with") is None
    assert progress.said == [f"{GIVES_UP} ({OFF} is set)"], "it is said once what that gives up"


def test_where_none_is_installed_only_foreign_patches_are_refused(tools: Path) -> None:
    progress = Notes()
    assert enclosure(False, progress, "without") is None
    assert progress.said == [f"{GIVES_UP} (bubblewrap (bwrap) is not installed)"]
    with pytest.raises(MachineError, match=r"no sandbox for a foreign patch: bubblewrap .* is not installed") as caught:
        enclosure(True, progress, "with")
    assert "--no-sandbox" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "No permissions to create new namespace"),
        ("exit 7", "bubblewrap fails here: 7"),
    ],
)
def test_one_that_fails_is_none_and_its_own_words_are_told(tools: Path, script: str, why: str) -> None:
    calls = tools / "calls"
    (tools / "bwrap").write_text(f"#!/bin/sh\necho x >>{calls}\n{script}\n")
    (tools / "bwrap").chmod(0o755)
    found = find()
    assert found.sandbox is None
    assert why in found.why
    assert find() == found
    assert calls.read_text() == "x\n", "it is tried once"


def test_a_run_without_says_so_and_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OFF)
    monkeypatch.setattr(sandbox, "PROGRAM", "bwrap-is-not-here")
    bench.arms()
    ran = bench.run()
    assert ran.code == OK, ran
    assert ran.err.count(GIVES_UP) == 1


def test_no_sandbox_is_an_option_of_what_builds(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OFF)
    monkeypatch.setattr(sandbox, "PROGRAM", "bwrap-is-not-here")
    bench.arms(with_=[bench.fault("foreign")])
    assert bench.run().code == COULD_NOT_RUN
    assert bench.did("make vmlinux") == 0, "that is said before anything is built"
    monkeypatch.setenv(OFF, "")  # what the option sets is taken back after the test
    ran = bench.run("--no-sandbox")
    assert ran.code == OK, ran
    assert ran.err.count(GIVES_UP) == 1
    monkeypatch.setenv(OFF, "")
    assert bench.run().code == OK, "its kernel is there"


# Whose objects a build is given.


def test_patches_that_come_with_kit_are_its_own_wherever_they_lie(tmp_path: Path) -> None:
    ours = PROJECT / "patches" / "v6.1" / "unbatch-clone.patch"
    other = tmp_path / "other.patch"
    shutil.copy(ours, other)
    assert are_own([str(ours), str(other)])
    other.write_text(other.read_text().replace("anon_vma", "anon_vmb", 1))
    assert not are_own([str(ours), str(other)])
    assert are_own([])


def test_ccache_has_a_folder_for_debian_and_one_for_each_other_tree(tmp_path: Path) -> None:
    def folder(ref: str, workspace: str) -> tuple[str, str]:
        return ccache_of(Tree(ref, "key", workspace, tmp_path, "6.1"), held=False)

    assert folder("debian:6.1", "a") == folder("debian:6.12", "b") == ("ccache", "depend")
    mine, yours = folder("dir:/mine", "/mine"), folder("git:/yours@v6.1", "/yours")
    assert len({mine, yours, ("ccache", "depend")}) == 3
    assert folder("tarball:/debian:6.1.tar", "x") != ("ccache", "depend")
    held = ccache_of(Tree("debian:6.1", "key", "a", tmp_path, "6.1"), held=True)
    assert held == ("ccache", "depend-held"), "what a build without a sandbox left is not believed"


def files(tmp_path: Path, **contents: str) -> Tree:
    root = tmp_path / "tree"
    root.mkdir()
    for name, content in contents.items():
        (root / f"{name}.c").write_text(content)
    return Tree("debian:6.1", "key", "w", root, "6.1")


def build(folder: Path, tree: Tree, series: dict[str, bytes | None]) -> Workspace:
    """Stands for a build: an object is made of each source that is newer."""
    space = Workspace(folder)
    space.fill(tree, Progress())
    space.apply(tree, series)
    for source in space.src.iterdir():
        made = space.obj / f"{source.stem}.o"
        if not made.exists() or made.stat().st_mtime_ns < source.stat().st_mtime_ns:
            time.sleep(0.01)
            made.write_bytes(b"object of " + source.read_bytes())
    (space.obj / "vmlinux").touch()
    space.end_build(whole=True)
    return space


def objects(space: Workspace) -> dict[str, str]:
    return {p.stem: p.read_text() for p in sorted(space.obj.glob("*.o"))}


def test_a_foreign_series_begins_with_the_trees_objects_and_leaves_them_alone(tmp_path: Path) -> None:
    tree = files(tmp_path, a="a", b="b", c="c")
    base, apart = tmp_path / "base", tmp_path / "apart"
    base.mkdir()
    apart.mkdir()
    own: list[dict[str, bytes | None]] = [{"b.c": b"B1"}, {"b.c": b"B2"}, {}, {"c.c": b"C"}]
    for number, (key, series) in enumerate(
        [
            ("first", {"a.c": b"A1"}),
            ("second", {"a.c": b"A2", "c.c": None}),
            ("second", {"a.c": b"A2", "c.c": None}),
            ("third", {"b.c": b"B3"}),
        ]
    ):
        before = objects(build(base, tree, own[number]))
        fork(apart, base, key, Progress())
        space = build(apart, tree, series)
        wanted = {p.stem: f"object of {p.read_text()}" for p in space.src.iterdir()}
        assert {k: v for k, v in objects(space).items() if k in wanted} == wanted, key
        assert {p.name: p.read_bytes() for p in space.src.iterdir()} == {
            **{p.name: p.read_bytes() for p in tree.root.iterdir() if series.get(p.name, b"") is not None},
            **{name: content for name, content in series.items() if content is not None},
        }
        (space.obj / "planted").touch()
        (space.obj / "b.o").touch()
        assert objects(Workspace(base)) == before
    fork(apart, base, "fourth", Progress())
    assert not (apart / "obj" / "planted").exists()


def test_a_foreign_series_whose_tree_was_never_built_begins_with_nothing(tmp_path: Path) -> None:
    tree = files(tmp_path, a="a")
    (apart := tmp_path / "apart").mkdir()
    fork(apart, tmp_path / "base", "first", Progress())
    (build(apart, tree, {"a.c": b"A1"}).obj / "planted").touch()
    fork(apart, tmp_path / "base", "second", Progress())
    assert not (apart / "obj").exists()
    assert objects(build(apart, tree, {})) == {"a": "object of a"}


@pytest.mark.parametrize("ended", ["failed", "not begun"])
def test_objects_that_are_older_than_the_trees_source_are_made_anew(tmp_path: Path, ended: str) -> None:
    """The tree's folder is brought to another series without a whole build: its line tables were asked for, or make
    failed."""
    tree = files(tmp_path, a="a", b="b")
    base, apart = tmp_path / "base", tmp_path / "apart"
    for folder in (base, apart):
        folder.mkdir()
    fork(apart, base, "first", Progress())
    build(apart, tree, {"a.c": b"A1"})
    build(base, tree, {"b.c": b"B1"})
    space = Workspace(base)
    if ended == "failed":
        space.start_build()
    space.apply(tree, {})
    if ended == "failed":
        space.end_build(whole=False)
    fork(apart, base, "second", Progress())
    assert objects(build(apart, tree, {"a.c": b"A2"})) == {"a": "object of A2", "b": "object of b"}


def test_objects_of_a_folder_that_does_not_tell_which_are_old_are_not_copied(tmp_path: Path) -> None:
    """One of an earlier kit."""
    tree = files(tmp_path, a="a")
    base, apart = tmp_path / "base", tmp_path / "apart"
    for folder in (base, apart):
        folder.mkdir()
    build(base, tree, {})
    for state in ('{"base": {}, "changed": {}}', None):
        (base / "state.json").unlink()
        if state:
            (base / "state.json").write_text(state)
        fork(apart, base, f"of {state}", Progress())
        assert not (apart / "obj").exists()
        space = Workspace(base)
        space.fill(tree, Progress())
        space.apply(tree, {"a.c": b"A1" if state else b"A2"})
        fork(apart, base, f"of {state}, written", Progress())
        assert not (apart / "obj").exists()
    build(base, tree, {})
    fork(apart, base, "now", Progress())
    assert (apart / "obj" / "a.o").exists()


@pytest.mark.parametrize("whose", ["base", "apart"])
def test_objects_whose_sources_state_is_damaged_are_made_anew(tmp_path: Path, whose: str) -> None:
    tree = files(tmp_path, a="a", b="b")
    base, apart = tmp_path / "base", tmp_path / "apart"
    for folder in (base, apart):
        folder.mkdir()
    build(base, tree, {"b.c": b"B1"})
    fork(apart, base, "first", Progress())
    build(apart, tree, {"a.c": b"A1"})
    (tmp_path / whose / "state.json").write_text("{")
    fork(apart, base, "second", Progress())
    assert objects(build(apart, tree, {})) == {"a": "object of a", "b": "object of b"}
    assert objects(build(base, tree, {})) == {"a": "object of a", "b": "object of b"}


def test_objects_of_a_build_that_was_killed_are_not_copied(tmp_path: Path) -> None:
    tree = files(tmp_path, a="a")
    (tmp_path / "base").mkdir()
    build(tmp_path / "base", tree, {}).start_build()
    (apart := tmp_path / "apart").mkdir()
    fork(apart, tmp_path / "base", "first", Progress())
    assert not (apart / "obj").exists()


# What kit takes out.


def test_what_a_build_made_is_a_regular_file_in_its_folder(tmp_path: Path) -> None:
    (obj := tmp_path / "obj").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (obj / "deep").symlink_to(tmp_path)
    (obj / "link").symlink_to(secret)
    os.mkfifo(obj / "pipe")
    (obj / "folder").mkdir()
    with (obj / "large").open("wb") as file:
        file.truncate(100 << 20)
    for name, why in (
        ("link", "it is a link"),
        ("deep/secret", "it is a link, or behind one"),
        ("pipe", "it is no regular file"),
        ("folder", "it is no regular file"),
        ("large", "it has 104857600 bytes"),
        ("nothing", "it is not there"),
    ):
        with pytest.raises(BuildError, match=why):
            text_of(obj, name)
    (obj / ".config").write_text("CONFIG_A=y\n")
    assert text_of(obj, ".config") == "CONFIG_A=y\n"
    copy(obj, ".config", tmp_path / "config")
    assert (tmp_path / "config").read_text() == "CONFIG_A=y\n"


# What a command is held in.


class TooMuch(Exception):
    pass


def refuse() -> None:
    raise TooMuch


@pytest.mark.parametrize("script", ["yes", "yes | tr -d '\\n'", "cat /dev/zero"])
def test_what_prints_too_much_is_ended(script: str) -> None:
    with pytest.raises(TooMuch):
        commands.run(["sh", "-c", script], progress=Progress(), limit=60, within=Within(output=1e6, too_much=refuse))


def test_a_line_costs_more_than_its_bytes() -> None:
    within = Within(output=100 * LINE_COST, too_much=refuse)
    assert commands.run(["seq", "50"], progress=Progress(), limit=60, within=within).status == 0
    with pytest.raises(TooMuch):
        commands.run(["seq", "200"], progress=Progress(), limit=60, within=within)


@pytest.mark.parametrize("script", ["sleep 60", "while echo x; do sleep 0.01; done"])
def test_it_is_watched_while_it_prints_and_while_it_is_silent(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "WATCH_SECONDS", 0.05)
    with pytest.raises(TooMuch):
        commands.run(["sh", "-c", script], progress=Progress(), limit=60, within=Within(watch=lambda _pid: refuse()))
