"""How long the main job takes: `kit run configs/aim7.yaml` with an empty cache, then again with a full one.

Prints wall seconds, how they divide, and the ratios that README names. Run it on an idle machine:

    python3 tests/bench/road.py [CONFIG]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run_once(config: str, cache: Path, runs: Path) -> tuple[float, dict[str, Any]]:
    """(wall seconds of the whole command, verdict.json)."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(ROOT / "kit"), "run", config, "--runs", str(runs), "--json"],
        env={**os.environ, "KIT_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        check=False,
        timeout=3600,
    )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"the run ended with exit code {done.returncode}")
    return time.monotonic() - start, json.loads(done.stdout)


def kernels(cache: Path) -> list[tuple[str, float]]:
    """(arm, seconds) of each kernel built, the first one first."""
    records = [json.loads(p.read_text(encoding="utf-8")) for p in (cache / "kernels").glob("*/kernel.json")]
    return sorted(((r["spec"]["arm"], r["seconds"]) for r in records), key=lambda r: -r[1])


def main() -> None:
    """Cold, then warm."""
    config = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "configs" / "aim7.yaml")
    with tempfile.TemporaryDirectory(prefix="kit-road-") as folder:
        cache, runs = Path(folder, "cache"), Path(folder, "runs")
        walls = []
        for name in ("cold", "warm"):
            wall, verdict = run_once(config, cache, runs)
            walls.append(wall)
            spent, boots = verdict["seconds"], verdict["boots"]
            share = spent["own"] / spent["total"]
            print(
                f"{name}: {wall:.1f} s; commands {spent['commands']:.1f} s, guests {spent['guests']:.1f} s"
                f" (both at once {spent['both']:.1f} s), kit itself {spent['own']:.1f} s ({share:.1%});"
                f" {boots['ok']} boots, {boots['reused']} reused"
            )
        built = kernels(cache)
        for arm, seconds in built:
            print(f"kernel {arm}: {seconds:.1f} s")
        print(f"warm / cold: {walls[1] / walls[0]:.3f}; next arm / first arm: {built[-1][1] / built[0][1]:.3f}")


if __name__ == "__main__":
    main()
