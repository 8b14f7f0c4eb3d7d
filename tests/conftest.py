"""What several files of tests share: the bench of rig.py, with a fake kernel tree and a fake QEMU."""

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
