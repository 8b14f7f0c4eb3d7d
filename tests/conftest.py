"""Shared by several test files: the bench of rig.py, with a fake kernel tree and a fake QEMU."""

import gc
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "model"


def pytest_collectstart(collector: pytest.Collector) -> None:
    """The fixtures of rig.py, which loads all of kit, come with the first test that is not the model's. Those run where
    only pytest is installed, too."""
    if isinstance(collector, pytest.Module) and MODEL not in collector.path.parents:
        from hypothesis import settings

        settings.register_profile("kit", deadline=None)  # one slow example on a busy machine is no failure
        settings.load_profile("kit")
        collector.config.pluginmanager.import_plugin("rig")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long begins first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Freezes what is loaded by now, so that the garbage collector does not scan it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
