"""KVM is used only where a boot proved it, and the proof is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.base.errors import MachineError, UserError
from kit.records import Outcome
from kit.vm.boot import BootRun
from kit.vm.console import Limits
from kit.vm.kvm import HostFacts, host_facts, probe

HOST = HostFacts("a cpu", "6.1.0", "QEMU 7.2")


class Boots:
    """Boots that all end with one outcome, counted."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.limits: list[Limits] = []

    def __call__(self, limits: Limits) -> BootRun:
        self.limits.append(limits)
        why = "" if self.outcome is Outcome.OK else "no end after 20 s"
        return BootRun(self.outcome, why, 1.0, 1.0, Path("log"), None, 0, ())


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "kvm"
    path.touch()
    return path


def test_a_boot_decides_under_a_watchdog_and_is_remembered(tmp_path: Path, device: Path) -> None:
    cache = tmp_path / "cache" / "kvm.json"
    for outcome, accel in ((Outcome.OK, "kvm"), (Outcome.HANG, "tcg")):
        boots = Boots(outcome)
        key = f"kernel {outcome}"
        first, second = (probe("auto", HOST, key, boots, cache, device=device) for _ in range(2))
        assert (first[0], second[0]) == (accel, accel)
        assert second[1] == f"{first[1]} (remembered)"
        assert [limits.total for limits in boots.limits] == [20]


def test_another_host_or_kernel_asks_again(tmp_path: Path, device: Path) -> None:
    boots = Boots(Outcome.OK)
    for host, key in ((HOST, "a"), (HOST, "b"), (HostFacts("a cpu", "6.2.0", "QEMU 7.2"), "a"), (HOST, "a")):
        probe("auto", host, key, boots, tmp_path / "kvm.json", device=device)
    assert len(boots.limits) == 3


def test_without_the_device_nothing_is_booted(tmp_path: Path) -> None:
    boots = Boots(Outcome.OK)
    accel, why = probe("auto", HOST, "a", boots, tmp_path / "kvm.json", device=tmp_path / "kvm")
    assert (accel, boots.limits) == ("tcg", [])
    assert "there is no" in why


def test_tcg_by_name_asks_nobody(tmp_path: Path, device: Path) -> None:
    boots = Boots(Outcome.OK)
    assert probe("tcg", HOST, "a", boots, tmp_path / "kvm.json", device=device)[0] == "tcg"
    assert boots.limits == []


def test_kvm_by_name_that_does_not_work_is_an_error(tmp_path: Path, device: Path) -> None:
    with pytest.raises(MachineError, match=r"(?s)KVM does not work here.*no end after 20 s"):
        probe("kvm", HOST, "a", Boots(Outcome.HANG), tmp_path / "kvm.json", device=device)
    with pytest.raises(UserError, match="unknown accelerator 'xen'"):
        probe("xen", HOST, "a", Boots(Outcome.OK), tmp_path / "kvm.json", device=device)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "not json"])
def test_a_spoilt_cache_is_asked_anew(tmp_path: Path, device: Path, text: str) -> None:
    cache = tmp_path / "kvm.json"
    cache.write_text(text)
    boots = Boots(Outcome.OK)
    assert probe("auto", HOST, "a", boots, cache, device=device)[0] == "kvm"
    assert len(boots.limits) == 1


def test_facts_of_this_host() -> None:
    facts = host_facts("no-such-qemu")
    assert facts.release
    assert facts.qemu == ""
