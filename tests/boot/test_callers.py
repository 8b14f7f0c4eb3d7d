"""Real guests watched by QEMU's plugin: who takes the anon_vma lock, in every window of every program."""

from __future__ import annotations

import pytest

from kit.evidence.callers import by_chain, operation, operations_of
from kit.evidence.predictions import predict_arm
from kit.experiment.reader import read_experiment
from kit.model.predict import Prediction
from kit.records.decode import boot_from_json
from kit.store.runfolder import RunFolder
from tests.boot.conftest import ARMS, Run
from tests.boot.programs import PROGRAMS

pytestmark = pytest.mark.boot


def test_the_callers_of_every_window_are_lock_stat_s_number_and_the_model_s_operations(run: Run) -> None:
    """The baseline boots twice. What lock_stat counts stands in the same boot."""
    loads = [{"program": {"name": name, "text": text}} for name, text in PROGRAMS.items()]
    result = run({"workloads": loads, "evidence": ["callers"], "arms": ARMS})
    found = result.verdict["evidence"]["callers"]
    assert found["verdict"] == "better", found["why"]
    assert "add up to all" in found["why"]
    same, _, windows, _ = found["why"].rpartition(" in ")[2].split()
    assert int(same) >= 0.98 * int(windows), "on a busy host a tick of the timer may come elsewhere"
    exp = read_experiment(result.folder / "experiment.yaml")
    told = 0
    for boot in map(boot_from_json, RunFolder(result.folder).read_boots()):
        assert boot.results is not None, boot.why
        profile = exp.arm(boot.arm).profile
        operations = operations_of(profile)
        model = predict_arm(exp, str(profile), boot.results.layouts)
        for window in boot.results.windows:
            counted: dict[str, int] = {}
            for chain, count in by_chain(window, boot.results.calls, "anon_vma").items():
                _, what = operation(chain, operations)
                counted[what] = counted.get(what, 0) + count
            predicted = model[window.name]
            assert isinstance(predicted, Prediction)
            if predicted.low == predicted.high:
                assert counted == {k: n for k, n in predicted.by_operation.items() if n}, window.name
                told += 1
    assert told > 3 * 200
