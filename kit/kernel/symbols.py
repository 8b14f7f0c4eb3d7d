"""Decodes addresses in splats to file and line, with the tree's own script.

This needs debug information in the kernel. kit builds it in only on request (configs/kernel/symbols.config), since it
makes kernels ten times as large. Without it, excerpts stay as the kernel printed them.
"""

from __future__ import annotations

import mmap
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kit.base import commands
from kit.base.errors import MachineError
from kit.base.progress import Progress
from kit.kernel.sandbox import find
from kit.records import Splat

SCRIPT = "scripts/decode_stacktrace.sh"  # since 3.16 (dbd1abb209fd)
LIMIT = 180.0  # seconds; the script starts addr2line for every address
ADDRESS = re.compile(r"\S\+0x[0-9a-f]+/0x[0-9a-f]+\s*$")
OUTSIDE = re.compile(r"[^\s(]*\.\./src/")  # the object folder's way to the source


def has_debug_information(image: Path) -> bool:
    """Whether a vmlinux names a section .debug_info."""
    with image.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.rfind(b"\0.debug_info\0") >= 0


def decode(
    splats: Sequence[Splat], image: Path, sources: Sequence[Path], progress: Progress
) -> tuple[Splat, ...]:
    """The splats with file and line in their excerpts; unchanged if the kernel has no debug information, or none of the
    `sources` has the script, or it fails."""
    script = next((source / SCRIPT for source in sources if (source / SCRIPT).is_file()), None)
    lines = [line for splat in splats for line in splat.excerpt.split("\n") if ADDRESS.search(line)]
    if not lines or script is None or not has_debug_information(image):
        return tuple(splats)
    said = _ask(lines, script, image, progress)
    known = {line: _told(line, words) for line, words in zip(lines, said, strict=False)} if said else {}
    return tuple(
        replace(s, excerpt="\n".join(known.get(line, line) for line in s.excerpt.split("\n"))) for s in splats
    )


def _ask(lines: Sequence[str], script: Path, image: Path, progress: Progress) -> list[str]:
    """The script's line for each of `lines`; none if it fails: no verdict depends on it."""
    with tempfile.NamedTemporaryFile("w", prefix="kit-addresses-") as asked, progress.task("decoding addresses"):
        asked.write("\n".join(lines) + "\n")
        asked.flush()
        os.chmod(asked.name, 0o644)
        within = _within([script.parents[1], image, Path(asked.name)])
        if within is None:
            progress.once(f"addresses are not decoded: the tree's script has no sandbox: {find().why}")
            return []
        argv = ["bash", "-c", 'exec bash "$1" "$2" <"$3" 2>/dev/null', "decode", str(script), str(image), asked.name]
        try:
            said = commands.run(argv, progress=progress, limit=LIMIT, within=within).output.splitlines()
        except MachineError as error:
            progress.note(f"addresses are not decoded: {error}")
            return []
    return said if len(said) == len(lines) else []


def _within(read: Sequence[Path]) -> commands.Within | None:
    """What the script is held in; None where nothing holds it and the user did not say that it may go without."""
    found = find()
    if found.sandbox is None:
        return commands.Within() if found.asked else None
    return commands.Within(found.sandbox.prefix({}, {path: path for path in read}, {}))


def _told(line: str, words: str) -> str:
    """The decoded line, with the indentation of the kernel's own."""
    return line[: len(line) - len(line.lstrip())] + OUTSIDE.sub("", words.strip())
