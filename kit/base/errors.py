"""Exit codes, and the errors that a user sees: what went wrong, where, and what to do next."""

from __future__ import annotations

OK = 0
NOT_AS_EXPECTED = 1
BAD_INPUT = 2
INCONCLUSIVE = 3
COULD_NOT_RUN = 4
MEANINGS = {
    OK: "as expected: better or the same; with `expect`, the verdict that it names",
    NOT_AS_EXPECTED: "not as expected: worse, broken, or model and kernel disagree",
    BAD_INPUT: "bad input: an experiment, a patch, a file or an option; nothing was run",
    INCONCLUSIVE: "inconclusive: neither a difference nor sameness is shown",
    COULD_NOT_RUN: "could not run: the baseline, the machine or the set-up failed; no verdict on the patch",
}
STEP = {OK: 0, NOT_AS_EXPECTED: 1, BAD_INPUT: 255, INCONCLUSIVE: 125, COULD_NOT_RUN: 125}


def step_code(code: int) -> int:
    """An exit code of kit translated for `git bisect run`: 0 good, 1 bad, 125 skip, 128 and more stop."""
    return STEP.get(code, code if code >= 128 else 255)


class KitError(Exception):
    """An error that is shown as one message.

    `what` went wrong, `where` (a file, `file:line`, a command, a boot), and a `hint` what to do next.
    """

    exit_code = COULD_NOT_RUN

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.hint}" if self.hint else text


class UserError(KitError):
    """The input is wrong: an experiment, a patch, a name, an option. Exit code 2."""

    exit_code = BAD_INPUT


class MachineError(KitError):
    """The machine, the set-up or the network failed: never counted as a regression. Exit code 4."""

    exit_code = COULD_NOT_RUN


class BuildError(KitError):
    """A kernel could not be built. Exit code 4; if only a patched arm fails to build, it is judged broken."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", log: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.log = log
