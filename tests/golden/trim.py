"""Golden logs of broken kernels from whole consoles: a folder of VERSION-NAME.log in, broken-VERSION-NAME.log here out.

The consoles are those of real guests, kept by the tests that boot them; both commands from the project's folder:

    KIT_KEEP_LOGS=/tmp/logs .venv/bin/python -m pytest -m boot tests/boot/test_broken.py
    .venv/bin/python tests/golden/trim.py /tmp/logs

Only lines are left out, none is changed: what comes long before the first thing to be found, and long after it.
"""

from __future__ import annotations

import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent
sys.path.insert(0, str(GOLDEN.parents[1]))

from kit.vm.lines import plain_lines  # noqa: E402
from kit.vm.splats import classify, kind_of  # noqa: E402
from kit.vm.stuck import ASKED, stuck  # noqa: E402

BEFORE, AFTER = 4, 130


def is_answer(line: str) -> bool:
    """Whether a line begins an answer to kit's sysrq or NMI."""
    return bool(ASKED.match(line)) or line.startswith("Uhhuh. NMI received") or kind_of(line) == "nmi"


def trimmed(log: str) -> str:
    """The log from a few lines before the first splat, or the first answer of a hanging guest."""
    lines = log.split("\n")
    answers = [i for i, line in enumerate(plain_lines(log)) if is_answer(line)]
    hang = stuck(log, answers[0] + 1) if answers else None  # may come after every task that only sleeps
    starts = [splat.line - 1 for splat in classify(log)][:1] + answers[:1] + ([hang.line - 1] if hang else [])
    wanted = {i for start in starts for i in range(start - BEFORE, start + AFTER)}
    return "\n".join(line for i, line in enumerate(lines) if i in wanted)


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.log")):
        if text := trimmed(path.read_text(errors="replace")):  # a guest may hang before it says a word
            (GOLDEN / f"broken-{path.name}").write_text(text)
