"""Which functions of a C file a change touches: two contents in, names out. Relies on the kernel's coding style."""

from __future__ import annotations

import re

_HEAD = re.compile(rb"^[A-Za-z_][^;={}]*?\b(\w+)\s*\([^;{}]*\)[^;{}()]*$", re.MULTILINE)


def functions(content: bytes) -> dict[str, bytes]:
    """Function name → its text, from the declaration to the `}` in the first column."""
    found: dict[str, bytes] = {}
    end = 0
    for opening in re.finditer(rb"^\{\s*$", content, re.MULTILINE):
        if opening.start() < end:
            continue
        closing = re.compile(rb"^\}", re.MULTILINE).search(content, opening.end())
        head = _head(content[end : opening.start()])
        end = closing.end() if closing else len(content)
        if head is not None:
            name, text = head
            found[name] = found.get(name, b"") + text + content[opening.start() : end]
    return found


def _head(before: bytes) -> tuple[str, bytes] | None:
    """The name in the declaration at the end of a text, and the declaration."""
    declaration = re.split(rb"[;}]\s*\n|\*/\s*\n|^#[^\n]*\n|\n\n", before, flags=re.MULTILINE)[-1]
    match = _HEAD.search(declaration)
    return (match[1].decode("utf-8", "replace"), declaration) if match else None


def touched(before: bytes | None, after: bytes | None) -> frozenset[str]:
    """The functions whose text differs, including added and removed ones."""
    old, new = functions(before or b""), functions(after or b"")
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
