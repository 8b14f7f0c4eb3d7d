"""A stranger's repository, whose configuration and attributes name programs for all that git can be made to run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_git import git

from kit.base.progress import Progress
from kit.kernel.git import Repository
from kit.kernel.tree import resolve_tree
from kit.store.cache import Cache

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

SETTINGS = {
    "core.fsmonitor": "{evil} fsmonitor",
    "core.sshCommand": "{evil} ssh",
    "core.gitProxy": "{evil} proxy",
    "core.pager": "{evil} pager",
    "core.alternateRefsCommand": "{evil} refs",
    "credential.helper": "!{evil} credential",
    "diff.external": "{evil} external",
    "diff.bad.command": "{evil} driver",
    "diff.bad.textconv": "{evil} textconv",
    "diff.noprefix": "true",
    "filter.bad.clean": "{evil} clean",
    "filter.bad.smudge": "{evil} smudge",
    "filter.bad.required": "true",
    "filter.a.b=c.process": "{evil} process",
    "gpg.program": "{evil} gpg",
    "log.showSignature": "true",
    "merge.bad.driver": "{evil} merge",
    "remote.origin.url": "ext::{evil} remote",
    "remote.origin.promisor": "true",
    "remote.origin.partialclonefilter": "blob:none",
    "extensions.partialClone": "origin",
    "protocol.ext.allow": "always",
}
HOOKS = ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout", "pre-auto-gc")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    root = tmp_path / "linux"
    (root / "mm").mkdir(parents=True)
    (root / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\n")
    (root / "Kbuild").touch()
    (root / "mm/rmap.c").write_text("int one;\n")
    (root / "mm/made.c").write_text("int made;\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    (root / "mm/rmap.c").write_text("int two;\n")
    (root / ".gitattributes").write_text("*.c filter=bad diff=bad merge=bad\nMakefile filter=a.b=c\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ran\ncat\n')
    evil.chmod(0o755)
    for name, value in SETTINGS.items():
        git(root, "config", name, value.format(evil=evil))
    for name in HOOKS:
        (root / ".git/hooks").mkdir(exist_ok=True)
        (root / ".git/hooks" / name).write_text(f"#!/bin/sh\necho hook {name} >> {tmp_path}/ran\n")
        (root / ".git/hooks" / name).chmod(0o755)
    (root / "mm/rmap.c").write_text("int edited;\n")
    (root / "Makefile").touch()  # git reads it again, as its times moved
    return root


def test_none_of_its_programs_runs(hostile: Path, tmp_path: Path) -> None:
    repository = Repository.open(hostile)
    head = repository.commit("HEAD")
    assert repository.dirty() == ["mm/rmap.c"]
    assert repository.described() == f"{head.id}-dirty"
    assert b"+++ b/mm/rmap.c" in repository.diff(head.parent, head.id)
    assert len(repository.commits(head.parent, head.id)) == 1
    assert "mm/rmap.c" in repository.files(head.tree)
    assert "mm/rmap.c" in repository.listed()
    for spec in (f"git:{hostile}@main", f"dir:{hostile}"):
        assert resolve_tree(spec, Cache(), Progress()).files["mm/rmap.c"]
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


def test_a_missing_object_is_not_fetched(hostile: Path, tmp_path: Path) -> None:
    repository = Repository.open(hostile)
    blob = git(hostile, "rev-parse", "HEAD:mm/made.c")
    (hostile / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (tmp_path / "ran").unlink(missing_ok=True)
    assert repository.file("HEAD", "mm/made.c") is None
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
