"""JSON: runs in, verdict.json or bisect.json as they are out; of several runs, a list."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kit.report.style import Style
from kit.store.runfiles import Files, RunFiles


def render(files: Sequence[Files], style: Style) -> str:
    """One document, a newline at its end."""
    shown = [f.verdict if isinstance(f, RunFiles) else f.found for f in files]
    return json.dumps(shown[0] if len(shown) == 1 else shown, indent=2) + "\n"
