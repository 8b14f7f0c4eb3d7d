"""A foreign patch whose Makefile attacks whoever builds it, by real make in the real sandbox: what it wants does not
happen, and the message says what did. The tree is the fake one, and so are the guests."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import processes
import pytest
from rig import RMAP, Bench, Ran

import kit.kernel.build
import kit.kernel.enclosed
import kit.kernel.sandbox
from kit.base.errors import COULD_NOT_RUN, NOT_AS_EXPECTED, OK
from kit.kernel.sandbox import OFF, bounds, find

pytestmark = [pytest.mark.boot, pytest.mark.process]

LINK = "\t@echo '  LD      vmlinux'\n"
MIB = 1 << 20


@pytest.fixture
def victim(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench with the sandbox that a user has, and small bounds."""
    monkeypatch.delenv(OFF)
    if find().sandbox is None:
        pytest.skip(f"no sandbox on this machine: {find().why}")
    small = replace(bounds(), disk=64 * MIB, output=8 * MIB)
    for module in (kit.kernel.enclosed, kit.kernel.sandbox):
        monkeypatch.setattr(module, "bounds", lambda: small)
    return bench


def attack(bench: Bench, *commands: str) -> Ran:
    """Runs an experiment whose arm `with` has these commands in its Makefile, before vmlinux is made."""
    recipe = LINK + "".join(f"\t@{command}\n" for command in commands)
    bench.arms(with_=[bench.patch("hostile", LINK, recipe, "Makefile"), bench.fault("another kernel")])
    return bench.run()


def everywhere(bench: Bench) -> Iterator[tuple[Path, bytes]]:
    """Every file that kit has written."""
    for top in (bench.cache, bench.folder / "runs"):
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


def test_the_same_patch_without_an_attack_is_built(victim: Bench) -> None:
    ran = attack(victim, "true")
    assert ran.code == OK, ran
    assert victim.verdict()["verdict"] == "same"


