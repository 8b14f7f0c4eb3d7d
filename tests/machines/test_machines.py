"""README's two commands on fresh systems: KIT_TEST_MACHINES=1, as root, with debootstrap and a mirror of Debian.

Each system is made anew and has what debootstrap gives the smallest (tests/machines/machine.py). Root's kernels are
built there by its own compiler; the plain user of the same system starts from root's cache.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from machine import FOLDER, INSTALL, NETWORK, PLAIN, SUITES, Machine, make, pip_folders, put_cache, type_all

ASKED = os.environ.get("KIT_TEST_MACHINES") == "1"
ABLE = os.geteuid() == 0 and shutil.which("debootstrap") is not None


@pytest.mark.boot
@pytest.mark.skipif(not ASKED, reason="KIT_TEST_MACHINES=1 asks for it")
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("user", ["root", PLAIN])
def test_readme_s_two_commands(suite: str, user: str) -> None:
    assert ABLE, "root and debootstrap are needed"
    folder = Path(os.environ.get("KIT_MACHINES_FOLDER", FOLDER))
    machine = make(suite, user, folder)
    roots = folder / f"{suite}-root/root/.cache/kit"
    if user != "root" and roots.exists():
        put_cache(machine, roots)
    for done in type_all(machine, ["run", "test"], folder / "logs"):
        log = Path(done.log).read_text(errors="replace")
        assert done.status == 0, log[-4000:]
        assert "apt-get" in done.command or verdict_of(machine) == ("better", [True])


def verdict_of(machine: Machine) -> tuple[str, list[bool]]:
    """The verdict of the machine's run, and whether its counts are as predicted."""
    (path,) = Path(f"{machine.root}{machine.home}/kit/runs").glob("aim7-*/verdict.json")
    verdict = json.loads(path.read_text())
    agrees = {c["agrees"] for c in verdict["evidence"]["count"]["comparisons"] if c["agrees"] is not None}
    return verdict["verdict"], sorted(agrees)


def test_what_root_has_to_type_is_read_from_kit_s_own_words() -> None:
    said = "kit: this machine lacks gcc\n  install it with: su -c 'apt-get install -y --no-install-recommends gcc bc'\n"
    found = INSTALL.search(said)
    assert found is not None
    assert found[1] == "apt-get install -y --no-install-recommends gcc bc"


def test_what_of_the_environment_reaches_a_machine() -> None:
    names = ["PIP_INDEX_URL", "PIP_CERT", "https_proxy", "HTTP_PROXY", "SSL_CERT_FILE", "HOME", "KIT_CACHE", "LANG"]
    assert [name for name in names if re.match(NETWORK, name)] == names[:5]


def test_folders_that_pip_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "simple").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} /nowhere https://example.org/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/simple")
    assert str(tmp_path) in pip_folders()
    assert "/nowhere" not in pip_folders()
