"""Closed tables of words."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The set of the words in a text."""
    return frozenset(text.split())
