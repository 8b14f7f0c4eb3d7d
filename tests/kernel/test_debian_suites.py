"""Kernel source that the machine's own apt does not know: looked for in other suites, on the mirror that apt names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.errors import MachineError
from kit.kernel import debian
from kit.progress import Progress
from kit.store import Cache

PACKAGE = """\
#!/bin/sh
# apt-cache: the machine's own sources have 6.1; a source list of one suite has what stands in $HERE/SUITE.
for a; do case $a in -oDir::Etc::sourcelist=*) list=${a#*=} ;; esac; name=$a; done
if [ "$list" ]; then suite=$(cut -d' ' -f4 "$list"); else suite=own; fi
grep -qx "$name" "$HERE/$suite" 2>/dev/null || exit 100
printf 'Package: %s\\nVersion: 1.2-%s\\nSize: 7\\nSHA256: abc\\n' "$name" "$suite"
"""
GET = """\
#!/bin/sh
case "$*" in
*indextargets*) printf '%s\\n' 'Debian Debian-Security http://near/security/' 'Debian Debian http://near/debian/' ;;
*) echo "$*" >> "$HERE/asked"; case "$*" in *gone.list*) exit 100 ;; esac ;;
esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache, on a machine whose apt is a fake."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("apt-cache", PACKAGE), ("apt-get", GET)):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HERE", str(tmp_path))
    (tmp_path / "own").write_text("linux-source-6.1\n", encoding="utf-8")
    return Cache(tmp_path / "cache")


def find(version: str, cache: Cache) -> debian.Candidate:
    return debian._candidate(f"linux-source-{version}", cache, Progress())


def test_the_machine_s_own_sources_come_first(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "bookworm").write_text("linux-source-6.1\n", encoding="utf-8")
    found = find("6.1", cache)
    assert (found.version, found.size, found.sha256) == ("1.2-own", 7, "abc")
    assert not any("sourcelist" in option for option in found.options)
    assert len((tmp_path / "asked").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("version", "suite"),
    [("5.10", "bullseye"), ("6.12", "bookworm-backports"), ("7.3", "trixie-backports"), ("8.0", "sid")],
)
def test_then_the_suites_that_may_have_it(cache: Cache, tmp_path: Path, version: str, suite: str) -> None:
    (tmp_path / suite).write_text(f"linux-source-{version}\n", encoding="utf-8")
    found = find(version, cache)
    assert found.version == f"1.2-{suite}"
    source = (cache.root / "apt" / f"{suite}.list").read_text(encoding="utf-8")
    assert source.endswith(f" http://near/debian/ {suite} main\n")
    assert f"-oDir::Etc::sourcelist={cache.root / 'apt' / suite}.list" in found.options


def test_a_suite_that_is_gone_is_passed_over(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "NEWEST", ("gone", "sid"))
    (tmp_path / "sid").write_text("linux-source-9.1\n", encoding="utf-8")
    assert find("9.1", cache).version == "1.2-sid"


def test_what_no_suite_has_names_where_it_was_looked_for(cache: Cache) -> None:
    with pytest.raises(MachineError, match=r"apt knows no package linux-source-9\.9") as caught:
        find("9.9", cache)
    assert "trixie-backports, sid, experimental" in caught.value.where
    assert "--set tree=dir:" in caught.value.hint
