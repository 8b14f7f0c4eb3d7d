"""A verdict.json or bisect.json that is not as kit writes it: what a report fails with becomes one message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kit.base.errors import KitError, MachineError
from kit.contracts.bisectfile import BisectFile
from kit.contracts.fields import breaches
from kit.contracts.verdictfile import VerdictFile
from kit.store.runfiles import Files, RunFiles, resume_command

UNKNOWN = "not described"  # contracts.fields on a field that it does not know: one of a later kit, no damage


@contextmanager
def as_written(files: Sequence[Files]) -> Iterator[None]:
    """Around the making of a report. If it fails, raises MachineError with the first field that is not as kit writes
    it."""
    try:
        yield
    except KitError:
        raise
    except Exception as error:
        said = [(one, why) for one in files if (why := _breach(one))]
        one, why = said[0] if said else (files[0], f"{type(error).__name__}: {error}")
        hint = f"to write it again from the records: {resume_command(one.folder)}"
        where = str(one.folder / one.content[0])
        raise MachineError(f"not as kit writes it: {why}", where=where, hint=hint) from error


def _breach(files: Files) -> str:
    """The first field that is missing or of another type, and how; empty if there is none."""
    found = breaches(VerdictFile if isinstance(files, RunFiles) else BisectFile, files.content[1])
    return next((one.removeprefix(".") for one in found if not one.endswith(UNKNOWN)), "")
