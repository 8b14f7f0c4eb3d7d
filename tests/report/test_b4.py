"""`kit check-mail` called by b4 itself, where that is installed: its configuration, its review branch, its runner of
checks. No network."""

from __future__ import annotations

import argparse
import email
import email.policy
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kit.base.project import PROJECT

FAKE = PROJECT / "tests" / "fakes" / "linux"
ADA = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
       (("NAME", "Ada"), ("EMAIL", "ada@example.org"))}  # fmt: skip
CHECK = f"{shlex.quote(sys.executable)} -m kit check-mail --no-install --tree git:."
Checks = list[dict[str, str]]


@pytest.fixture
def b4(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    found = pytest.importorskip("b4", reason="b4 is not installed: pip install 'kit[formats]'")
    pytest.importorskip("b4.review.checks", reason="this b4 has no checks for reviews")
    for name, value in {**ADA, "HOME": str(tmp_path), "KIT_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(PROJECT), *(p for p in sys.path if "site-packages" in p)]))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return found


@pytest.fixture
def mails(b4: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A cover letter and two patches, the second on top of the first; what they are for is checked out here."""
    repo = tmp_path / "linux"
    shutil.copytree(FAKE, repo)
    monkeypatch.chdir(repo)

    def git(*argv: str) -> None:
        subprocess.run(["git", *argv], check=True, capture_output=True)

    git("init", "-q", "-b", "master", ".")
    git("add", "-A")
    git("commit", "-qm", "base")
    git("tag", "v6.1")
    git("checkout", "-qb", "topic")
    rmap = repo / "mm" / "rmap.c"
    for old, new in (("return 0;", "return 0; /* one */"), ("/* one */", "/* two */")):
        rmap.write_text(rmap.read_text().replace(old, new))
        git("commit", "-qam", f"rmap: {new}")
    git("format-patch", "-q", "--cover-letter", "--thread", "-2", "-o", str(tmp_path / "out"))
    git("checkout", "-q", "master")
    git("fetch", "-q", ".", "topic")
    git("config", "b4.review-perpatch-check-cmd", CHECK)
    git("config", "b4.review-series-check-cmd", f"{CHECK} --series")
    found = []
    for path in sorted((tmp_path / "out").iterdir()):
        text = path.read_text().replace("*** SUBJECT HERE ***", "rmap: two steps")
        found.append(email.message_from_string(text, policy=email.policy.default))
    return found


def checked(b4: ModuleType, mails: list[Any], sent: list[Any], tmp_path: Path) -> tuple[dict[str, Checks], Checks]:
    """What b4 shows of each patch and of the series, once it has them under review as they were sent."""
    from b4.review import _review, checks  # type: ignore[import-not-found,unused-ignore]

    b4.setup_config(argparse.Namespace(config=[], needs_message=False))
    top = b4.git_get_toplevel()
    branch = "b4/review/two-steps-1"
    _review.create_review_branch(top, branch, "v6.1", _review._get_lore_series(sent), "https://x", "https://x/%s")
    tracking = tmp_path / "tracking.json"
    tracking.write_text(json.dumps(_review.load_tracking(top, branch)[1]))
    environment = {"B4_TRACKING_FILE": str(tracking)}
    patch, series = checks.load_check_cmds()
    pairs = [(m["message-id"].strip("<>"), m) for m in sent]
    of_patches = checks.run_perpatch_checks(
        [p for p in pairs if "0/2" not in p[1]["subject"]], patch, top, extra_env=environment
    )
    return of_patches, checks.run_series_checks(pairs[0], series, top, extra_env=environment)


@pytest.mark.parametrize("cover", [True, False])
def test_b4_shows_what_kit_says(b4: ModuleType, mails: list[Any], cover: bool, tmp_path: Path) -> None:
    of_patches, of_series = checked(b4, mails, mails if cover else mails[1:], tmp_path)
    rows = [*of_patches.values(), of_series]
    assert [[(r["tool"], r["status"]) for r in row] for row in rows] == [[("kit", "pass")]] * 3, rows
    ids = subprocess.run(
        ["git", "rev-list", "--reverse", "--topo-order", "HEAD"], check=True, capture_output=True, text=True
    )
    base, first, second, whole = ids.stdout.split()
    for row, commits in zip(rows, ((base, first), (first, second), (base, whole)), strict=True):
        assert [sha for sha in commits if sha not in row[0]["details"]] == [], (ids.stdout, row)
