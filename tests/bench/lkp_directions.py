"""How often kit is wrong about lkp's own directions: a checkout of intel/lkp-tests in; the wrong ones out.

`lkp_directions.py FOLDER` reads every etc/index-*.yaml (pattern: weight; above 0, more is better), makes two names that
each pattern matches, and asks `direction_of`. Unknown is allowed, wrong is not: exit code 1 if one is.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kit.outside import direction_of

ANY = ("x", "some_thing")  # what stands for `.+` and `.*`


def names(pattern: str) -> list[str]:
    """Names that a pattern of an index file matches."""
    found = []
    for word in ANY:
        text = re.sub(r"\.[+*]", word, pattern)
        for choice in re.findall(r"\(([^)]*)\)", text)[:1] or [""]:
            for part in choice.split("|"):
                name = text.replace(f"({choice})", part) if choice else text
                name = re.sub(r"\\(.)", r"\1", name)
                if not re.fullmatch(pattern, name):
                    raise SystemExit(f"{name!r} is no example of {pattern!r}")
                found.append(name)
    return found


def main(folder: Path) -> int:
    known = unknown = wrong = 0
    for file in sorted((folder / "etc").glob("index-*.yaml")):
        lines = [line for line in file.read_text().splitlines() if ": " in line]
        for line in lines:
            pattern, weight = line.rsplit(": ", 1)
            said = {direction_of(name) for name in names(pattern)}
            right = float(weight) > 0
            if right not in said and said == {None}:
                unknown += 1
            elif (not right) in said:
                wrong += 1
                print(f"wrong: {file.name}: {line}")
            else:
                known += 1
        print(f"{file.name}: {len(lines)} metrics")
    print(f"{known + unknown + wrong} metrics: {known} known, {unknown} unknown, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
