"""Where kit's own files lie: experiments, patches, the guest's programs, tests."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
