"""Patches: which are read, which are refused, and the messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.kernel.content import Link, blob_id
from kit.kernel.patch import Applied, Patch, apply_series, parse_patch

PATCHES = Path(__file__).resolve().parents[2] / "patches"
OLD = b"".join(b"line %d\n" % n for n in range(1, 21))
NEW = OLD.replace(b"line 10\n", b"line ten\nand a half\n")
HUNK = (
    b"@@ -7,7 +7,8 @@ f(void)\n line 7\n line 8\n line 9\n"
    b"-line 10\n+line ten\n+and a half\n line 11\n line 12\n line 13\n"
)
NAMES = b"--- a/mm/f.c\n+++ b/mm/f.c\n"
MAIL = (
    b"From 1234 Mon Sep 17\nFrom: A <a@b>\nSubject: [RFC PATCH v2 1/3] mm: make\n ten longer\n\n"
    b"It is.\n---\n mm/f.c | 3 +-\n\n"
)
INDEX = b"diff --git a/mm/f.c b/mm/f.c\nindex %s..%s 100644\n"


def apply(text: bytes, content: bytes | None, *, reverse: bool = False) -> tuple[bytes | None, Applied]:
    patch = parse_patch("fix.patch", text, reverse=reverse)
    tree = {} if content is None else {patch.paths[0]: content}
    changed, record = apply_series([patch], tree.get)
    return changed[patch.paths[0]], record[0][1][0]


def refusal(text: bytes, content: bytes = OLD, *, reverse: bool = False) -> UserError:
    with pytest.raises(UserError) as caught:
        apply(text, content, reverse=reverse)
    return caught.value


def identified(before: bytes, after: bytes) -> bytes:
    return INDEX % (blob_id(before)[:12].encode(), blob_id(after)[:12].encode()) + NAMES + HUNK


def test_a_mail_is_read_with_its_head_and_signature() -> None:
    patch = parse_patch("m", MAIL + identified(OLD, NEW) + b"-- \n2.39.5\n\n")
    assert patch.subject == "mm: make ten longer"
    assert patch.paths == ("mm/f.c",)
    assert apply_series([patch], {"mm/f.c": OLD}.get)[0] == {"mm/f.c": NEW}


def test_hunks_may_be_shifted_but_not_fuzzy() -> None:
    content, applied = apply(NAMES + HUNK, b"new\n" * 3 + OLD)
    assert content == b"new\n" * 3 + NEW
    assert applied.offsets == (3,)
    assert "does not apply" in refusal(NAMES + HUNK, OLD.replace(b"line 7\n", b"line 7 \n")).what


def test_a_shifted_hunk_does_not_land_in_what_an_earlier_one_wrote() -> None:
    text = NAMES + b"@@ -2,3 +2,5 @@\n a\n b\n+x\n+y\n c\n@@ -12,2 +14,3 @@\n x\n+z\n y\n"
    assert "hunk 2" in refusal(text, b"0\na\nb\nc\n" + b"n\n" * 12).what


def test_of_two_places_the_nearest_is_taken_as_git_does_and_it_is_told() -> None:
    content = b"start\n" + OLD + b"between\n" + OLD
    (patch,) = apply_series([parse_patch("p", NAMES + HUNK)], {"mm/f.c": content}.get)[1]
    assert patch[0].notes == ("hunk 1 of mm/f.c: its lines stand at 2 places, the nearest was taken",)
    assert apply(NAMES + HUNK, content)[0] == b"start\n" + NEW + b"between\n" + OLD


def test_lines_are_added_to_an_empty_file() -> None:
    assert apply(NAMES + b"@@ -0,0 +1 @@\n+new\n", b"")[0] == b"new\n"


def test_the_end_of_a_file_stays_its_end() -> None:
    text = NAMES + b"@@ -18,3 +18,4 @@\n line 18\n line 19\n line 20\n+line 21\n"
    assert apply(text, OLD)[0] == OLD + b"line 21\n"
    assert "beginning or end" in refusal(text, OLD + b"more\n").what


@pytest.mark.parametrize("reverse", [False, True])
def test_no_newline_at_the_end(reverse: bool) -> None:
    text = NAMES + b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n"
    assert apply(text, b"a\nc\n" if reverse else b"a\nb", reverse=reverse)[0] == (b"a\nb" if reverse else b"a\nc\n")
    if not reverse:
        assert "is:        b\n" in refusal(text, b"a\nb\n").what + "\n"
        assert "b (no newline at the end of the file)" in refusal(text, b"a\nb\n").what


def test_an_empty_context_line_that_a_mailer_stripped() -> None:
    text = NAMES + b"@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n"
    assert apply(text, b"a\n\nb\n")[0] == b"a\n\nc\n"


@pytest.mark.parametrize(
    ("text", "content", "exact"),
    [
        (identified(OLD, NEW), OLD, True),
        (identified(OLD, NEW), b"moved\n" + OLD, False),
        (NAMES + HUNK, OLD, None),
    ],
)
def test_identity_by_the_index_line(text: bytes, content: bytes, exact: bool | None) -> None:
    after, applied = apply(text, content)
    assert applied.exact is exact
    assert applied.before == blob_id(content)
    assert after is not None
    assert applied.after == blob_id(after)


def test_an_edited_patch_is_applied_as_git_does_and_it_is_told() -> None:
    text = identified(OLD, NEW).replace(b"+and a half\n", b"+and a third\n")
    changed, ((patch, (applied,)),) = apply_series([parse_patch("p", text)], {"mm/f.c": OLD}.get)
    assert changed == {"mm/f.c": NEW.replace(b"half", b"third")}
    assert applied.exact is False
    assert "not the " + blob_id(NEW)[:12] in patch.notes[0]
    assert "edited" in patch.notes[0]
    assert apply(text, NEW.replace(b"half", b"third"), reverse=True)[1].exact is False


def test_a_reject_names_place_hunk_and_lines() -> None:
    error = refusal(MAIL + NAMES + HUNK, OLD.replace(b"line 9\n", b"line\tnine  \n"))
    assert error.where == "fix.patch:12"
    assert error.what.splitlines() == [
        "hunk 1 of mm/f.c does not apply (line 7):",
        "    line 9 should be: line 9",
        "    line 9 is:        line→nine··",
    ]


def test_a_reject_at_the_end_of_a_file() -> None:
    assert "(end of file)" in refusal(NAMES + HUNK, OLD[:60]).what


def test_what_is_there_already_is_said() -> None:
    assert "there already" in refusal(NAMES + HUNK, NEW).hint
    assert "seems not to be in" in refusal(NAMES + HUNK, OLD, reverse=True).hint
    assert "for this kernel" in refusal(NAMES + HUNK, b"other\n").hint


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (NAMES + HUNK[: HUNK.index(b" line 12")], 11, "ends before its 7+8 lines"),
        (NAMES + HUNK + b"@@ -18,2 +19,2\n line 18\n", 13, "not the head of a hunk"),
        (HUNK, 1, "hunk of no file"),
        (NAMES + b"nothing\n", 1, "without any hunk"),
        (NAMES + HUNK.replace(b" line 8", b"line 8"), 5, "not a line of a hunk: 'line 8'"),
        (NAMES + HUNK.replace(b" line 8", b"\xc2\xa0line 8"), 5, "no-break space"),
        (NAMES + HUNK.replace(b" line 8", b"> line 8"), 5, "quoted by a mail"),
        (
            NAMES + HUNK.replace(b" line 8", b" " + b"line " * 13 + b"\nthat wraps"),
            6,
            "line-wrapped by the mail program",
        ),
        (b"diff --git a/f b/f\n", 1, "without any hunk"),
        (b"diff --git a/f b/g\nrename from f\nrename to ../g\n", 1, "outside the tree"),
        (b"diff --git a/f.gif b/f.gif\nindex 1234..5678\nGIT binary patch\n", 3, "unrecognized binary patch"),
        (b"diff --git f f\nold mode 100644\nnew mode 100755\n", 1, "made with diff.noprefix?"),
        (NAMES.replace(b"mm/f.c", b"../f.c") + HUNK, 1, "outside the tree"),
        (NAMES.replace(b"mm/f.c", b"mm/../../f.c") + HUNK, 1, "outside the tree"),
        (NAMES.replace(b"mm/f.c", b".git/config") + HUNK, 1, "outside the tree"),
    ],
)
def test_what_is_no_whole_patch_is_refused_with_its_line(text: bytes, line: int, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_patch("p", b"a word\n" + text, line=10)
    assert caught.value.where == f"p:{11 + line}"
    assert what in caught.value.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"diff --git a/mm/f.c b/mm/f.c\nold mode 100644\n", "without any hunk"),
        (b"diff --git a/mm/f.c b/mm/f.c\nindex 1234567..2345678 100644\nBinary files a/mm/f.c and b/mm/f.c differ\n",
         "does not hold the content"),
    ],
)  # fmt: skip
def test_what_git_reads_and_cannot_apply(text: bytes, what: str) -> None:
    assert what in refusal(text).what


@pytest.mark.parametrize(("rest", "told"), [(b"+one more\n", True), (b" line 14\n", True), (b"-- \n2.39\n", False)])
def test_what_follows_a_whole_hunk_is_left_out_as_git_does_and_told(rest: bytes, told: bool) -> None:
    patch = parse_patch("p", NAMES + HUNK + rest)
    assert [note[:7] for note in patch.notes] == ["line 13"] * told
    assert apply_series([patch], {"mm/f.c": OLD}.get)[0] == {"mm/f.c": NEW}


NOT_PATCHES = {
    b"\x00\xff\xfe": "no diff in it",
    b"words\n": "no diff in it",
    b"diff --cc mm/f.c\nindex 1,2..3\n--- a/mm/f.c\n+++ b/mm/f.c\n@@@ -1,2 -1,2 +1,2 @@@\n": "a combined diff",
    b"commit " + b"1" * 40 + b"\nMerge: 11 22\nAuthor: A\n": "a merge",
    b"<!DOCTYPE html>\n<html><pre>--- a/f\n+++ b/f\n": "a web page",
    b"The following changes since commit 1234abcd:\n\n  x\n": "a pull request",
    b"-----BEGIN PGP MESSAGE-----\nabc\n": "encrypted",
    b"Am Montag schrieb A:\n> diff --git a/f b/f\n> --- a/f\n": "a mail quotes",
    b"*** a/f.c\t2011\n--- b/f.c\t2011\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n": "a context diff",
    b"1c1\n< a\n---\n> b\n": "without context",
    b" mm/f.c | 2 +-\n 1 file changed\n": "only a summary",
    b"commit " + b"1" * 40 + b"\nAuthor: A\n": "a list of commits",
}


@pytest.mark.parametrize("text", NOT_PATCHES, ids=lambda text: NOT_PATCHES[text])
def test_what_holds_no_diff_is_named_with_what_to_type_instead(text: bytes) -> None:
    with pytest.raises(UserError) as caught:
        parse_patch("p", text)
    assert "no diff in it" in caught.value.what
    assert NOT_PATCHES[text] in caught.value.what
    assert caught.value.hint


def test_dos_line_ends_are_taken_off_where_the_file_has_none() -> None:
    text = identified(OLD, NEW).replace(b"\n", b"\r\n")
    changed, ((patch, _),) = apply_series([parse_patch("p", text)], {"mm/f.c": OLD}.get)
    assert changed == {"mm/f.c": NEW}
    assert "CR LF" in patch.notes[0]
    dos = OLD.replace(b"\n", b"\r\n")
    assert apply(text, dos)[0] == NEW.replace(b"\n", b"\r\n")


def test_names_without_a_and_b_are_told() -> None:
    bare = b"diff --git mm/f.c mm/f.c\n--- mm/f.c\n+++ mm/f.c\n" + HUNK
    with pytest.raises(UserError) as caught:
        changed(bare, {"mm/f.c": OLD})
    assert "made with diff.noprefix? the tree has mm/f.c" in caught.value.what
    assert "strip: 0" in caught.value.hint
    deep = NAMES.replace(b"a/mm", b"a/linux/mm").replace(b"b/mm", b"b/linux/mm") + HUNK
    with pytest.raises(UserError, match=r"its names have 2 leading parts; the tree has mm/f\.c"):
        changed(deep, {"mm/f.c": OLD})
    assert changed(deep, {"mm/f.c": OLD}, strip=2) == {"mm/f.c": NEW}


def test_only_white_space_that_differs_is_told() -> None:
    assert "only white space" in refusal(NAMES + HUNK.replace(b" line 8", b" line   8")).hint


def test_newest_first_is_told() -> None:
    second = HUNK.replace(b"-line 10\n+line ten\n+and a half\n", b"-line ten\n+line 10.0\n").replace(b"+7,8", b"+7,7")
    log = b"".join(
        b"commit %s\nAuthor: A\n\n    x\n\n" % (c * 40) + NAMES + h for c, h in ((b"2", second), (b"1", HUNK))
    )
    error = refusal(log)
    assert "newest first" in error.hint
    assert "--reverse" in error.hint


def test_gnu_diff_makes_and_removes_files_by_the_epoch() -> None:
    head = (
        b"diff -Nru a/n.c b/n.c\n--- a/n.c\t1970-01-01 01:00:00.000000000 +0100\n+++ b/n.c\t2011-06-17 10:00:00 +0000\n"
    )
    text = head + b"@@ -0,0 +1,2 @@\n+int a;\n+int b;\n"
    assert changed(text, {}) == {"n.c": b"int a;\nint b;\n"}
    assert changed(text, {"n.c": b"int a;\nint b;\n"}, reverse=True) == {"n.c": None}


def test_symbolic_links_are_made_changed_and_removed() -> None:
    made = b"diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+mm/f.c\n"
    made += b"\\ No newline at end of file\n"
    after = changed(made, {})["l"]
    assert (after, type(after)) == (b"mm/f.c", Link)
    assert changed(made, {"l": Link(b"mm/f.c")}, reverse=True) == {"l": None}
    with pytest.raises(UserError, match="l"):
        changed(made, {"l": b"mm/f.c"}, reverse=True)


def test_names_in_quotes_with_spaces_and_bytes_that_are_no_utf_8() -> None:
    old, new = (b'"%s/\\303\\244 b.c"' % side for side in (b"a", b"b"))
    text = b"diff --git %s %s\n--- %s\t\n+++ %s\t\n@@ -1 +1 @@\n-a\n+b\n" % (old, new, old, new)
    assert changed(text, {"ä b.c": b"a\n"}) == {"ä b.c": b"b\n"}
    odd = b"--- a/\xe4.c\n+++ b/\xe4.c\n@@ -1 +1 @@\n-a\n+b\n"
    assert changed(odd, {"\udce4.c": b"a\n"}) == {"\udce4.c": b"b\n"}


def test_a_file_with_crlf_lines_of_its_own() -> None:
    text = NAMES + b"@@ -1,2 +1,2 @@ f()\n a\r\n-b\r\n+c\r\n"
    assert apply(text, b"a\r\nb\r\n")[0] == b"a\r\nc\r\n"


def test_a_series_builds_on_itself_and_comes_out_where_it_went_in() -> None:
    tree = {"mm/f.c": OLD}
    there, back = parse_patch("1", NAMES + HUNK), parse_patch("2", NAMES + HUNK, reverse=True)
    changed, record = apply_series([there, back], tree.get)
    assert changed == {"mm/f.c": OLD}
    assert [a.after for _, done in record for a in done] == [blob_id(NEW), blob_id(OLD)]
    assert apply_series([], tree.get) == ({}, [])


def test_the_project_s_own_patches() -> None:
    mail = load("v3.0/637fbbf96fdd.patch")
    assert mail.paths == ("mm/rmap.c",)
    assert mail.subject == "mm: avoid repeated anon_vma lock/unlock sequences in anon_vma_clone()"
    assert mail.sha256 == parse_patch("other name", (PATCHES / "v3.0/637fbbf96fdd.patch").read_bytes()).sha256
    ours = load("v6.1/unbatch-clone.patch")
    assert set(ours.paths) == {"mm/rmap.c"}
    assert ours.subject


def load(name: str) -> Patch:
    return parse_patch(name, (PATCHES / name).read_bytes())


RENAME = b"""diff --git a/mm/old.c b/mm/new.c
similarity index 60%
rename from mm/old.c
rename to mm/new.c
index 4d3f9fd..d95f3ad 100644
--- a/mm/old.c
+++ b/mm/new.c
@@ -1,2 +1,2 @@
 one