def test_it_reads_no_home(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    home = victim.folder / "home"
    home.mkdir()
    secret = secrets.token_hex()
    (home / "key").write_text(secret)
    monkeypatch.setenv("HOME", str(home))
    ran = attack(victim, f"cat {home}/key >$(O)/vmlinux.key", f"cat {home}/key")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert f"cat: {home}/key: No such file or directory" in ran.out
    assert not any(secret.encode() in content for _, content in everywhere(victim))


@pytest.mark.parametrize("link", ["vmlinux", ".config"])
def test_it_makes_kit_read_no_home(victim: Bench, link: str) -> None:
    """kit is not in the sandbox: a link to a secret, in the place of what kit wants of a build."""
    secret = secrets.token_hex()
    key = victim.folder / "key"
    key.write_text(secret)
    ran = attack(victim, f"ln -sf {key} $(O)/{link}; cat $^ >$@.new; test {link} = vmlinux || mv $@.new $@", "exit 0")
    # what follows writes vmlinux through the link, and cannot
    assert ran.code == NOT_AS_EXPECTED, ran
    assert key.read_text() == secret
    assert not any(secret.encode() in content for _, content in everywhere(victim))


def test_it_writes_no_kernel_of_the_cache_and_no_source(victim: Bench) -> None:
    kernels = victim.cache / "kernels"
    # Below /tmp, as here, this folder is made in the sandbox's own /tmp, if it is not refused.
    assert attack(victim, f"mkdir -p {kernels}/evil").code in (OK, NOT_AS_EXPECTED)
    assert not (kernels / "evil").exists()
    for command in (
        "echo evil >>Makefile",
        f"for f in {victim.cache}/objects/*/state.json; do echo >$$f || exit 1; done",
        "rm Makefile",
    ):
        ran = attack(victim, command)
        assert ran.code == NOT_AS_EXPECTED, ran
        assert re.search("Read-only file system|Permission denied", ran.out), ran


def test_it_plants_no_object_for_the_tree_and_none_in_ccache(victim: Bench) -> None:
    evil = "evil" + secrets.token_hex()
    ran = attack(
        victim,
        f"echo '/* {evil} */' >>$(O)/mm/rmap.o; echo {evil} >$(O)/planted",
        f"echo {evil} >$${{CCACHE_DIR:?}}/planted 2>/dev/null || true",
    )
    assert ran.code == OK, ran
    cached = ((p.relative_to(victim.cache).parts, text) for p, text in everywhere(victim) if victim.cache in p.parents)
    found = {parts[:2] for parts, content in cached if evil.encode() in content}
    assert {kind for kind, _ in found} == {"objects", "kernels"}, "its own kernel has what it made"
    assert all(name.endswith("-foreign") for kind, name in found if kind == "objects")
    assert len(found) == 2

    victim.arms(with_=[victim.fault("of somebody else")])
    assert victim.run().code == OK
    kernels = sorted((victim.cache / "kernels").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    assert evil not in (kernels[-1] / "vmlinux").read_text(), "the next foreign patch begins with the tree's objects"
    assert not list((victim.cache / "objects").glob("*/obj/planted"))


def test_it_reaches_no_loopback(victim: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        call = f'IO::Socket::INET->new("127.0.0.1:{port}") or die "not reached: $$!"'
        ran = attack(victim, f"perl -MIO::Socket -e '{call}'")
        assert ran.code == NOT_AS_EXPECTED, ran
        assert "not reached: " in ran.out
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_it_leaves_no_daemon(victim: Bench) -> None:
    unique = f"300.{secrets.randbelow(10**9)}"
    ran = attack(victim, f"setsid sh -c 'trap \"\" TERM HUP INT; sleep {unique}' >/dev/null 2>&1 </dev/null & sleep 1")
    assert ran.code == OK, ran
    assert "make left a process running, which was ended: sleep" in ran.err
    assert not [argv for argv in processes.arguments() if unique in argv]


MANY_FILES = "for i in `seq 1000`; do head -c 8M /dev/zero >$(O)/$$i; done"


@pytest.mark.parametrize("fill", ["cat /dev/zero >$(O)/fill", MANY_FILES])
def test_it_does_not_fill_the_disk(victim: Bench, fill: str) -> None:
    ran = attack(victim, fill, "sleep 1000")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert "the build has filled its folder with more than 64 MiB: stopped" in ran.out
    assert not list((victim.cache / "objects").glob("*-foreign/obj/fill")), "what it wrote is removed"


@pytest.mark.parametrize("print_", ["cat /dev/zero", "yes", "yes '  CC      x.o'"])
def test_it_prints_no_gigabyte(victim: Bench, print_: str) -> None:
    ran = attack(victim, f"{print_} | head -c 1G")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert "make has printed more than 8 MiB: stopped" in ran.out
    assert max(len(content) for path, content in everywhere(victim) if path.name == "build.log") < 9 * MIB


def test_it_does_not_sleep_for_ever(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    unique = f"100000.{secrets.randbelow(10**9)}"
    monkeypatch.setattr(kit.kernel.build, "BUILD_LIMIT", 3.0)
    ran = attack(victim, f"trap '' TERM; sleep {unique}")
    assert ran.code == COULD_NOT_RUN, ran
    assert "still running after 3 s, stopped: make" in ran.err
    assert not [argv for argv in processes.arguments() if unique in argv]


def test_it_cannot_change_the_host_by_proc(victim: Bench) -> None:
    """What root is in a user namespace may write there."""
    path = Path("/proc/sys/kernel/core_pattern")
    before = path.read_text()
    ran = attack(victim, f"cat {path} >$(O)/core; cat $(O)/core >{path}")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert path.read_text() == before


def test_it_has_no_more_memory_than_the_machine(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(bounds(), memory=256 * MIB)
    monkeypatch.setattr(kit.kernel.sandbox, "bounds", lambda: small)
    ran = attack(victim, "perl -e '$$x = \"x\" x (1 << 30); print length $$x'")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert "Out of memory" in ran.out


def test_its_processes_together_have_no_more_memory_than_a_build_may(
    victim: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(bounds(), whole=200 * MIB)
    monkeypatch.setattr(kit.kernel.enclosed, "bounds", lambda: small)
    one = "perl -e '$$x = \"x\" x (60 << 20); sleep 300'"
    ran = attack(victim, f"{one} & {one} & {one} & wait")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert "the build has taken more than 200 MiB of memory: stopped" in ran.out


def test_it_has_no_variables_of_the_users(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", secret := secrets.token_hex())
    ran = attack(victim, "env; cat /proc/*/environ; exit 1")
    assert ran.code == NOT_AS_EXPECTED, ran
    assert not any(secret.encode() in content for _, content in everywhere(victim))
    assert os.environ["MY_TOKEN"] == secret


def test_a_foreign_patch_is_not_built_where_there_is_no_sandbox(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.kernel.sandbox, "PROGRAM", "bwrap-is-not-here")
    ran = attack(victim, "true")
    assert ran.code == COULD_NOT_RUN, ran
    assert "no sandbox for a foreign patch: bubblewrap (bwrap) is not installed" in ran.err
    assert "--no-sandbox" in ran.err
    assert not list((victim.cache / "kernels").glob("*")), "that is said before anything is built"
    assert not victim.runs()


def test_an_incremental_build_begins_with_the_objects_of_the_tree(victim: Bench) -> None:
    assert attack(victim, "true").code == OK
    made = {p.name: p for p in (victim.cache / "objects").iterdir()}
    [apart] = [p for name, p in made.items() if name.endswith("-foreign")]
    log = (apart / "build.log").read_text()
    assert "CC      kernel/fork.o" not in log, "no patch changes it: its object is the tree's"
    assert (apart / "obj" / "mm" / "rmap.o").read_bytes() == (apart / "src" / RMAP).read_bytes()


def test_what_a_build_without_a_sandbox_left_is_not_believed(victim: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(OFF, "1")
        evil = "evil" + secrets.token_hex()
        assert attack(victim, f"echo '/* {evil} */' >>$(O)/mm/rmap.o; touch -d 2100-01-01 $(O)/mm/*.o").code == OK
    victim.arms(with_=[victim.fault("of somebody else")])
    assert victim.run().code == OK
    held = [p for p in (victim.cache / "objects").iterdir() if p.name.endswith(("-held", "-foreign"))]
    assert any((top / "obj").is_dir() for top in held)
    assert not any(evil.encode() in p.read_bytes() for top in held for p in (top / "obj").rglob("*.o"))
