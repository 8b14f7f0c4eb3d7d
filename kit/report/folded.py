"""Plain text for mails: words in, lines of at most 72 columns out. What has no space in it (a path, an address) stays
whole, as it is there to be copied."""

from __future__ import annotations

import textwrap

COLUMNS = 72


def folded(text: str, indent: str = "", hang: str = "") -> list[str]:
    """Lines of one paragraph; those after the first begin with `indent` and `hang`."""
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent + hang,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def header(name: str, text: str) -> list[str]:
    """A header of a mail, continued as RFC 5322 has it."""
    return folded(f"{name}: {' '.join(text.split())}", hang=" ")


def command_lines(text: str, indent: str = "  ") -> list[str]:
    """A command for a shell, continued by backslashes."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + len(word) + 3 <= COLUMNS:
            lines[-1] += f" {word}"
        else:
            lines.append(f"{indent}{'  ' if lines else ''}{word}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def cut(text: str) -> str:
    """One line of a log, cut where a mail ends."""
    line = text.expandtabs().rstrip()
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…"
