"""The pages of `kit help`: a topic in, its text out. Standard library only, since they must work before set-up."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from pathlib import Path

from kit.base.errors import UserError

FOLDER = Path(__file__).resolve().parent
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)]+)\)")
MARKER = re.compile(r"^<!-- .* -->\n", re.MULTILINE)


def topics() -> dict[str, str]:
    """Topic → what it is about, from the page's title `# topic: line`. Raises ValueError for a page without one."""
    return {path.stem: _line(path) for path in sorted(FOLDER.glob("*.md"))}


def _line(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    head, _, line = first.partition(": ")
    if head != f"# {path.stem}" or not line:
        raise ValueError(f"{path}: the first line is not `# {path.stem}: …`")
    return line


def text_of(topic: str) -> str:
    """A page's markdown. Raises UserError for an unknown topic."""
    if topic not in topics():
        raise unknown(topic, topics())
    return (FOLDER / f"{topic}.md").read_text(encoding="utf-8")


def unknown(topic: str, known: Collection[str]) -> UserError:
    """The error for an unknown topic; it names those with similar spelling."""
    near = difflib.get_close_matches(topic, list(known), 3)
    begins = [name for name in known if topic and name.startswith(topic)]
    names = list(dict.fromkeys([*begins, *near]))
    return UserError(f"no such topic: {topic}; " + (f"nearest: {', '.join(names)}" if names else "kit help lists all"))


def listing() -> str:
    """All topics, a line each."""
    known = topics()
    width = max(map(len, known))
    rows = [f"  {topic:{width}}  {line}" for topic, line in known.items()]
    verbs = "kit help VERB prints the options of a verb, as kit VERB --help does."
    return "\n".join(["kit help TOPIC prints a page:", "", *rows, "", verbs, ""])


def for_terminal(text: str) -> str:
    """A page without what only a web reader needs: the targets of links, and the markers around generated tables."""
    pictured = PICTURE.sub(lambda m: f"(A picture: {m[1]}, {FOLDER / m[2]})", text)
    return LINK.sub(r"\1", MARKER.sub("", pictured))
