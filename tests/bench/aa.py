"""Real A/A runs: `kit run CONFIG --aa`, the baseline's own kernel in every arm, so often; how many verdicts are false,
and how many runs rank a lock class as if it differed (`locks=[anon_vma, "*"]`).

Every boot is a fresh one. A line a run goes to the log, and a run that is there already is not done again, so the same
command goes on where it was stopped:

    python3 tests/bench/aa.py --runs 30 --log aa.jsonl [CONFIG] [KEY=VALUE ...]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 3600
FALSE = ("better", "worse", "broken")


def run_once(config: str, overrides: list[str], seed: int) -> dict[str, Any]:
    """One A/A run: its verdicts (overall and by kind), boots, comparisons and wall seconds. Each has its own seed."""
    start = time.monotonic()
    settings = [part for text in (*overrides, f"seed={seed}") for part in ("--set", text)]
    with tempfile.TemporaryDirectory(prefix="kit-aa-") as folder:
        done = subprocess.run(
            [sys.executable, str(ROOT / "kit"), "run", config, "--aa", "--json", "--runs", folder, *settings],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"a run ended with exit code {done.returncode}:\n{done.stderr}")
    verdict = json.loads(done.stdout)
    assert verdict["aa"], "not an A/A run"
    return {
        "seed": seed,
        "verdict": verdict["verdict"],
        "kinds": {kind: said["verdict"] for kind, said in verdict["evidence"].items()},
        "comparisons": sum(len(said["comparisons"]) for said in verdict["evidence"].values()),
        "boots": verdict["boots"],
        "rows": [row for said in verdict["evidence"].values() for row in said["details"].get("classes", ())],
        "near": [name for said in verdict["evidence"].values() for name in said["details"].get("classes_near", ())],
        "sentence": verdict["sentence"],
        "seconds": round(time.monotonic() - start, 1),
    }


def recorded(log: Path) -> list[dict[str, Any]]:
    """The runs recorded in the log."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def summary(runs: list[dict[str, Any]]) -> str:
    """The number of runs by verdict, and of false ones: an A/A run must show no difference, or be unable to tell."""
    verdicts = Counter(run["verdict"] for run in runs)
    kinds = Counter((kind, said) for run in runs for kind, said in run["kinds"].items())
    false = sum(run["verdict"] in FALSE or any(v in FALSE for v in run["kinds"].values()) for run in runs)
    boots = sum(run["boots"]["ok"] for run in runs)
    lines = [f"{len(runs)} A/A runs, {boots} boots, {sum(r['comparisons'] for r in runs)} comparisons: {false} false"]
    lines += [f"  overall {verdict}: {n}" for verdict, n in verdicts.most_common()]
    lines += [f"  {kind} {said}: {n}" for (kind, said), n in sorted(kinds.items())]
    near = Counter(name for run in runs for name in run.get("near", ()))
    again = sum(bool(run.get("near")) for run in runs)
    lines += [f"  runs with a class near the line: {again} ({', '.join(near) or 'none'})"]
    ranked = [run for run in runs if run.get("rows")]
    lines += [f"  runs with a row of a lock class: {len(ranked)}"]
    rows = [row for run in ranked for row in run["rows"]]
    lines += [f"    {row['class']} {row['baseline_mean']} → {row['arm_mean']} ({row['kind']})" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Exit code 1 if a verdict was false."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default=str(ROOT / "configs" / "aim7.yaml"))
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--log", type=Path, default=Path("aa.jsonl"))
    options = parser.parse_args()
    runs = recorded(options.log)
    for number in range(len(runs), options.runs):
        runs.append(run_once(options.config, options.overrides, number + 1))
        with options.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(runs[-1]) + "\n")
        print(f"{number + 1} of {options.runs}: {runs[-1]['verdict']}, {runs[-1]['seconds']} s", flush=True)
    said = summary(runs)
    print(said)
    return 0 if ": 0 false" in said else 1


if __name__ == "__main__":
    sys.exit(main())
