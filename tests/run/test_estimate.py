"""`kit check` estimates builds from this machine's records of the same instrument and toolchain."""

from __future__ import annotations

import json
from pathlib import Path

from kit.kernel.toolchain import jobs
from kit.run.estimate import FIRST_BUILD_CORE_SECONDS, NEXT_BUILD_SECONDS, build_seconds
from kit.store.cache import Cache


def record(cache: Cache, name: str, instrument: str, seconds: float, toolchain: str = "gcc 12; GNU ld") -> None:
    spec = {"instrument": instrument, "toolchain": toolchain}
    text = json.dumps({"seconds": seconds, "image_sha256": "0", "spec": spec})
    (cache.folder("kernels", name) / "kernel.json").write_text(text)


def test_nothing_recorded_is_a_guess(tmp_path: Path) -> None:
    assert build_seconds(Cache(tmp_path), "checking", "gcc") == (FIRST_BUILD_CORE_SECONDS / jobs(), NEXT_BUILD_SECONDS)


def test_a_first_kernel_takes_as_long_as_the_longest_and_another_as_long_as_the_middle_of_the_rest(
    tmp_path: Path,
) -> None:
    cache = Cache(tmp_path)
    for number, seconds in enumerate((864.0, 19.0, 8.0, 15.0)):
        record(cache, f"k{number}", "checking", seconds)
    record(cache, "other", "counting", 5000)
    record(cache, "clang", "checking", 1400, "clang version 14; LLD 14")
    cache.folder("kernels", "damaged").joinpath("kernel.json").write_text("{")
    assert build_seconds(cache, "checking", "gcc") == (864, 15)
    assert build_seconds(cache, "checking", "llvm") == (1400, NEXT_BUILD_SECONDS)
    assert build_seconds(cache, "plain", "gcc")[1] == NEXT_BUILD_SECONDS
