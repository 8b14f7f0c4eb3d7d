"""The import contract of the design: which module of kit may import which, checked from the sources."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lowest first. A package may import from the lines above its own; those on one line do not know each other.
LAYERS = (
    ("contracts", "records", "model", "search"),
    ("base",),
    ("setup", "stats", "store"),
    ("kernel", "outside", "vm", "wording", "workload"),
    ("evidence",),
    ("report",),
    ("experiment",),
    ("run",),
    ("bisection", "compare", "help"),
    ("verbs",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, line in enumerate(LAYERS) for name in line}
LAZY = ("cli", "verbs", "__main__")  # import in functions, so that a start of kit is quick
STANDARD_ONLY = ("base", "contracts", "records", "model", "setup", "__main__")
ONLY_IN = {"pexpect": "kit.vm.console", "asyncio": "kit.vm.qmp"}
ALONE = ("model", "search")  # they know nothing else of kit
NEVER = {  # packages that lie below, but must not be used either
    "run": ("report",),  # a job never prints: the verbs do
    "bisection": ("report",),
    "kernel": ("workload", "vm"),
    "vm": ("workload", "kernel"),
    "report": ("vm", "kernel", "setup"),
}
TOP = ("__init__", "__main__", "cli")  # the only files in no package


def sources() -> list[Path]:
    """Every python file of kit."""
    return sorted((ROOT / "kit").rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a file of kit."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(node: ast.AST) -> list[str]:
    """The modules that one node imports; `from kit import x` gives kit.x, and so does scipy's. Raises ValueError for a
    relative import."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            raise ValueError("relative import")
        packages = node.module in ("kit", "scipy")
        return [f"{node.module}.{a.name}" for a in node.names] if packages else [node.module or ""]
    return []


@functools.cache
def parsed(source: str) -> ast.Module:
    """Its tree; several tests ask for each file's."""
    return ast.parse(source)


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Each module that is imported, and whether inside a function."""
    left: list[tuple[ast.AST, bool]] = [(tree, False)]
    while left:
        node, inside = left.pop()
        for name in imported(node):
            yield name, inside
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        body = [n for field in ("body", "orelse", "finalbody", "handlers", "cases") for n in _listed(node, field)]
        left += [(n, inside) for n in body]


def _listed(node: ast.AST, field: str) -> list[ast.AST]:
    found = getattr(node, field, None)
    return found if isinstance(found, list) else []


def faults(module: str, source: str) -> list[str]:
    """What a module's imports violate, in words."""
    own = module.partition(".")[2].partition(".")[0]
    if own and own not in LEVEL:
        return [f"{module}: give {own} a place in the table of layers"]
    names = list(imports(parsed(source)))
    found = [fault for name, _ in names for fault in fault_of(module, own, name)]
    if own not in LAZY:
        found += [f"{module}: imports {n} inside a function" for n, i in names if i and n.partition(".")[0] == "kit"]
    return found


def fault_of(module: str, own: str, name: str) -> list[str]:
    """What one import violates."""
    top, _, rest = name.partition(".")
    found = []
    if top == "kit" and rest:
        other = rest.partition(".")[0]
        if rest == "__version__":
            return []
        if other != own and LEVEL.get(other, len(LAYERS)) >= LEVEL.get(own, -1):
            found.append(f"{module}: imports {name}, which is not below it")
        if own in ALONE and other != own:
            found.append(f"{module}: {own} imports nothing else of kit, but {name}")
        if other in NEVER.get(own, ()):
            found.append(f"{module}: imports {name}, and {own} has no business with {other}")
    elif top != "kit" and own in STANDARD_ONLY and top not in sys.stdlib_module_names:
        found.append(f"{module}: imports {name}, which is not of the standard library")
    if top in ONLY_IN and module != ONLY_IN[top]:
        found.append(f"{module}: only {ONLY_IN[top]} imports {top}")
    if name.startswith("scipy.stats"):
        found.append(f"{module}: imports scipy.stats, which takes longer than the rest of kit; see scipy.special")
    return found


