"""A Progress that keeps what is said."""

from __future__ import annotations

from kit.base.progress import Progress


class Notes(Progress):
    """`said`: the notes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """As Progress."""
        self.said.append(text)
