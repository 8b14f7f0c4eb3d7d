"""How long it takes from the edit of one line to a verdict: python tests/bench/edit.py TREE [RUNS].

TREE is a folder of kernel source that may be edited: a line is put into mm/rmap.c, another in each round, and taken
out at the end. The first round is not counted: it builds all. What is printed: wall seconds of each round, and where
kit says that they went.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AT = "int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)\n{\n"
EDIT = '\tint edited __maybe_unused = ({ asm volatile("%s"); 0; });\n'  # other code in each round, and it runs


def main() -> int:
    """One warm-up, then the rounds."""
    tree, rounds = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    source = tree / "mm" / "rmap.c"
    before = source.read_text()
    try:
        with tempfile.TemporaryDirectory() as runs:
            for number in range(rounds + 1):
                edited = before.replace(AT, AT + EDIT % "; ".join(["nop"] * (number + 1)))
                source.write_text(edited)
                print("warm-up" if number == 0 else f"round {number}", once(tree, Path(runs)), flush=True)
    finally:
        source.write_text(before)
    return 0


def once(tree: Path, runs: Path) -> str:
    """One run; its seconds and verdict as text."""
    start = time.monotonic()
    argv = [sys.executable, str(ROOT / "kit"), "run", str(ROOT / "configs" / "quick.yaml"), "--tree", f"dir:{tree}"]
    if (tree / ".git").exists():  # then HEAD is the baseline, whose kernel and boots are there already
        argv.append("--dirty")
    argv += ["--runs", str(runs), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=3600)
    if done.returncode not in (0, 1, 3):
        return f"exit {done.returncode}: {done.stderr[-500:]}"
    verdict = json.loads(done.stdout)
    return f"{time.monotonic() - start:.1f} s, {verdict['verdict']}, {verdict['seconds']}"


if __name__ == "__main__":
    sys.exit(main())
