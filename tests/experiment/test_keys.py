"""`kit check --keys` and `--schema`, and the schema that editors are given."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from kit import cli
from kit.base.errors import UserError
from kit.experiment import keys
from kit.experiment.reader import PROJECT, ExperimentModel
from kit.workload.catalog import WORKLOADS

SCHEMA = PROJECT / "configs" / "experiment.schema.json"
CONFIGS = sorted((PROJECT / "configs").glob("*.yaml"))


def test_every_key_of_every_model_is_explained() -> None:
    found = {k.path for k in keys.every_key()}
    assert set(ExperimentModel.model_fields) <= found
    assert {"guest.cpus", "arms.NAME.series[].patch", "accept[].why", "budget.blocks"} <= found
    for name, kind in WORKLOADS.items():
        assert {f"workloads[].{name}.{key}" for key in (*kind.params.model_fields, "name")} <= found
    assert "workloads[].payload.metrics.NAME.better" in found
    assert all(k.meaning for k in keys.every_key())


def test_one_key_with_those_in_it() -> None:
    assert [k.path for k in keys.find("accept")] == ["accept", "accept[].pattern", "accept[].why"]
    assert [k.path for k in keys.find("guest.cpus")] == ["guest.cpus"]
    assert [k.path for k in keys.find("cpus")] == ["guest.cpus"]
    assert keys.as_text(keys.find("accel")).endswith("(one of auto, kvm, tcg; default auto)")
    with pytest.raises(UserError, match="no such key: gest") as caught:
        keys.find("gest")
    assert caught.value.hint == "nearest: guest"


def test_keys_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--keys", "guest.accel", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["path"], row["choices"], row["default"]) == ("guest.accel", ["auto", "kvm", "tcg"], "auto")


def test_the_committed_schema_is_the_one_that_kit_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--schema"]) == 0
    said = "renew it: python3 kit check --schema > configs/experiment.schema.json"
    assert capsys.readouterr().out == SCHEMA.read_text(), said


def valid(experiment: object) -> bool:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid(experiment)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_the_examples_keep_to_the_schema_and_name_it(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=experiment.schema.json\n")
    assert valid(json.loads(json.dumps(yaml.safe_load(text))))


GOOD = {"name": "x", "baseline": "a", "arms": {"a": {}, "b": {"series": ["p"]}}, "workloads": [{"fork-chain": None}]}


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"workloads": [{"fork-chain": {"depth": "0..8"}}, {"aim7": {"mix": "exec", "users": 2}}]}, True),
        ({"workloads": [{"program": {"file": "x"}}, {"program": {"text": "x"}}]}, True),
        ({"workloads": [{"payload": {"command": "sh -c x", "format": {"regex": "x"}}}]}, True),
        ({"workloads": [{"payload": {"command": ["dd", 3], "metrics": {"a": {"better": "less"}}}}]}, True),
        ({"limit": "1%", "guest": {"cpus": 2}, "locks": ["*", "mine"]}, True),
        ({"arms": {"a": {}}}, False),
        ({"limit": "lots"}, False),
        ({"instructions": {"limit": "0.1%"}}, True),
        ({"instructions": {"limit": "lots"}}, False),
        ({"workloads": [{"nosuch": {}}]}, False),
        ({"workloads": [{"payload": {}}]}, False),
        ({"workloads": [{"program": {}}]}, False),
        ({"workloads": [{"payload": {"command": "x"}, "aim7": {"mix": "exec"}}]}, False),
        ({"evidence": ["counting"]}, False),
        ({"guest": {"accel": "hvf"}}, False),
        ({"arms": {"a": {"profile": "nosuch"}, "b": {}}}, False),
        ({"nosuch": 1}, False),
    ],
)
def test_what_the_schema_says(change: dict[str, object], good: bool) -> None:
    assert valid({**GOOD, **change}) is good


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs_and_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("rerun", "shell", "resume", "keep-size", "instrument", "kit"):
        assert word in script
