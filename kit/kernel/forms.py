"""Texts that git does not read as a patch: recognizes what they are and says what to type instead. Pure, no I/O."""

from __future__ import annotations

import re

from kit.base.errors import UserError
from kit.kernel.hunks import scan

_START = re.MULTILINE
DAMAGED = "the patch is damaged: save it anew from its source"
MERGE = "`git diff MERGE^1 MERGE`, or --range MERGE^1..MERGE"
FORMS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\A.{0,2000}<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL), "a web page, not a patch",
     "take the page's `raw`, `mbox` or `.patch` link; `b4 am -o - MESSAGE-ID` fetches a series"),
    (re.compile(rb"^diff --(?:cc|combined) ", _START), "a combined diff, as `git show` writes of a merge", MERGE),
    (re.compile(rb"^commit [0-9a-f]{7,64}.*\nMerge: ", _START), "a merge, of which git shows no diff", MERGE),
    (re.compile(rb"^The following changes since commit [0-9a-f]+", _START), "a pull request, not a patch",
     "`git fetch` what it names, then --range BASE..FETCH_HEAD"),
    (re.compile(rb"^-----BEGIN PGP MESSAGE-----", _START), "encrypted (PGP)", "save it decrypted"),
    (re.compile(rb"^> ?(?:diff --git |--- |\+\+\+ |@@ -)", _START), "a patch that a mail quotes",
     "take the mail that it answers: `b4 am -o - MESSAGE-ID`"),
    (re.compile(rb"^\*{3} \S.*\n--- \S.*\n\*{15}", _START), "a context diff", "make it anew with `diff -u`"),
    (re.compile(rb"^\d+(?:,\d+)?[acd]\d+(?:,\d+)?\r?\n[<>] ", _START), "a diff without context",
     "make it anew with `diff -u`"),
    (re.compile(rb"^Binary files .* differ$", _START), "a diff of binary files without their content",
     "`git diff --binary` writes it; or commit them, and use --range"),
    (re.compile(rb"^ \S.* \|\s+\d+ [+-]+$", _START), "only a summary of what a patch changes",
     "`git diff` without --stat; a mail without a diff may be a cover letter"),
    (re.compile(rb"^--- \S.*\n\+\+\+ \S.*\n(?!@@ )", _START), "a file header without any hunk", DAMAGED),
    (re.compile(rb"^diff --git \S.* .*\n", _START), "a file header without any hunk", DAMAGED),
    (re.compile(rb"^(?:commit [0-9a-f]{40}\b|[0-9a-f]{7,40} \S)"), "a list of commits without diffs",
     "`git log -p --reverse`, or --range BASE..HEAD"),
)  # fmt: skip
"""Pattern, what the text is, what to type instead; the first match is reported."""

GIT_SAYS = (
    (
        "lacks filename information",
        "its names have no leading part: made with diff.noprefix?",
        "`{patch: FILE, strip: 0}` in an arm's series, or `FILE -p0` in a quilt series file",
    ),
    ("only garbage", "a file header without any hunk", DAMAGED),
    (
        "without full index line",
        "it changes a binary file, and does not hold the content",
        "`git diff --binary` writes it",
    ),
    ("beyond a symbolic link", "it changes a file behind a symbolic link", "name the file itself"),
    ("affects file beyond", "it changes a file behind a symbolic link", "name the file itself"),
    ("already exists in", "it makes a file that the tree has", "already applied?"),
)
"""Part of git's message, what it means here, what to do."""

_NOTHING = re.compile(r"No valid patches in input|unrecognized input")
_LINE = re.compile(r"(?:at line |\(line |on line |<stdin>:)(\d+)")
_SAID = re.compile(r"^(?:error|fatal): (?!while searching for:)(.*)$", re.MULTILINE)
_COMMIT = re.compile(rb"^commit [0-9a-f]{40}\b", _START)
NO_DIFF = "a patch is what `git format-patch` or `git diff` writes"
WRAPPED = "take it from its source (`b4 am`, lore.kernel.org's raw), or have it sent by `git send-email`"


def is_none(err: str) -> bool:
    """Whether git's message says that there is no patch at all, rather than a damaged one."""
    return bool(_NOTHING.search(err))


def unreadable(name: str, text: bytes, err: str, line: int = 0) -> UserError:
    """The error for a text that git cannot read. `err`: git's message; `line`: where the text begins in its file, from
    0."""
    found = scan(text)
    said = [words for words in _SAID.findall(err) if not is_none(words)]
    if not said and not (found.fault and found.sections):
        return _no_patch(name, text, line)
    if found.fault:
        wrapped = "line-wrapped" in found.fault.what or "no-break" in found.fault.what
        return UserError(
            found.fault.what, where=f"{name}:{line + found.fault.line}", hint=WRAPPED if wrapped else DAMAGED
        )
    error = quoting_git(name, err, line, "cannot be read")
    at = int(error.where.rpartition(":")[2]) - line if error.where != name else 0
    if "lacks filename information" in err and (heads := [s.at for s in found.sections if s.at <= at]):
        return UserError(error.what, where=f"{name}:{line + heads[-1]}", hint=error.hint)  # git names the line after it
    return error


def quoting_git(name: str, err: str, line: int, what: str, hint: str = DAMAGED) -> UserError:
    """An error that quotes git's message, or its meaning from GIT_SAYS. `what`: the message's beginning."""
    said = [words for words in _SAID.findall(err) if not is_none(words)][:2]
    at = next(filter(None, map(_LINE.search, said)), None)
    for word, meaning, instead in GIT_SAYS:
        if any(word in text for text in said):
            said, hint = [meaning], instead
    where = f"{name}:{line + int(at[1])}" if at else name
    words = "; ".join(_LINE.sub("", text).strip(" :()") for text in said) or "git gives no reason"
    return UserError(f"{what}: {words}", where=where, hint=hint)


def _no_patch(name: str, text: bytes, line: int) -> UserError:
    for pattern, what, instead in FORMS:
        if match := pattern.search(text):
            at = text.count(b"\n", 0, match.start()) + 1
            return UserError(f"no diff in it: {what}", where=f"{name}:{line + at}", hint=instead)
    return UserError("no diff in it", where=name, hint=NO_DIFF)


def is_log(text: bytes) -> bool:
    """Whether the text is the output of `git log -p` with more than one commit."""
    return len(_COMMIT.findall(text)) > 1
