"""The table of bounds in `kit help security` says what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.kernel import mail, ownconfig, tarball, wrapping
from kit.model.parse import MAX_NESTING
from kit.model.program import MAX_OPERATIONS
from kit.outside import source
from kit.store import yamltext
from kit.vm import console, splats
from kit.vm.qemu import Files
from kit.workload.metrics import MOST_METRICS

PAGE = (Path(__file__).resolve().parents[2] / "kit/help/security.md").read_text()
MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("row", "bounds"),
    [
        ("a patch file", [(wrapping.MOST_BYTES, MIB)]),
        ("a mailbox", [(mail.MOST_MAILS, 1)]),
        ("an experiment", [(yamltext.MOST_BYTES, MIB), (yamltext.MOST_VALUES, 1), (yamltext.DEEPEST, 1)]),
        ("a program |", [(MAX_OPERATIONS, 1), (MAX_NESTING, 1)]),
        ("results of other tools", [(source.MOST_BYTES, MIB)]),
        ("a configuration", [(ownconfig.MOST_BYTES, MIB)]),
        ("a tarball", [(tarball.MOST_BYTES, GIB), (tarball.MOST_FILES, 1)]),
        ("a guest's console", [(console.Limits().console_bytes, MIB)]),
        ("a guest's results", [(Files.__dataclass_fields__["file_bytes"].default, MIB)]),
        ("metrics", [(MOST_METRICS, 1)]),
        ("splats", [(splats.MOST_NAMED, 1)]),
    ],
)
def test_the_table_of_bounds(row: str, bounds: list[tuple[int, int]]) -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| {row}")]
    said = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line.rpartition(" | ")[2])]
    assert said == [bound // unit for bound, unit in bounds]
