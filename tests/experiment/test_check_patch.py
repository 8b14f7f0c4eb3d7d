"""`kit check --patch` on a fake kernel: inputs as people have them are taken, or refused with what they are and what to
type."""

from __future__ import annotations

import base64
import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from kit import cli
from kit.base.errors import BAD_INPUT, OK

ROOT = Path(__file__).resolve().parents[2]
QUICK = str(ROOT / "configs/quick.yaml")
HUNK = """@@ -9,3 +9,4 @@
 int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
 {
+\tint one;
 \t/* Clone every entry of the chain. */
"""
NAMES = "diff --git a/mm/rmap.c b/mm/rmap.c\n--- a/mm/rmap.c\n+++ b/mm/rmap.c\n"
SECOND = "@@ -11,2 +11,3 @@\n \tint one;\n+\tint two;\n \t/* Clone every entry of the chain. */\n"
FROM = "From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001\nFrom: A B <a@example.org>\n"
DATE = "Date: Fri, 17 Jun 2011 10:00:00 +0000\n"
SUBJECT = "Subject: [PATCH] mm/rmap: one\n"
BODY = f"\nx\n---\n{NAMES}{HUNK}"
BLANK = "@@ -11,4 +11,5 @@\n \t/* Clone every entry of the chain. */\n+\tint one;\n \treturn 0;\n }\n\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the fake kernel."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(ROOT / "tests/fakes/linux", tmp_path / "tree")
    return tmp_path / "tree"


def check(tree: Path, data: bytes, capsys: pytest.CaptureFixture[str], name: str = "in.mbox") -> tuple[int, str]:
    """The exit code, and all output."""
    (tree.parent / name).write_bytes(data)
    code = cli.main(["check", QUICK, "--tree", f"dir:{tree}", "--patch", str(tree.parent / name)])
    said = capsys.readouterr()
    return code, said.out + said.err


def alternative(text: str) -> str:
    head = 'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="xx"\n\n--xx\nContent-Type: text/plain\n\n'
    return f"{head}{text}--xx\nContent-Type: text/html\n\n<p>x</p>\n--xx--\n"


def quoted(text: str) -> str:
    head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    return head + text.replace("=", "=3D")


def packed(text: str) -> str:
    head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n"
    return head + base64.encodebytes(text.encode()).decode()


MAIL = FROM + DATE + SUBJECT + BODY
TAKEN = {
    "as it is": MAIL,
    "a date out of range": MAIL.replace("+0000", "+99999999999999"),
    "an id with brackets": MAIL.replace(SUBJECT, SUBJECT + "Message-ID: <[0123456789abcdef@example.org]>\n"),
    "an answer in quoted-printable": FROM + "Subject: Re: [PATCH v3 1/1] x\n" + quoted(f"this?\n\n{NAMES}{HUNK}"),
    "base64 in a wrong character set": FROM + SUBJECT + packed(f"x\n---\n{NAMES}{HUNK}"),
    "a last line of context that is blank": FROM + SUBJECT + alternative(f"x\n---\n{NAMES}{BLANK}"),
    "git request-pull -p": "The following changes since commit 1234567890:\n\n  x\n\n" + NAMES + HUNK,
    "git log -p --reverse": "".join(
        f"commit {c * 40}\nAuthor: A <a@example.org>\n\n    x\n\n{NAMES}{h}\n" for c, h in (("1", HUNK), ("2", SECOND))
    ),
    "a file made by GNU diff": "diff -Nru a/mm/n.c b/mm/n.c\n--- a/mm/n.c\t1970-01-01 01:00:00.000000000 +0100\n"
    "+++ b/mm/n.c\t2011-06-17 10:00:00.000000000 +0000\n@@ -0,0 +1,2 @@\n+int a;\n+int b;\n",
    "a mode alone": "diff --git a/mm/rmap.c b/mm/rmap.c\nold mode 100644\nnew mode 100755\n",
    "an empty file": "diff --git a/mm/e.c b/mm/e.c\nnew file mode 100644\nindex 000000000000..e69de29bb2d1\n",
    "a rename alone": "diff --git a/mm/rmap.c b/mm/s.c\nsimilarity index 100%\nrename from mm/rmap.c\n"
    "rename to mm/s.c\n",
}


