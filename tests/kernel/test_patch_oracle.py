"""Patches against git: what git diff and difflib write of random files applies forwards and backwards, as in git."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.errors import UserError
from kit.kernel.patch import apply_file, blob_id, parse_patch, split_lines

LINES = st.lists(st.sampled_from(["a", "b", "c", "d", "", "\tif (x)", "-- ", "--- x", "+++ y", "@@ -1 +1 @@", "e\rf"]))
CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An old and a new file that differ, some without a newline at the end; neither is empty."""
    old = draw(LINES)
    new = list(old)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(new)))
        new[at : at + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(["X", "Y", "a", "", "-- "]), max_size=3))
    ends = [draw(st.sampled_from(["\n", ""])) for _ in range(2)]
    pair = tuple(("\n".join(x) + e).encode() for x, e in zip((old, new), ends, strict=True))
    a, b = (p if p not in (b"", b"\n") else b"only\n" for p in pair)
    return a, (b if b != a else b + b"\nmore\n")


def git_diff(folder: Path, old: bytes, new: bytes, *options: str) -> bytes:
    """What git writes for f: old → new."""
    for side, content in (("a", old), ("b", new)):
        (folder / side).mkdir(exist_ok=True)
        (folder / side / "f").write_bytes(content)
    argv = ["git", "diff", "--no-index", "--text", *options, "--no-prefix", "a/f", "b/f"]
    return subprocess.run(argv, cwd=folder, capture_output=True, check=False).stdout


def git_apply(folder: Path, patch: bytes, content: bytes, reverse: bool) -> bytes | None:
    """What git makes of it; None where it refuses."""
    place = folder / "work"
    place.mkdir(exist_ok=True)
    (place / "f").write_bytes(content)
    argv = ["git", "apply", "--whitespace=nowarn", *(["-R"] if reverse else []), "-"]
    ended = subprocess.run(argv, cwd=place, input=patch, capture_output=True, check=False)
    return (place / "f").read_bytes() if ended.returncode == 0 else None


def kit_apply(patch: bytes, content: bytes, reverse: bool = False) -> bytes | None:
    """What kit makes of it. Raises UserError where it refuses."""
    (change,) = parse_patch("p", patch, reverse=reverse).files
    return apply_file(parse_patch("p", patch, reverse=reverse), change, content)[0]


@CALM
@given(files())
@example((b"a\n", b"a"))
@example((b"a", b"a\nb"))
@example((b"a\nb\nc\n", b"b\nc\n"))
def test_git_diff_applies_forwards_and_backwards_and_its_blobs_are_checked(
    tmp_path: Path, pair: tuple[bytes, bytes]
) -> None:
    old, new = pair
    text = git_diff(tmp_path, old, new, "--full-index")
    forwards, backwards = parse_patch("p", text), parse_patch("p", text, reverse=True)
    content, applied = apply_file(forwards, forwards.files[0], old)
    assert content == new
    assert (applied.before, applied.after, applied.exact) == (blob_id(old), blob_id(new), True)
    assert set(applied.offsets) == {0}
    content, applied = apply_file(backwards, backwards.files[0], new)
    assert content == old
    assert (applied.before, applied.after, applied.exact) == (blob_id(new), blob_id(old), True)


@CALM
@given(LINES, LINES)
def test_difflib_applies_forwards_and_backwards(old: list[str], new: list[str]) -> None:
    a, b = ([f"{x}\n" for x in lines] for lines in (old or ["o"], new or ["n"]))
    text = "".join(difflib.unified_diff(a, b, "a/f", "b/f")).encode()
    if a != b:
        assert kit_apply(text, "".join(a).encode()) == "".join(b).encode()
        assert kit_apply(text, "".join(b).encode(), reverse=True) == "".join(a).encode()


@settings(CALM, max_examples=80)
@given(files(), LINES, st.integers(0, 12), st.booleans(), st.booleans())
def test_on_other_content_kit_never_does_what_git_refuses(
    tmp_path: Path, pair: tuple[bytes, bytes], other: list[str], at: int, cut: bool, reverse: bool
) -> None:
    text = git_diff(tmp_path, *pair)
    if text.count(b"\n@@ -") != 1:
        return  # git lets later hunks go anywhere; one hunk is compared to the byte
    lines = split_lines(pair[1] if reverse else pair[0])
    lines[at : at + (len(other) if cut else 0)] = [f"{x}\n".encode() for x in other]
    content = b"".join(lines)
    by_git = git_apply(tmp_path, text, content, reverse)
    refused = ""
    try:
        by_kit = kit_apply(text, content, reverse)
    except UserError as error:
        by_kit, refused = None, error.what
    ambiguous = "not only there" in refused  # git takes the nearest of several places
    lenient = b"\\ No newline" in text  # git takes a last line with or without its newline for the same
    assert by_kit == by_git or (by_kit is None and (ambiguous or lenient)), refused


@pytest.mark.parametrize("reverse", [False, True])
def test_files_are_made_and_removed(tmp_path: Path, reverse: bool) -> None:
    body = b"one\ntwo\n"
    head = b"diff --git a/f b/f\nnew file mode 100644\nindex 000000000000..%s\n--- /dev/null\n+++ b/f\n"
    text = head % blob_id(body)[:12].encode() + b"@@ -0,0 +1,2 @@\n+one\n+two\n"
    patch = parse_patch("p", text, reverse=reverse)
    content, applied = apply_file(patch, patch.files[0], body if reverse else None)
    assert content == (None if reverse else body)
    assert applied.exact is True
    with pytest.raises(UserError, match="no such file" if reverse else "the tree has it"):
        apply_file(patch, patch.files[0], None if reverse else body)


def test_a_file_to_remove_must_have_no_other_line() -> None:
    patch = parse_patch("p", b"--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n")
    assert apply_file(patch, patch.files[0], b"one\n")[0] is None
    with pytest.raises(UserError, match="does not apply") as caught:
        apply_file(patch, patch.files[0], b"one\ntwo\n")
    assert "already" not in str(caught.value)
