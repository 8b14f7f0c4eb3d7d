"""kit accepts every command that README and the help pages show; every file that they name exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from kit.base.project import PROJECT
from kit.experiment import keys
from kit.help import tables
from kit.help.pages import topics
from kit.verbs.help import verbs_of
from kit.verbs.table import parser

PAGES = tables.files()
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
KIT = re.compile(r"(?:^|\s)(?:python3 )?(?:\S*/)?kit (?=[a-z-])")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
ROOTS = ("kit", "tests", "configs", "guest", "patches", ".github")
ELSEWHERE = ("-", "/", "git:", "tree=", "runs/", "patches/series")  # not of this project
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_…-]*(=\S*)?|last|-|.*[…<].*")


def inline(text: str) -> list[str]:
    """Texts in backticks outside of code blocks, on one line."""
    return [" ".join(found.split()) for found in INLINE.findall(FENCE.sub("", text))]


def commands(text: str) -> Iterator[str]:
    """Every command of kit in a page, without what precedes it (a prompt, variables, another command)."""
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    for line in [*lines, *inline(text)]:
        shown = re.match(r"(\$ |[A-Z0-9_]+=\S* |b4 .*\| |git bisect run )*(python3 (\S*/)?)?kit (?=[a-z-])", line)
        if shown:
            yield line[shown.end() :]


def words_of(command: str) -> list[str]:
    """The arguments up to a comment, a pipe or a redirection."""
    words = shlex.split(command, comments=True)
    ends = [i for i, word in enumerate(words) if word in ("|", ">")]
    return words[: ends[0]] if ends else words


EVERY = sorted({(path.stem, c) for path in PAGES for c in commands(path.read_text())})


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The error of kit's parser for these arguments; empty if it accepts them."""
    own = words[: words.index("--")] if "--" in words and words[0] == "shell" else words
    try:
        parser().parse_args(own)
    except SystemExit as end:
        return capsys.readouterr().err.strip() if end.code else ""
    return ""


def is_sketch(words: list[str]) -> bool:
    """Whether it is only a verb (`kit shell`), or has placeholders as arguments (`kit compare A B`)."""
    return len(words) == 1 and words[0] in (*verbs_of(parser()), "VERB")


def test_there_are_commands_to_look_at() -> None:
    assert len(EVERY) > 50
    assert ("README", "run configs/aim7.yaml     # the verdict on the lock batching of 637fbbf, on Linux 6.1") in EVERY


@pytest.mark.parametrize(("page", "command"), EVERY)
def test_kit_takes_the_command(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = words_of(command)
    if is_sketch(words):
        return
    if words[0] == "help" and len(words) > 1:
        assert words[1] in {*topics(), *verbs_of(parser()), "TOPIC", "VERB", "--write"}
    if words == ["VERB", "--help"]:
        return
    assert complaint(words, capsys) == ""
    for word in words[1:]:
        if "/" in word and not PLACEHOLDER.fullmatch(word) and not word.startswith(ELSEWHERE):
            assert (PROJECT / word).exists(), word
    for name, value in pairwise(words):
        if name == "--set":
            assert keys.find(re.sub(r"\[\d+\]", "", value.partition("=")[0]))


@pytest.mark.parametrize(
    "words", [["run", "--no-such"], ["nosuch"], ["show"], ["model", "guess"], ["clean", "--all", "--older", "3d"]]
)
def test_a_wrong_command_is_seen(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(words, capsys) != ""


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_links_resolve_and_files_are_there(path: Path) -> None:
    text = path.read_text()
    for target in LINK.findall(FENCE.sub("", text)):
        if not target.startswith("http"):
            assert (path.parent / target).is_file(), target
    for name in (n.partition("::")[0] for n in inline(text)):
        if name.startswith(tuple(f"{root}/" for root in ROOTS)) and " " not in name and "TOPIC" not in name:
            assert list(PROJECT.glob(name)), name


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_help_topics_that_are_named_exist(path: Path) -> None:
    named = set(re.findall(r"kit help ([a-z][a-z-]*)", path.read_text()))
    assert named <= {*topics(), *verbs_of(parser())}
