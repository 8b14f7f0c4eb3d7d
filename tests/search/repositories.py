"""Small made-up git repositories of the fake kernel tree, for bisections; each commit changes its text."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

FAKES = Path(__file__).resolve().parents[1] / "fakes"
RMAP, FORK = "mm/rmap.c", "kernel/fork.c"
BATCHED, UNBATCHED = "profile: 6.1 ", "profile: 6.1-unbatched-clone "
SOMEBODY = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}  # fmt: skip


class Linux:
    """A repository with the fake kernel tree as its first commit, `base`."""

    def __init__(self, path: Path, beginning: Path | None = None) -> None:
        """`beginning`: a repository that has been made so, to be copied: that takes a tenth of the time."""
        self.path, self.ticks = path, 0
        self.known: set[Path] = set()
        shutil.copytree(beginning or FAKES / "linux", path)
        if beginning is None:
            self.git("init", "-q", "-b", "main", "--template=")
            self.base = self.commit("the first")
        else:
            self.ticks, self.known, self.base = 1, self.files(), self.head()

    def git(self, *argv: str) -> str:
        """The output of a git command."""
        date = f"@{1308283200 + 3600 * self.ticks} +0000"
        env = {**os.environ, **SOMEBODY, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        whole = ["git", "-C", self.path, "-c", "maintenance.auto=false", *argv]
        done = subprocess.run(whole, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        """Commits all changes; returns the new commit's id."""
        self.ticks += 1
        there = self.files()
        if there - self.known:
            self.git("add", "-A")
        self.known = there
        self.git("commit", "-q", "-a", "--allow-empty", "-m", subject)
        return self.head()

    def files(self) -> set[Path]:
        """What there is, but for git's own files."""
        return {p for p in self.path.rglob("*") if ".git" not in p.parts}

    def head(self) -> str:
        """The id of the checked-out commit, as `git rev-parse HEAD` prints it."""
        text = (self.path / ".git" / "HEAD").read_text().strip()
        return (self.path / ".git" / text.removeprefix("ref: ")).read_text().strip() if " " in text else text

    def edit(self, old: str, new: str, path: str = RMAP) -> None:
        """Replaces a text that occurs once in a file."""
        text = (self.path / path).read_text()
        assert text.count(old) == 1, (old, text)
        (self.path / path).write_text(text.replace(old, new))

    def harmless(self, name: str, path: str = FORK) -> str:
        """A commit that adds a line to a file, and so makes another image."""
        with (self.path / path).open("a") as file:
            file.write(f"/* {name} */\n")
        return self.commit(f"fork: {name}")

    def culprit(self, path: str = RMAP) -> str:
        """The commit that removes the batching."""
        self.edit(BATCHED, UNBATCHED, path)
        return self.commit("rmap: lock the root for each entry")

    def merge(self, branch: str, subject: str) -> str:
        """Merges a branch without fast-forward; returns the merge's id."""
        self.ticks += 1
        self.git("merge", "-q", "--no-ff", "-m", subject, branch)
        return self.head()

    def state(self) -> dict[str, str]:
        """A hash of every file below, including .git's own, and git's own description of the repository."""
        out = {}
        for path in sorted(self.path.rglob("*")):
            if path.is_file():
                out[str(path)] = f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        return out
