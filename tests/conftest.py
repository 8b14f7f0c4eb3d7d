"""Shared by several test files: the bench of rig.py, with a fake kernel tree and a fake QEMU."""

import gc
from contextlib import suppress

with suppress(ImportError):  # one slow example on a busy machine is no failure
    from hypothesis import settings

    settings.register_profile("kit", deadline=None)
    settings.load_profile("kit")

with suppress(ImportError):  # the model's tests run where only pytest and hypothesis are installed
    import pytest

    pytest.register_assert_rewrite("rig")
    from rig import answers, bench, guest

    __all__ = ["answers", "bench", "guest"]


def pytest_collection_modifyitems(items: list["pytest.Item"]) -> None:
    """What is long begins first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Freezes what is loaded by now, so that the garbage collector does not scan it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
