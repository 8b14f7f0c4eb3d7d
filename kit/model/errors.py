"""The model's errors: a senseless program, a broken rule of the kernel, and a failed allocation."""

from __future__ import annotations


class ModelError(ValueError):
    """A program or kernel state is wrong. The text names the program's line, or the lock, the VMA and the operation."""


class ProgramError(ModelError):
    """The program asks for something that the kernel would refuse or that would kill the process."""


class OutOfMemoryError(Exception):
    """An allocation failed as planned. The operation is undone first, as the kernel does before it returns -ENOMEM."""
