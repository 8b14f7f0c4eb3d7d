"""Changes from the command line on a fake kernel: `--range`, `--dirty`, `--patch`, `--tree`, and what each refuses."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rig import RMAP, TOOLS, Bench

from kit.base.errors import BAD_INPUT, INCONCLUSIVE, OK

pytestmark = pytest.mark.skipif(not all(map(shutil.which, (*TOOLS, "git"))), reason=f"needs git, {', '.join(TOOLS)}")
UNBATCHED, BATCHED = "profile: 6.1-unbatched-clone ", "profile: 6.1 "


@pytest.fixture
def bench(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A checkout of the fake kernel whose last commit batches the clone's locks; kit is called from there."""
    bench.edit(BATCHED, UNBATCHED)
    bench.git("init", "-q", "-b", "main")
    bench.git("add", "-A")
    bench.git("commit", "-qm", "slow")
    bench.edit(UNBATCHED, BATCHED)
    bench.git("commit", "-qam", "mm: batch the clone's locks")
    monkeypatch.chdir(bench.tree)
    return bench


def run(bench: Bench, *argv: str) -> Any:
    """`kit run` of the experiment, whose own arms compare the other way round."""
    bench.experiment["baseline"] = "with"
    bench.experiment["expect"] = {"count": "worse"}
    ran = bench.call("run", bench.write(), "--runs", str(bench.folder / "runs"), *argv)
    return SimpleNamespace(code=ran.code, out=ran.out, err=ran.err, verdict=bench.verdict() if bench.runs() else None)


def mail(bench: Bench) -> bytes:
    return bench.git("format-patch", "--stdout", "--cover-letter", "--subject-prefix=RFC", "HEAD~1").encode()


