"""The errors of the model: a senseless program, a broken rule of the kernel, and memory that was refused."""

from __future__ import annotations


class ModelError(ValueError):
    """What is wrong, in words that name the program's line, or the lock, the VMA and the operation."""


class ProgramError(ModelError):
    """The program asks for what the kernel would refuse, or for what would kill the process."""


class OutOfMemoryError(Exception):
    """An allocation that was to fail did: the operation is undone, as the kernel undoes it before it says ENOMEM."""
