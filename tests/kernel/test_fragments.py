"""Every configuration that kit makes, on every kernel at hand: whether the kernel keeps the requested options.

Only make's configuration step runs, as in a build's object folder. The kernels are those of Debian in the user's cache,
and those that KIT_TREE_2_6_38, KIT_TREE_3_0, … name as folders.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.experiment.arms import FRAGMENTS, USERLAND, config_of, fragments, of_arch
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import BuildInput, _Build
from kit.kernel.config import Config, read_fragments
from kit.kernel.debian import cached_debian
from kit.kernel.options import fit, has_pvh
from kit.kernel.shims import Version, parse_version, shims_for
from kit.kernel.toolchain import find_toolchain
from kit.kernel.tree import Tree, kernel_version
from kit.records import KernelSpec
from kit.records.arches import DEFAULT
from kit.store.cache import Cache
from kit.workload.catalog import parse_params

KERNELS = ("2.6.38", "3.0", "5.10", "6.1", "6.12", "7.3")
OF_INSTRUMENTS = {
    **{name: of_arch(parts, DEFAULT) for name, parts in FRAGMENTS.items()},
    **{f"{n}-userland": of_arch((*parts[:-1], USERLAND, parts[-1]), DEFAULT) for n, parts in FRAGMENTS.items()},
    **{
        f"{n}-aim7": of_arch((*parts[:-1], "messages", parts[-1], "ramdisk"), DEFAULT) for n, parts in FRAGMENTS.items()
    },
    **{f"{n}-reclaim": of_arch((*parts, "swap"), DEFAULT) for n, parts in FRAGMENTS.items()},
}
ON_TOP: Mapping[tuple[str, ...], tuple[str, Version]] = {
    (*of_arch(FRAGMENTS["checking"], DEFAULT), "kfence"): ("KFENCE", (5, 12)),
    (*of_arch(FRAGMENTS["plain"], DEFAULT), "sanitizers", "symbols"): ("UBSAN", (4, 5)),
}
"""Fragments → an option of theirs, and the first kernel that has it: on one before, that is said."""


def source(version: str) -> Path:
    """The tree of that version; skips the test if there is none."""
    variable = f"KIT_TREE_{version.replace('.', '_')}"
    named = os.environ.get(variable, "")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    if cached := cached_debian(version, Cache()):
        return cached[1]
    pytest.skip(f"{variable} names no folder, and the cache has no debian:{version}")


@pytest.mark.parametrize("load", ["{micro: {loop: reclaim}}", "{aim7: {mix: disk}}", "{aim7: {mix: shared}}"])
def test_a_kernel_has_every_fragment_that_a_workload_asks_for(tmp_path: Path, load: str) -> None:
    config = tmp_path / "experiment.yaml"
    config.write_text(f"{{name: x, tree: debian:6.1, baseline: a, arms: {{a: {{}}, b: {{}}}}, workloads: [{load}]}}")
    exp = read_experiment(config)
    asked = set(parse_params(exp.workloads[0].kind, exp.workloads[0].params).fragments())
    assert asked
    for instrument in FRAGMENTS:
        assert asked <= set(fragments(exp, instrument))


def asked_of(parts: tuple[str, ...], version: str) -> Config:
    paths = [PROJECT / "configs/kernel" / f"{part}.config" for part in parts if part != "pvh" or has_pvh(version)]
    return fit(read_fragments(paths), version)


@pytest.fixture(autouse=True)
def without_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is a link, which would lead nowhere in a sandbox."""
    monkeypatch.setenv("KIT_NO_SANDBOX", "1")


def configure(tree: Tree, config: Config, folder: Path) -> None:
    """What a build does before it compiles. Raises UserError for options that the kernel drops."""
    tools = find_toolchain(Progress())
    spec = KernelSpec("stock", "any", "x86_64", tree.ref, tree.key, tree.workspace, (), "any", tools.name)
    given = BuildInput(spec, tree, {}, config, shims_for(tree.version, tools.versions))
    build = _Build(given, tools, Cache(folder), Progress())
    build.space.obj.mkdir(parents=True, exist_ok=True)
    if not build.space.src.exists():
        build.space.src.symlink_to(tree.root)
    given.shims.write(build.shims)
    (build.space.obj / ".config").unlink(missing_ok=True)
    build._configure()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache only for these tests: kconfig is compiled once for each kernel."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.boot
@pytest.mark.skipif(not shutil.which("flex"), reason="needs flex and bison, as a kernel's build does")
@pytest.mark.parametrize("version", KERNELS)
def test_a_kernel_keeps_every_option_that_kit_asks_for(version: str, folder: Path) -> None:
    root = source(version)
    tree = Tree(f"dir:{root}", version, version, root, kernel_version(root, version))
    on_top = {parts: option for parts, (option, since) in ON_TOP.items() if parse_version(tree.version) < since}
    for parts in {*OF_INSTRUMENTS.values(), *ON_TOP}.difference(on_top):
        configure(tree, asked_of(parts, tree.version), folder)
    for parts, option in on_top.items():
        with pytest.raises(UserError, match=rf"CONFIG_{option}=y .* this kernel has no such option"):
            configure(tree, asked_of(parts, tree.version), folder)


@pytest.mark.parametrize("parts", [*OF_INSTRUMENTS.values(), *ON_TOP])
def test_the_tiny_slub_of_tinyconfig_is_taken_back_wherever_slub_is_asked_for(parts: tuple[str, ...]) -> None:
    """kernel/configs/tiny.config sets it since 6.2; SLUB_DEBUG, KASAN and KFENCE depend on its absence."""
    asked = {version: {o.name: o.value for o in asked_of(parts, version).options} for version in ("6.1.192", "7.3.4")}
    assert ("CONFIG_SLUB_TINY" in asked["7.3.4"]) == ("CONFIG_SLUB" in asked["7.3.4"])
    assert asked["7.3.4"].get("CONFIG_SLUB_TINY", "n") == "n"
    assert "CONFIG_SLUB_TINY" not in asked["6.1.192"], "kernels of 6.1 stay what they are: their keys too"


def test_guests_with_the_host_s_files_are_refused_where_the_kernel_cannot_have_them() -> None:
    exp = read_experiment(PROJECT / "configs/quick.yaml", ["guest.root=host"])
    assert config_of(exp, "plain", "3.18", PROJECT / "configs").options
    with pytest.raises(UserError, match=r"Linux 3.0.1 has no overlay file system"):
        config_of(exp, "plain", "3.0.1", PROJECT / "configs")
