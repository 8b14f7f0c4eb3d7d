"""`kit doctor` and `kit clean` for a terminal: what was found in, text out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any

from tabulate import tabulate

from kit.base.words import several
from kit.store.eviction import KINDS, Entry, Removed

Row = Mapping[str, Any]


def size(count: float) -> str:
    """Bytes in words, by powers of ten."""
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= power:
            return f"{count / power:.1f} {unit}"
    return f"{count:.0f} B"


def _sandbox(found: Row) -> str:
    if found["works"]:
        return f"works: builds run in bubblewrap as {found['as']}"
    then = "builds run without" if found["asked"] else "foreign patches are not built; others are, without"
    return f"none, {found['why']}: {then}"


def _guests(found: Row) -> str:
    if found["own_user"]:
        return "each QEMU runs as a user of its own, who is nobody else"
    return f"QEMU runs as root, since {found['why']}" if found["root"] else "QEMU runs as you"


def _plugin(found: Row) -> str:
    if found["works"]:
        return f"taken by QEMU, interface {found['interface']}: which lines of a change ran can be told"
    return f"none, {found['why']}: which part of a change ran is not told"


def render_doctor(found: Row) -> str:
    """Everything that the doctor looked at; what is missing stands last, with the command to type."""
    table = [[n["need"], _found(n), shorten(n["version"], 60, placeholder=" …"), n["why"]] for n in found["needs"]]
    cache, kvm, python, machine = (found[k] for k in ("cache", "kvm", "python", "machine"))
    works = {True: "works", False: "does not work; guests are emulated", None: "not known"}[kvm["works"]]
    writable = "" if cache["writable"] else ", NOT WRITABLE"
    venv = "ready" if python["venv_ready"] else "not made; kit runs in the python above"
    lines = [
        tabulate(table, headers=["need", "where", "version", "for"], tablefmt="simple", disable_numparse=True),
        "",
        f"machine  {machine['cpu'] or 'unknown CPU'}, {several(machine['cores'], 'core')} for kit;"
        f" {machine['system']}, Linux {machine['kernel']}",
        f"cache    {cache['where']}: {size(cache['bytes'])} of at most {size(cache['limit'])}"
        f" ({cache['limit_from']}), {size(cache['free'])} free on its disk{writable}",
        f"KVM      {works}: {kvm['why']}",
        f"sandbox  {_sandbox(found['sandbox'])}",
        f"guests   {_guests(found['guests'])}",
        f"plugin   {_plugin(found['plugin'])}",
        f"python   {python['version']}, {python['where']}",
        *([f"venv     {python['venv']}: {venv}"] if python["venv"] else []),
        *_kernels(found["kernels"]),
        "",
    ]
    if found["missing"]:
        lines += [f"Missing: {', '.join(found['missing'])}", f"  {found['advice']}"]
    else:
        lines.append("Everything that kit needs is here.")
    return "\n".join(lines) + "\n"


def _found(need: Row) -> str:
    return str(need["where"] or ("not here (optional)" if need["optional"] else "MISSING"))


def _kernels(kernels: Row) -> Iterator[str]:
    yield f"kernels  built and booted with kit: Linux {', '.join(kernels['known'])}"
    rows = [f"{row['name']} (before {row['before']})" for row in kernels["shims"]]
    if rows:
        yield f"shims    for old kernels with these tools, outside their trees: {', '.join(rows)}"


def render_cache(where: str, entries: Sequence[Entry], limit: int, now: float | None = None) -> str:
    """What the cache holds, a line for each kind."""
    now = time.time() if now is None else now
    rows = []
    for kind, words in KINDS.items():
        these = [e for e in entries if e.kind == kind]
        if these:
            last = max(e.used for e in these)
            rows.append([kind, len(these), size(sum(e.size for e in these)), _ago(now - last), words])
    total = sum(e.size for e in entries)
    head = f"{where}: {size(total)}, limit {size(limit)} (KIT_CACHE_LIMIT)"
    if not rows:
        return f"{where}: nothing in it\n"
    headers = ["kind", "entries", "size", "last use", ""]
    align = ["left", "right", "right", "right", "left"]
    return f"{head}\n" + tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=align) + "\n"


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


def render_removed(done: Removed, *, dry: bool) -> str:
    """What went, or would go, by kind; and what stayed."""
    verb = "would be removed" if dry else "removed"
    if not done.gone and not done.in_use:
        return "nothing to remove\n"
    lines = []
    for kind in KINDS:
        these = [e for e in done.gone if e.kind == kind]
        if these:
            names = ", ".join(e.name for e in these[:3]) + (", …" if len(these) > 3 else "")
            lines.append(f"  {kind}: {len(these)} ({size(sum(e.size for e in these))}): {names}")
    lines.insert(0, f"{size(done.size)} {verb}")
    if done.in_use:
        lines.append(f"left, because another kit uses them: {', '.join(f'{e.kind}/{e.name}' for e in done.in_use)}")
    return "\n".join(lines) + "\n"
