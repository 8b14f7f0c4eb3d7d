"""The compiler's CPU time with ccache in each of its modes, as a ratio to the compiler alone:

    .venv/bin/python tests/bench/compiler_cache.py [OBJECTS] [--files 40]

OBJECTS is a folder of the cache's `objects/` in which a kernel was built (default: the newest). Some of its files are
compiled again by the command lines that make left there: by the compiler, then through an empty ccache, then through
the full one. Objects must be the same to the byte.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kit.kernel.toolchain import Toolchain
from kit.store.cache import Cache

MODES: Mapping[str, Mapping[str, str]] = {
    "ccache, preprocessor mode": {"CCACHE_NODEPEND": "1", "CCACHE_NODIRECT": "1"},
    "ccache, direct mode": {"CCACHE_NODEPEND": "1"},
    "ccache, depend mode": {"CCACHE_DEPEND": "1"},
}


def commands(objects: Path) -> Iterator[str]:
    """The command lines of the C files, without ccache, writing to `$OUT`."""
    for saved in sorted((objects / "obj").rglob(".*.o.cmd")):
        line = saved.read_text(encoding="utf-8", errors="replace").split("\n")[0].partition(" := ")[2]
        line = line.split(" ; ")[0].strip()  # objtool follows
        if not line.endswith(".c") or "scripts/" in str(saved) or "tools/" in str(saved):
            continue
        line = re.sub(r"-Wp,-MM?D,\S+", "-Wp,-MMD,$OUT.d", line.removeprefix("ccache "))
        yield re.sub(r" -o \S+\.o ", " -o $OUT.o ", line)


def cpu(lines: list[str], place: Path, out: Path, environment: Mapping[str, str]) -> tuple[float, list[bytes]]:
    """Seconds of CPU of all command lines, one after the other, and their objects."""
    made = []
    before = os.times()
    for line in lines:
        subprocess.run(["sh", "-c", line], cwd=place, env={**environment, "OUT": str(out)}, check=True)
        made.append(out.with_suffix(".o").read_bytes())
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, made


def main() -> None:
    """Prints a line for each mode."""
    parser = argparse.ArgumentParser(description="the compiler's CPU time with ccache")
    parser.add_argument("objects", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=40)
    asked = parser.parse_args()
    cache = Cache()
    folders = (p for p in cache.folder("objects").iterdir() if (p / "obj" / "vmlinux").exists())
    objects = asked.objects or max(folders, key=lambda p: p.stat().st_mtime)
    lines = random.Random(1).sample(list(commands(objects)), asked.files)
    own = {**os.environ, **Toolchain("", "gcc", ccache=True).environment(cache)}
    with tempfile.TemporaryDirectory() as folder:
        alone, wanted = cpu(lines, objects / "obj", Path(folder) / "x", own)
        print(f"{len(lines)} files, {lines[0].split()[0]} alone: {alone:.1f} s of CPU = 1.00")
        for number, (name, settings) in enumerate(MODES.items()):
            told = {k: v for k, v in own.items() if k != "CCACHE_DEPEND"}
            told = {**told, **settings, "CCACHE_DIR": f"{folder}/{number}"}
            through = [f"ccache {line}" for line in lines]
            for state in ("empty", "full"):
                took, made = cpu(through, objects / "obj", Path(folder) / "x", told)
                same = "same objects" if made == wanted else "OTHER OBJECTS"
                print(f"{name}, {state}: {took / alone:.2f} ({same})")


if __name__ == "__main__":
    main()
