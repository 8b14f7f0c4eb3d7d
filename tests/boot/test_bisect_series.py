"""`kit bisect` on real kernels: the series of patches/v6.1-series, with its culprit at random places."""

from __future__ import annotations

import math
import random
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.base.errors import INCONCLUSIVE, OK
from kit.bisection.job import bisect, line_for
from kit.bisection.question import Question, read_question
from kit.bisection.trials import SEARCH
from kit.bisection.workbench import Workbench
from kit.experiment.reader import PROJECT
from kit.kernel.quilt import read_series
from kit.report.progress import PlainProgress
from kit.run.runner import LocalRunner
from kit.run.workplace import workplace
from kit.store.cache import Cache
from kit.store.runfolder import RunFolder
from tests.boot.conftest import takes_long

pytestmark = pytest.mark.boot
SERIES = PROJECT / "patches" / "v6.1-series" / "series"
CULPRIT = "11-root-lock-per-entry.patch"
SLOWER, SLOW = PROJECT / "tests" / "boot" / "slower", "udelay-in-fork.patch"
SEED = random.SystemRandom().randrange(1 << 32)


def harmless(rng: random.Random, count: int) -> list[str]:
    """Some patches of the series, without the culprit, in random order."""
    names = [e.path.name for e in read_series(SERIES) if e.path.name != CULPRIT]
    assert len(names) >= 16
    return rng.sample(names, count)


def ask(folder: Path, names: list[str], *, delay: int = 0, evidence: str = "count") -> Question:
    """The question of configs/bisect.yaml for these patches in this order; SLOW delays each fork by `delay` µs."""
    patches = folder / "patches"
    patches.mkdir()
    for name in names:
        shutil.copy((SLOWER if name == SLOW else SERIES.parent) / name, patches / name)
    if delay:
        slow = (patches / SLOW).read_text()
        assert "udelay(5)" in slow
        (patches / SLOW).write_text(slow.replace("udelay(5)", f"udelay({delay})"))
    (patches / "series").write_text("\n".join(names) + "\n")
    config: dict[str, Any] = yaml.safe_load((PROJECT / "configs" / "bisect.yaml").read_text())
    config["bisect"] |= {"series": str(patches / "series"), "evidence": evidence}
    (folder / "bisect.yaml").write_text(yaml.safe_dump(config))
    return read_question(folder / "bisect.yaml", (), {})


@pytest.mark.parametrize(
    "place", ["drawn", pytest.param("first", marks=takes_long), pytest.param("last", marks=takes_long)]
)
def test_the_culprit_is_found_wherever_it_stands(tmp_path: Path, place: str) -> None:
    print("seed", SEED)
    rng = random.Random(f"{SEED}/{place}")
    names = harmless(rng, 7)
    at = {"first": 0, "last": len(names), "drawn": rng.randint(1, len(names) - 1)}[place]
    names.insert(at, CULPRIT)
    result = bisect(ask(tmp_path, names), Cache(), PlainProgress(), tmp_path / "runs")
    found = result.found
    assert result.exit_code == OK, found["why"]
    assert found["culprit"]["name"] == CULPRIT
    assert found["named"]["commits"] == [CULPRIT], "the model names it too"
    assert found["boots"]["search"] <= math.ceil(math.log2(len(names))) + 2
    assert (found["proof"]["again_holds"], found["proof"]["reverted_holds"]) == (True, True)


def test_a_series_without_a_culprit_has_none(tmp_path: Path) -> None:
    print("seed", SEED)
    result = bisect(ask(tmp_path, harmless(random.Random(SEED), 8)), Cache(), PlainProgress(), tmp_path / "runs")
    assert result.exit_code == INCONCLUSIVE
    assert (result.found["end"], result.found["culprit"]) == ("no-difference", None)
    assert result.found["boots"]["search"] <= 2


@takes_long
@pytest.mark.parametrize(
    ("evidence", "delay", "method"), [("instructions", 5, "exact"), ("time", 500, "by probability")]
)
def test_a_delay_in_fork_is_found_by_what_it_costs(tmp_path: Path, evidence: str, delay: int, method: str) -> None:
    """Emulated time is enough to show the search: the delay is as long as a fork takes."""
    print("seed", SEED)
    rng = random.Random(f"{SEED}/{evidence}")
    names = harmless(rng, 5)
    names.insert(rng.randint(1, 4), SLOW)
    result = bisect(ask(tmp_path, names, delay=delay, evidence=evidence), Cache(), PlainProgress(), tmp_path / "runs")
    found = result.found
    assert result.exit_code == OK, found["why"]
    assert (found["culprit"]["name"], found["method"]) == (SLOW, method)
    assert (found["proof"]["again_holds"], found["proof"]["reverted_holds"]) == (True, True)


@takes_long
def test_every_prefix_builds_without_a_warning_and_boots(tmp_path: Path) -> None:
    """What was built and booted before comes from the cache."""
    cache, progress = Cache(), PlainProgress()
    question = read_question(PROJECT / "configs" / "bisect.yaml", (), {})
    line, _ = line_for(question, cache, progress)
    folder = RunFolder.create(tmp_path, "prefixes", "now")
    values = []
    with workplace(cache, progress, question.exp.toolchain) as place, place.at(folder):
        workbench = Workbench(question, LocalRunner(place), place)
        for index in range(len(line.commits) + 1):
            test = workbench.test(line.place(index), partial(line.source, index), SEARCH, ())
            assert test.value is not None, (index, test.why)
            values.append(test.value)
    for kind, key in place.spared:
        if kind == "kernels":
            log = (cache.root / kind / key / "build.log").read_text()
            assert not re.search(r"\.[chS]:\d+:(\d+:)? warning: ", log), key  # Kconfig's own warnings are others'
    culprit = next(i for i, c in enumerate(line.commits, 1) if c.name == CULPRIT)
    assert len(set(values[:culprit])) == len(set(values[culprit:])) == 1
    assert values[0] < values[-1]
