"""Forks under memory pressure, in real guests: kswapd takes root locks too, and kit compares without a prediction."""

from __future__ import annotations

import pytest

from kit.evidence.locks import acquisitions
from kit.model.predict import Prediction, predict
from kit.model.program import Program, Reclaim
from kit.store.runfolder import RunFolder
from kit.workload.micro import Micro
from tests.boot.conftest import Run, takes_long

pytestmark = pytest.mark.boot
PRESSED = {"loop": "reclaim", "users": [1, 4], "times": 20, "pages": 256}


@takes_long
def test_kswapd_takes_root_locks_beside_forks(run: Run) -> None:
    """Without the pressure the same operations are predicted; under it every boot counts more."""
    result = run({"guest": {"cpus": [4]}, "workloads": [{"micro": PRESSED}], "evidence": ["count"]})
    assert result.verdict["boots"]["failed"] == 0, result.verdict["sentence"]
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert {(row["window"], row["predicted"]) for row in rows} == {(f"micro-reclaim/u{n}", None) for n in (1, 4)}
    load = Micro.model_validate(PRESSED).load("micro-reclaim", 1)
    (pressed,) = load.program.ops
    assert isinstance(pressed, Reclaim)
    done = [boot for boot in RunFolder(result.folder).read_boots() if boot.arm == "with" and boot.results]
    assert len(done) > 1
    for boot in done:
        assert boot.results is not None
        alone = predict(Program(pressed.body), boot.results.layouts[load.name], "6.1")
        for window in boot.results.windows:
            said = alone[window.name]
            assert isinstance(said, Prediction)
            assert acquisitions(window, said.lock_class) > said.high
