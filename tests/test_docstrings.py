"""Every public module, class and function of kit has a docstring."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "kit").rglob("*.py"))
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def silent(source: str) -> list[str]:
    """The public names of a module that have no docstring; "module" for the module itself."""
    return [name or "module" for name, node in public(ast.parse(source), "") if not ast.get_docstring(node)]


def public(node: Documented, name: str) -> Iterator[tuple[str, Documented]]:
    """The module, and everything in it and in its classes whose name does not begin with `_`."""
    yield name, node
    for inner in () if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else node.body:
        if isinstance(inner, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not inner.name.startswith("_"):
            yield from public(inner, f"{name}.{inner.name}".lstrip("."))


def test_what_is_public_has_a_docstring() -> None:
    assert [(str(p.relative_to(ROOT)), name) for p in SOURCES for name in silent(p.read_text())] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = 1", ["module"]),
        ('"""x"""\ndef f(): pass', ["f"]),
        ('"""x"""\nclass A:\n    """a"""\n    async def g(self): pass\n    def _h(self): pass', ["A.g"]),
        ('"""x"""\nclass _A:\n    def g(self): pass', []),
        ('"""x"""\ndef f():\n    """f"""\n    def inner(): pass', []),
        ('"""x"""\nclass A: pass', ["A"]),
    ],
)
def test_what_is_silent_is_seen(source: str, names: list[str]) -> None:
    assert silent(source) == names