def stdin(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_every_way_to_name_a_change_comes_to_one_verdict(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {str(p): p.lstat().st_mtime_ns for p in bench.tree.rglob("*")}
    ranged = run(bench, "--range", "HEAD~1..HEAD")
    stdin(mail(bench), monkeypatch)
    piped = run(bench, "--tree", f"git:{bench.tree}@HEAD~1", "--patch", "-")
    tarred = bench.folder / "linux.tar.gz"
    bench.git("archive", "--prefix=linux/", "-o", str(tarred), "HEAD~1")
    (bench.folder / "fix.mbox").write_bytes(mail(bench))
    filed = run(bench, "--tree", f"tarball:{tarred}", "--patch", str(bench.folder / "fix.mbox"))
    assert {str(p): p.lstat().st_mtime_ns for p in bench.tree.rglob("*") if ".git" not in p.parts} == {
        name: time for name, time in before.items() if ".git" not in Path(name).parts
    }
    bench.git("checkout", "-q", "HEAD~1")
    bench.edit(UNBATCHED, BATCHED)
    dirty = run(bench, "--dirty")
    for ran in (ranged, piped, filed, dirty):
        assert (ran.code, ran.verdict["verdict"]) == (OK, "better"), ran
        counts = [
            (c["at"], c["baseline_value"], c["arm_value"]) for c in ran.verdict["evidence"]["count"]["comparisons"]
        ]
        assert counts == [
            (c["at"], c["baseline_value"], c["arm_value"]) for c in ranged.verdict["evidence"]["count"]["comparisons"]
        ]
        assert set(ran.verdict["arms"]) == {"without", "with"}
    dry = 2  # a first build in an object folder counts its steps: one folder is the repository's, one the tar file's
    assert bench.did("make vmlinux") == 2 + 1 + 2 + 1 + dry


def test_a_run_is_of_the_commit_that_a_branch_named_and_can_be_done_again(bench: Bench) -> None:
    ran = run(bench, "--range", "main~1..main")
    bench.git("commit", "--allow-empty", "-qm", "the branch goes on")
    again = bench.call("run", str(bench.runs()[-1] / "experiment.yaml"), "--runs", str(bench.folder / "runs"))
    assert again.code == OK
    arms = [v["provenance"]["arms"]["with"]["tree"] for v in (ran.verdict, bench.verdict())]
    assert arms[0] == arms[1]
    assert arms[0]["about"] == "mm: batch the clone's locks"


def test_without_an_experiment_there_is_one_for_any_change(bench: Bench) -> None:
    ran = bench.call("check", "--range", "HEAD~1..HEAD")
    assert ran.code == OK
    assert ran.out.startswith("change: the experiment file is good.")


def test_a_quilt_series_with_options(bench: Bench) -> None:
    bench.git("checkout", "-q", "HEAD~1")
    folder = bench.folder / "patches"
    folder.mkdir()
    bare = bench.git("diff", "--no-prefix", "HEAD", "main")
    (folder / "bare.patch").write_text(bare)
    (folder / "out.patch").write_text(bench.git("diff", "main", "HEAD"))
    for text in ("bare.patch -p0\n", "# reversed\nout.patch -R\n"):
        (folder / "series").write_text(text)
        ran = run(bench, "--tree", f"dir:{bench.tree}", "--patch", str(folder / "series"))
        assert (ran.code, ran.verdict["verdict"]) == (OK, "better"), ran
    arm = bench.call("run", str(bench.runs()[-1] / "experiment.yaml"), "--runs", str(bench.folder / "runs"))
    assert arm.code == OK


def test_what_touches_nothing_that_is_built_is_not_the_same(bench: Bench) -> None:
    (bench.tree / "README").write_text("words\n")
    ran = run(bench, "--dirty")
    assert (ran.code, ran.verdict["verdict"]) == (INCONCLUSIVE, "inconclusive")
    assert "with changes nothing that is built" in ran.verdict["sentence"]
    assert ran.verdict["functions"][0]["identical"] is True


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--dirty"], "the work tree has no changes"),
        (["--range", "HEAD..HEAD"], "nothing differs between the two ends"),
        (["--range", "HEAD"], "not a range"),
        (["--range", "HEAD~9..HEAD"], "no such revision: HEAD~9"),
        (["--range", "HEAD~1..HEAD", "--dirty"], "exclude each other"),
        (["--range", "a..b", "--tree", "debian:6.1"], "not a git repository"),
        (["--patch", "none.patch"], "no such patch"),
        (["--patch", "-", "--patch", "-"], "can be read only once"),
        (["--patch", "-"], "--patch -: the input is empty"),
        (["--patch", "/"], "--patch /: this is a folder"),
        (["--tree", "git:$KIT_NOT_SET@v3.0", "--patch", RMAP], r"$KIT_NOT_SET is not set"),
        (["--patch", RMAP], "no diff in it"),
        (["--tree", "tarball:none.tar"], "no such file: none.tar"),
        (["--resume", "runs/x", "--dirty"], "give no other options"),
    ],
)
def test_what_is_no_change(argv: list[str], words: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(b"", monkeypatch)
    args = argv if "--resume" in argv else [bench.write(), *argv]
    ran = bench.call("run", *args)
    assert ran.code == BAD_INPUT
    assert words in ran.err


def test_a_patch_that_is_there_already_and_one_that_stands_elsewhere(bench: Bench) -> None:
    (bench.folder / "fix.patch").write_text(bench.git("diff", "HEAD~1", "HEAD"))
    tree = ["--tree", f"git:{bench.tree}@HEAD", "--patch", str(bench.folder / "fix.patch")]
    ran = run(bench, *tree)
    assert ran.code == BAD_INPUT
    assert "it seems to be there already" in ran.err
    text = (bench.tree / RMAP).read_text()
    (bench.tree / RMAP).write_text("/* one */\n/* two */\n" + text.replace(BATCHED, UNBATCHED))
    ran = run(bench, "--tree", f"dir:{bench.tree}", "--patch", str(bench.folder / "fix.patch"))
    assert ran.code == OK
    assert f"hunk 1 of {RMAP} applies 2 lines further down" in ran.err


def test_a_configuration_of_ones_own_is_told_and_kept_with_the_run(bench: Bench) -> None:
    (bench.folder / "mine.config").write_text("".join(f"CONFIG_X{i}=y\n" for i in range(300)) + "CONFIG_DRIVER=m\n")
    bench.experiment["config"] = [str(bench.folder / "mine.config")]
    ran = run(bench, "--range", "HEAD~1..HEAD")
    assert (ran.code, ran.verdict["verdict"]) == (OK, "better"), ran
    told = ran.verdict["provenance"]["configuration"]["counting"]
    assert told["changed"]["CONFIG_LOCK_STAT"] == ["n", "y"]
    assert "CONFIG_LOCK_STAT: n → y" in ran.err
    assert "1 options are modules (=m): modules are neither built nor loaded" in ran.err
    again = bench.call("run", str(bench.runs()[-1] / "experiment.yaml"), "--runs", str(bench.folder / "runs"))
    assert again.code == OK
    (bench.folder / "mine.config").write_text("CONFIG_NOT_THERE=y\n")
    refused = bench.call("run", bench.write(), "--range", "HEAD~1..HEAD", "--runs", str(bench.folder / "runs"))
    assert refused.code == BAD_INPUT
    assert "CONFIG_NOT_THERE=y (asked for in" in refused.err


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("nosuch", "--tree nosuch: not a tree: 'nosuch'"),
        ("git:.@nosuch", "--tree git:.@nosuch: no such revision: nosuch"),
        ("dir:/no/such", "--tree dir:/no/such: no such folder: /no/such"),
    ],
)
def test_a_tree_that_cannot_be_is_blamed_on_its_option(bench: Bench, tree: str, words: str) -> None:
    (bench.folder / "x.patch").write_text("diff\n")
    ran = run(bench, "--tree", tree, "--patch", str(bench.folder / "x.patch"))
    assert (ran.code, ran.err.splitlines()[0]) == (BAD_INPUT, f"kit: {words}")


def test_a_patch_may_come_through_a_pipe(bench: Bench) -> None:
    """Like bash's `--patch <(git diff)`."""
    bench.git("checkout", "-q", "HEAD~1")
    patch = bench.git("diff", "HEAD", "main")
    pipe = bench.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"printf %s '{patch}' > '{pipe}'"]):
        ran = run(bench, "--tree", "git:.@HEAD", "--patch", str(pipe))
    assert ran.verdict["verdict"] == "better", ran