@pytest.mark.parametrize("form", TAKEN)
def test_what_is_taken(form: str, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = check(tree, TAKEN[form].encode(), capsys)
    assert (code, "the experiment file is good" in said) == (OK, True), said


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_compressed_mbox_is_unpacked_and_that_is_told(
    pack: object, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(pack)
    code, said = check(tree, pack(MAIL.encode()), capsys, "t.mbox.gz")
    assert code == OK, said
    assert "it was unpacked" in said


REFUSED = {
    "newest first": (
        "".join(
            f"commit {c * 40}\nAuthor: A <a@example.org>\n\n    x\n\n{NAMES}{h}\n"
            for c, h in (("2", SECOND), ("1", HUNK))
        ),
        ["in.mbox:9:", "newest first", "--reverse", "--range"],
    ),
    "git diff --no-prefix": (
        NAMES.replace("a/", "").replace("b/", "") + HUNK,
        ["in.mbox:1:", "made with diff.noprefix? the tree has mm/rmap.c", "strip: 0"],
    ),
    "another kernel's": (NAMES + HUNK.replace("Clone every", "Clone"), ["in.mbox:4:", "does not apply", "line 11"]),
    "no such file": (NAMES.replace("rmap", "nosuch") + HUNK, ["in.mbox:1:", "the tree has no such file"]),
    "there already": (NAMES + "@@ -11,2 +11,3 @@\n \t/* Clone every entry of the chain. */\n+\treturn 0;\n }\n",
                      ["in.mbox:4:", "it seems to be there already"]),
    "git show MERGE": (
        f"commit {'1' * 40}\nMerge: 11 22\n\ndiff --cc mm/rmap.c\nindex 1,2..3\n--- a/mm/rmap.c\n+++ b/mm/rmap.c\n"
        "@@@ -1,1 -1,1 +1,2 @@@\n  a\n++b\n",
        ["in.mbox:4:", "a combined diff", "MERGE^1"],
    ),
    "white space": (NAMES + HUNK.replace("\t/*", "        /*"), ["in.mbox:4:", "only white space differs"]),
    "wrapped": (
        FROM + SUBJECT + f"\nx\n---\n{NAMES}{HUNK.replace('*dst, ', '*dst,' + chr(10))}",
        ["in.mbox:12:", "line-wrapped by the mail program"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_refused_with_file_and_line_and_what_to_type(
    form: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = REFUSED[form]
    code, said = check(tree, text.encode(), capsys)
    assert code == BAD_INPUT, said
    assert [word for word in words if word not in said] == [], said


def test_an_experiment_file_s_own_patches_are_applied_too(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree.parent / "x.patch").write_text(NAMES + HUNK.replace("{", "{ "))
    text = (ROOT / "configs/quick.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("tree:")]
    at = next(i for i, line in enumerate(lines) if line.startswith("arms:"))
    end = next(i for i in range(at + 1, len(lines)) if lines[i] and lines[i][0] not in " #")
    arms = ["arms:", "  without: {series: []}", "  with: {series: [x.patch]}"]
    path = tree.parent / "x.yaml"
    path.write_text("\n".join([f"tree: dir:{tree}", *lines[:at], *arms, *lines[end:]]) + "\n")
    code = cli.main(["check", str(path)])
    said = capsys.readouterr()
    assert code == BAD_INPUT, said
    assert "hunk 1 of mm/rmap.c does not apply" in said.err


def test_a_git_tree_is_read_without_a_work_tree(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["init", "-q"], ["add", "-A"], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(tree), *argv], check=True, capture_output=True)
    (tree / "mm/rmap.c").write_text("other\n")
    (tree.parent / "p").write_text(NAMES + HUNK)
    argv = ["check", QUICK, "--tree", f"git:{tree}@HEAD", "--patch", str(tree.parent / "p")]
    assert cli.main(argv) == OK
    (tree.parent / "p").write_text(NAMES + HUNK.replace("Clone", "clone"))
    assert cli.main(argv) == BAD_INPUT
    assert "does not apply" in capsys.readouterr().err


def test_where_the_tree_is_not_at_hand_it_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree.parent / "p").write_text(NAMES + HUNK)
    assert cli.main(["check", QUICK, "--tree", "debian:6.1", "--patch", str(tree.parent / "p")]) == OK
    assert "debian:6.1 is not in the cache, so its patches were not tried" in capsys.readouterr().out


def test_a_maildir_is_taken(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree.parent / "box/new").mkdir(parents=True)
    (tree.parent / "box/new/1").write_text(MAIL)
    assert cli.main(["check", QUICK, "--tree", f"dir:{tree}", "--patch", str(tree.parent / "box")]) == OK
    (tree.parent / "box/new/1").unlink()
    assert cli.main(["check", QUICK, "--tree", f"dir:{tree}", "--patch", str(tree.parent / "box")]) == BAD_INPUT
    assert "a maildir without mails" in capsys.readouterr().err
