"""The generated tables in the pages of `kit help`: a page's text in, the same with renewed tables out.

A table is between `<!-- table: NAME -->` and `<!-- end -->`. Its last column, since, is the version of kit that first
had the row: existing rows keep theirs, new rows get the current one. README's table of topics has no such column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from kit import __version__
from kit.base.errors import MEANINGS, STEP, UserError
from kit.base.project import IS_CLONE, PROJECT
from kit.contracts.bisectfile import BisectFile
from kit.contracts.fields import fields
from kit.contracts.verdictfile import VerdictFile
from kit.experiment.keys import Key, every_key
from kit.help.pages import FOLDER, topics
from kit.workload.catalog import WORKLOADS

BLOCK = re.compile(r"<!-- table: (\S+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
Row = Sequence[str]


def renewed(page: str) -> str:
    """The page with its tables as the code has them. Raises KeyError for an unknown table."""

    def table(found: re.Match[str]) -> str:
        head, rows = TABLES[found[1]]()
        if found[1] != "topics":
            head, rows = _with_since(head, rows, found[2])
        return f"<!-- table: {found[1]} -->\n{_table(head, rows)}<!-- end -->\n"

    return BLOCK.sub(table, page)


def files() -> list[Path]:
    """The pages on disk, README first."""
    return [PROJECT / "README.md", *sorted(FOLDER.glob("*.md"))]


def write() -> list[str]:
    """Renews every page; the names of those that changed. Raises UserError if kit is not a clone."""
    if not IS_CLONE:
        raise UserError("the pages can be renewed in a clone only", where="kit help --write")
    changed = []
    for path in files():
        before = path.read_text(encoding="utf-8")
        if (after := renewed(before)) != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path.stem)
    return changed


def _with_since(head: Row, rows: Iterable[Row], before: str) -> tuple[Row, list[Row]]:
    """Adds the column since: a row's value in the table `before` (by its first cell), else the current version."""
    known = [line.strip("| ").split(" | ") for line in before.splitlines()[2:]]
    since = {row[0].strip(): row[-1].strip() for row in known}
    return (*head, "since"), [(*row, since.get(row[0], __version__)) for row in rows]


def _table(head: Row, rows: Iterable[Row]) -> str:
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, ["---"] * len(head), *rows))


KEYS = ("key", "type", "default", "meaning")
FIELDS = ("field", "type", "unit", "meaning")

# A row goes into the table with the longest of these prefixes that its path has.
LOADS = tuple(WORKLOADS)
PARTS: Mapping[str, tuple[str, ...]] = {
    "keys": (
        *("", "arms.NAME.", "guest.", "budget.", "instructions.", "time.", "accept[].", "bisect."),
        *(f"workloads[].{name}." for name in LOADS),
    ),
    "verdict.json": (
        *("", "evidence.NAME.", "evidence.NAME.comparisons[].", "evidence.NAME.comparisons[].at."),
        *("evidence.NAME.details.", "evidence.NAME.details.predictions[].", "evidence.NAME.details.metrics[]."),
        *("evidence.NAME.details.classes[].", "evidence.NAME.details.suspects[].", "functions[]."),
        "evidence.NAME.details.contention[].",
    ),
    "bisect.json": ("", "metric.", "culprit.", "candidates[].", "named.", "proof.", "commits[]."),
}


def _part(name: str, path: str) -> str:
    return max((part for part in PARTS[name] if path.startswith(part)), key=len)


def _keys(part: str) -> tuple[Row, list[Row]]:
    heads = {f"workloads[].{name}" for name in LOADS}  # their meaning is the page's own text
    found = [k for k in every_key() if _part("keys", k.path) == part and k.path not in heads]
    return KEYS, [_key(k, len(part)) for k in found]


def _key(key: Key, cut: int) -> Row:
    said = key.default or ("false" if key.type == "true or false" else "")  # `kit check --keys` leaves that out
    default = "required" if key.required else f"`{said}`" if said else ""
    choices = ", ".join(f"`{choice}`" for choice in key.choices)
    kind = key.type.replace("word", choices) if "word" in key.type else ": ".join(filter(None, (key.type, choices)))
    return f"`{key.path[cut:]}`", _cell(kind), default, _cell(key.meaning)


def _fields(name: str, kind: type, part: str) -> tuple[Row, list[Row]]:
    found = [f for f in fields(kind) if _part(name, f.path) == part]
    return FIELDS, [(f"`{f.path[len(part) :]}`", f.type, f.unit, _cell(f.meaning)) for f in found]


def _topics() -> tuple[Row, list[Row]]:
    return ("topic", "about"), [(f"[{topic}](kit/help/{topic}.md)", line) for topic, line in topics().items()]


def _codes() -> tuple[Row, list[Row]]:
    return ("code", "meaning", "`kit step` says"), [
        (str(code), meaning, str(STEP[code])) for code, meaning in MEANINGS.items()
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


TABLES: Mapping[str, Callable[[], tuple[Row, list[Row]]]] = {
    "topics": _topics,
    "exit-codes": _codes,
    **{f"keys/{part}": partial(_keys, part) for part in PARTS["keys"]},
    **{f"verdict.json/{part}": partial(_fields, "verdict.json", VerdictFile, part) for part in PARTS["verdict.json"]},
    **{f"bisect.json/{part}": partial(_fields, "bisect.json", BisectFile, part) for part in PARTS["bisect.json"]},
}
