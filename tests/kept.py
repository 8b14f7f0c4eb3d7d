"""Folders for what several tests need and one makes: for all workers of one run of pytest, or for the next run too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder of that name that all workers of one pytest run have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    return folder


def lasting(config: pytest.Config, tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder of that name in pytest's cache, for the next run too; one of this run if there is no cache."""
    cache = getattr(config, "cache", None)
    return shared(tmp_path_factory, name) if cache is None else Path(cache.mkdir(name))
