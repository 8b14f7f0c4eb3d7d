"""What kit adds to the interpreter's own start: `startup.py [PYTHON]` prints medians of interleaved runs, in ms.

"set-up, inside" is kit.__main__ in its own environment up to the import of kit.cli; `--help` shows the whole.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 40


def seconds(argv: list[str], environment: dict[str, str]) -> float:
    """The wall time of one run. Raises CalledProcessError if it fails."""
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=environment, cwd="/")
    return time.perf_counter() - begin


def median_starts(python: str, rounds: int = ROUNDS) -> dict[str, float]:
    """The median wall time in seconds of each kind of start. They are measured in turn: drift hits all alike."""
    kit = str(ROOT / "kit")
    end_at_cli = "import kit.__main__ as m; m.prepare(['check'])"
    inside = str(ROOT / ".venv" / "bin" / "python")
    starts = {
        "python3 -c pass": [python, "-c", "pass"],
        "venv's python -c pass": [inside, "-c", "pass"],
        "set-up, inside": [inside, "-P", "-c", end_at_cli],
        "kit --help": [python, kit, "--help"],
        "kit test --help": [python, kit, "test", "--help"],
    }
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    for argv in reversed(starts.values()):  # kit first: it makes the environment where there is none yet
        seconds(argv, environment)
    runs: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, argv in starts.items():
            runs[name].append(seconds(argv, environment))
    return {name: statistics.median(values) for name, values in runs.items()}


def main() -> None:
    """Print the table."""
    medians = median_starts(sys.argv[1] if len(sys.argv) > 1 else sys.executable)
    base = medians["python3 -c pass"]
    for name, value in medians.items():
        print(f"{name:24}{value * 1e3:8.1f} ms  {value / base:5.2f} x  {(value - base) * 1e3:+8.1f} ms")


if __name__ == "__main__":
    main()
