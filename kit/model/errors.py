"""The one error of the model: a program that makes no sense, or a rule of the kernel that was broken."""

from __future__ import annotations


class ModelError(ValueError):
    """What is wrong, in words that name the program's line, or the lock, the VMA and the operation."""
