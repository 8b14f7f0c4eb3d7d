"""What a shell's guest sees of the host where nobody says it."""

from __future__ import annotations

from pathlib import Path

from notes import Notes

from kit.base.project import PROJECT
from kit.records import ArmSpec
from kit.records.experiment import PatchRef
from kit.run.shell import root_for


def arm(*patches: Path) -> ArmSpec:
    return ArmSpec("with", "debian:6.1", tuple(PatchRef(str(path), False, 1) for path in patches), None)


def test_a_foreign_patch_sees_the_hosts_files_only_if_asked(tmp_path: Path) -> None:
    own = PROJECT / "patches/v6.1/unbatch-clone.patch"
    foreign = tmp_path / "foreign.patch"
    foreign.write_bytes(own.read_bytes() + b"\n")
    notes = Notes()
    assert root_for(arm(), notes) == root_for(arm(own), notes) == "host"
    assert not notes.said
    assert root_for(arm(own, foreign), notes) == "guest"
    assert "--root host" in notes.said[0]