-two
+three
"""
PURE = b"diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n"
EMPTY = b"diff --git a/a.c b/a.c\nnew file mode 100644\nindex 0000000..e69de29\n"
MODE = b"diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"


def changed(data: bytes, files: dict[str, bytes], *, reverse: bool = False, strip: int = 1) -> dict[str, bytes | None]:
    return apply_series([parse_patch("p", data, reverse=reverse, strip=strip)], files.get)[0]


def test_renames_with_and_without_hunks_there_and_back() -> None:
    data = RENAME.replace(b"index 4d3f9fd..d95f3ad 100644\n", b"")
    assert changed(data, {"mm/old.c": b"one\ntwo\n"}) == {"mm/old.c": None, "mm/new.c": b"one\nthree\n"}
    assert changed(data, {"mm/new.c": b"one\nthree\n"}, reverse=True) == {"mm/new.c": None, "mm/old.c": b"one\ntwo\n"}
    assert changed(PURE, {"a.c": b"x\n"}) == {"a.c": None, "b.c": b"x\n"}
    assert changed(PURE.replace(b"rename ", b"copy "), {"a.c": b"x\n"}) == {"b.c": b"x\n"}


@pytest.mark.parametrize(
    ("files", "words"),
    [({}, "the tree has no a.c"), ({"a.c": b"x", "b.c": b"y"}, "renames a.c to this, but the tree has it")],
)
def test_renames_that_cannot_be(files: dict[str, bytes], words: str) -> None:
    with pytest.raises(UserError, match=words):
        changed(PURE, files)


def test_an_empty_file_is_made_and_removed_and_a_mode_alone_changes_no_content() -> None:
    assert changed(EMPTY, {}) == {"a.c": b""}
    assert changed(EMPTY, {"a.c": b""}, reverse=True) == {"a.c": None}
    assert changed(MODE, {"run.sh": b"#!/bin/sh\n"}) == {"run.sh": b"#!/bin/sh\n"}
    ((patch, _),) = apply_series([parse_patch("p", MODE)], {"run.sh": b"#!/bin/sh\n"}.get)[1]
    assert patch.notes == ("the mode of run.sh is left as it is",)


def test_paths_without_a_and_b() -> None:
    bare = b"--- mm/f.c\n+++ mm/f.c\n@@ -1 +1 @@\n-one\n+two\n"
    assert changed(bare, {"mm/f.c": b"one\n"}, strip=0) == {"mm/f.c": b"two\n"}
    with pytest.raises(UserError, match="no such file"):
        changed(bare, {"mm/f.c": b"one\n"})
