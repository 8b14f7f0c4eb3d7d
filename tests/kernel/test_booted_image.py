"""The file that QEMU boots of a kernel: its vmlinux, or its bzImage if that is impossible."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kit.kernel.build import BuildInput
from kit.kernel.config import read_fragments


@pytest.mark.parametrize(
    ("version", "asked", "image"),
    [
        ("6.1.192", "CONFIG_SLUB=y", "vmlinux"),
        ("6.1.192", "CONFIG_SLUB=y\nCONFIG_KASAN=y", "bzImage"),
        ("6.1.192", "# CONFIG_KASAN is not set", "vmlinux"),
        ("3.0.1", "CONFIG_SLUB=y", "bzImage"),
    ],
)
def test_the_image(tmp_path: Path, version: str, asked: str, image: str) -> None:
    (tmp_path / "fragment").write_text(asked + "\n")
    tree = cast(Any, SimpleNamespace(version=version))
    spec = cast(Any, SimpleNamespace(arch="x86_64"))
    assert BuildInput(spec, tree, {}, read_fragments([tmp_path / "fragment"])).image == image
