"""What several files of tests share: the bench of rig.py, with a fake kernel tree and a fake QEMU."""

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


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look at it again after every few hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