def test_every_module_is_in_a_package_of_at_most_400_lines_a_file() -> None:
    loose = {p.stem for p in (ROOT / "kit").glob("*.py")} - set(TOP)
    long = {module_of(p): n for p in sources() if (n := len(p.read_text().splitlines())) > 400}
    assert (loose, long) == (set(), {})


def test_every_module_imports_only_what_lies_below_it() -> None:
    assert [fault for path in sources() for fault in faults(module_of(path), path.read_text())] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kit.records", "import kit.run.plan"),
        ("kit.stats.rank", "from kit.vm.console import Console"),
        ("kit.kernel.build", "from kit import vm"),
        ("kit.run.plan", "def f():\n    from kit.base.errors import UserError\n"),
        ("kit.run.plan", "from .errors import UserError"),
        ("kit.stats.rank", "if a:\n  with b:\n    try: c\n    except D: import kit.run.plan"),
        ("kit.model.machine", "import numpy"),
        ("kit.model.machine", "from kit.base.errors import UserError"),
        ("kit.setup.venv", "import rich"),
        ("kit.run.runner", "import pexpect"),
        ("kit.novelty", "import os"),
        ("kit.evidence.count", "from kit.report import text"),
        ("kit.stats.ranks", "from scipy import stats"),
        ("kit.stats.ranks", "from scipy.stats import rankdata"),
    ],
)
def test_contract_sees_a_breach(module: str, source: str) -> None:
    try:
        found = faults(module, source)
    except ValueError as error:
        found = [str(error)]
    assert len(found) >= 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kit.model.machine", "from kit.model.program import Program\nimport enum"),
        ("kit.vm.qmp", "import asyncio\nfrom kit.base.errors import MachineError\nfrom kit.vm import console"),
        ("kit.cli", "def f():\n    from kit.run.job import load\n"),
        ("kit.stats.ranks", "from scipy import special\nfrom scipy.special import ndtr"),
        ("kit.run.plan", "from kit.evidence import count\nfrom kit.records import BootSpec"),
    ],
)
def test_contract_lets_what_is_right_pass(module: str, source: str) -> None:
    assert faults(module, source) == []


def test_no_module_of_kit_hides_one_of_the_standard_library() -> None:
    names = {path.name.removesuffix(".py") for path in (ROOT / "kit").iterdir()}
    assert names & set(sys.stdlib_module_names) == set()


def test_no_module_names_a_constant_twice() -> None:
    """The second would hide the first."""
    assert [(module_of(path), name) for path in sources() for name in twice(path.read_text())] == []


def test_a_constant_that_stands_twice_is_seen() -> None:
    assert twice("A = 1\nB: int = 2\nif B:\n    A = 3\nA = 2\nb = 1\nb = 2\n_C = 1\n_C = 3\n") == ["A", "_C"]


def twice(source: str) -> list[str]:
    """The constants of a module that are assigned more than once at its top."""
    targets = [
        target
        for node in parsed(source).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = [t.id for t in targets if isinstance(t, ast.Name) and t.id.isupper()]
    return sorted({n for n in names if names.count(n) > 1})


def test_the_command_line_loads_nothing_that_a_start_can_do_without() -> None:
    """Each of these is a tenth of `kit --help`."""
    code = "import sys; old = set(sys.modules); import kit.cli; print(*set(sys.modules) - old)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"typing", "dataclasses", "inspect"} & set(loaded.stdout.split()) == set()


def test_every_package_says_what_it_is_and_is_on_the_page_for_developers() -> None:
    page = (ROOT / "kit" / "help" / "developing.md").read_text().partition("## The packages")[2].partition("\n## ")[0]
    packages = {path.parent.name: path for path in (ROOT / "kit").glob("*/__init__.py")}
    assert [name for name in packages if f"`{name}`" not in page] == []
    assert [name for name, path in packages.items() if not ast.get_docstring(ast.parse(path.read_text()))] == []
