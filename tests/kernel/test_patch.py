"""Patches: what is read, what is refused and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.errors import UserError
from kit.kernel.patch import Applied, Patch, apply_file, apply_series, blob_id, parse_patch

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
    return apply_file(patch, patch.files[0], content)


def refusal(text: bytes, content: bytes = OLD, *, reverse: bool = False) -> UserError:
    with pytest.raises(UserError) as caught:
        apply(text, content, reverse=reverse)
    return caught.value


def identified(before: bytes, after: bytes) -> bytes:
    return INDEX % (blob_id(before)[:12].encode(), blob_id(after)[:12].encode()) + NAMES + HUNK


def test_a_mail_is_read_with_its_head_and_signature() -> None:
    patch = parse_patch("m", MAIL + identified(OLD, NEW) + b"-- \n2.39.5\n\n")
    assert patch.subject == "mm: make ten longer"
    (change,) = patch.files
    assert (change.path, len(change.hunks), change.hunks[0].at) == ("mm/f.c", 1, 14)
    assert apply_file(patch, change, OLD)[0] == NEW


def test_hunks_may_be_shifted_but_not_fuzzy() -> None:
    content, applied = apply(NAMES + HUNK, b"new\n" * 3 + OLD)
    assert content == b"new\n" * 3 + NEW
    assert applied.offsets == (3,)
    assert "does not apply" in refusal(NAMES + HUNK, OLD.replace(b"line 7\n", b"line 7 \n")).what


def test_a_shifted_hunk_does_not_land_in_what_an_earlier_one_wrote() -> None:
    text = NAMES + b"@@ -2,3 +2,5 @@\n a\n b\n+x\n+y\n c\n@@ -12,2 +14,3 @@\n x\n+z\n y\n"
    assert "hunk 2" in refusal(text, b"0\na\nb\nc\n" + b"n\n" * 12).what


def test_of_two_places_neither_is_taken() -> None:
    content = b"start\n" + OLD + b"between\n" + OLD
    assert "not only there" in refusal(NAMES + HUNK, content).what


def test_context_is_wanted_for_an_insertion() -> None:
    bare = NAMES + b"@@ -5,0 +6 @@\n+new\n"
    assert "no context" in refusal(bare).what
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


def test_an_edited_patch_is_refused_whichever_way_it_is_applied() -> None:
    text = identified(OLD, NEW).replace(b"+and a half\n", b"+and a third\n")
    error = refusal(text)
    assert "not the " + blob_id(NEW)[:12] in error.what
    assert "edited" in error.hint
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
        (NAMES + HUNK + b"+one more\n", 13, "more lines than its header"),
        (NAMES + HUNK + b" line 14\n", 13, "more lines than its header"),
        (NAMES + HUNK + b"-line 14\n", 13, "more lines than its header"),
        (NAMES + HUNK + b"@@ -18,2 +19,2\n line 18\n", 13, "not the head of a hunk"),
        (HUNK, 1, "hunk of no file"),
        (NAMES + b"nothing\n", 3, "no hunk for mm/f.c"),
        (NAMES + HUNK.replace(b" line 8", b"line 8"), 5, "not a line of a hunk: 'line 8'"),
        (b"diff --git a/f b/f\n", 2, "without any hunk"),
        (b"diff --git a/f b/f\nold mode 100644\n", 3, "without any hunk"),
        (b"diff --git a/f b/g\nrename from f\nrename to ../g\n", 4, "outside the tree"),
        (b"diff --git a/f.gif b/f.gif\nindex 1234..5678\nGIT binary patch\n", 3, "does not apply: f.gif"),
        (b"diff --git a/f.gif b/f.gif\nindex 1234..5678\nBinary files a/f.gif and b/f.gif differ\n", 3, "binary file"),
        (NAMES.replace(b"mm/f.c", b"../f.c") + HUNK, 1, "outside the tree"),
        (NAMES.replace(b"mm/f.c", b"mm/../../f.c") + HUNK, 1, "outside the tree"),
        (b"--- /etc/passwd\n+++ /etc/passwd\n" + HUNK, 1, "outside the tree"),
        (NAMES.replace(b"mm/f.c", b"/etc/passwd") + HUNK, 1, "outside the tree"),
        (NAMES.replace(b"mm/f.c", b".git/config") + HUNK, 1, "outside the tree"),
        (b'--- "a/\\303\\244"\n+++ "b/\\303\\244"\n' + HUNK, 1, "in quotes"),
    ],
)
def test_what_is_no_whole_patch_is_refused_with_its_line(text: bytes, line: int, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_patch("p", text)
    assert caught.value.where == f"p:{line}"
    assert what in caught.value.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "is empty"),
        (b"\x00\xff\xfe", "no diff in it"),
        (MAIL, "no diff in it"),
        (identified(OLD, NEW).replace(b"\n", b"\r\n"), "CRLF"),
        (b"Subject: x\nContent-Transfer-Encoding: base64\n\nZGlmZg==\n", "encoded for mail (base64)"),
    ],
)
def test_what_holds_no_diff(text: bytes, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_patch("p", text)
    assert what in caught.value.what


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
    (change,) = mail.files
    assert (change.path, change.old_blob, change.new_blob) == ("mm/rmap.c", "0eb463ea88dd", "f286697c61dc")
    assert mail.subject == "mm: avoid repeated anon_vma lock/unlock sequences in anon_vma_clone()"
    assert mail.sha256 == parse_patch("other name", (PATCHES / "v3.0/637fbbf96fdd.patch").read_bytes()).sha256
    ours = load("v6.1/unbatch-clone.patch")
    assert {c.path for c in ours.files} == {"mm/rmap.c"}
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


def test_a_copy_is_not_taken_out() -> None:
    with pytest.raises(UserError, match="cannot be taken out"):
        changed(PURE.replace(b"rename ", b"copy "), {"b.c": b"x\n"}, reverse=True)


def test_an_empty_file_is_made_and_removed_and_a_mode_alone_changes_no_content() -> None:
    assert changed(EMPTY, {}) == {"a.c": b""}
    assert changed(EMPTY, {"a.c": b""}, reverse=True) == {"a.c": None}
    assert changed(MODE, {"run.sh": b"#!/bin/sh\n"}) == {"run.sh": b"#!/bin/sh\n"}
    assert parse_patch("p", MODE).files[0].modes == ("100644", "100755")


def test_paths_without_a_and_b() -> None:
    bare = b"--- mm/f.c\n+++ mm/f.c\n@@ -1 +1 @@\n-one\n+two\n"
    assert changed(bare, {"mm/f.c": b"one\n"}, strip=0) == {"mm/f.c": b"two\n"}
    with pytest.raises(UserError, match="no such file"):
        changed(bare, {"mm/f.c": b"one\n"})
