"""A mail for the list, plain text of at most 72 columns: one run or bisection in, headers and body out.

The table has the columns that 0-day's reports have (old, its spread, the change, new, its spread), and the interval
beside them. `Fixes:`, `Link:` and `Closes:` are those of the patches themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.errors import UserError
from kit.base.words import several
from kit.report.bisect import mail as bisection_mail
from kit.report.folded import command_lines, cut, folded, header
from kit.report.numbers import Number, numbers, spread
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles

MOST_ROWS = 30  # of a kind: a mail is read, verdict.json is searched
MOST_LINES = 24  # of a splat
TRAILER = re.compile(r"^(Fixes|Link|Closes): \S.*$", re.MULTILINE)
MESSAGE_ID = re.compile(r"^Message-ID:\s*<([^<>\s]+)>", re.MULTILINE | re.IGNORECASE)
HEADS = (
    f"{'old':>12}   ±%   {'change':>8}   {'new':>12}   ±%   interval",
    f"{'-' * 12} {'-' * 4}   {'-' * 8}   {'-' * 12} {'-' * 4}   {'-' * 20}",
)
Row = Mapping[str, Any]


def render(files: Sequence[Files], style: Style) -> str:
    """The whole mail, a newline at its end. Raises UserError for several runs, and for one that has no culprit."""
    if len(files) != 1:
        raise UserError(f"a mail tells of one run, not of {len(files)}", where="--mail")
    one = files[0]
    if isinstance(one, RunFiles):
        return "\n".join(_lines(one, style)) + "\n"
    return _of_bisection(one)


def _of_bisection(files: BisectionFiles) -> str:
    if not files.found["culprit"]:
        raise UserError("no single commit was found, so there is no mail to write", where=str(files.folder))
    return bisection_mail(files.found)


def _lines(files: RunFiles, style: Style) -> Iterator[str]:
    v = files.verdict
    word = str(v["verdict"] or "could not run")
    yield from header("Subject", f"[kit] {v['name']}: {_headline(v)}")
    yield ""
    text = str(v["sentence"])
    yield from folded(text if text.lower().startswith(f"{word}: ") else f"{word}: {text}")
    for part in (_faults(v), _tables(v), _patches(files), _configuration(files), _again(v), _trailers(files, style)):
        lines = list(part)
        if lines:
            yield ""
            yield from lines


def _headline(v: Row) -> str:
    """A few words: the verdict, and the largest change that decides."""
    word = str(v["verdict"] or "could not run")
    telling = [n for n in numbers(v) if n.decides and not n.comparison.aa and str(n.verdict) == v["verdict"]]
    telling = [n for n in telling if n.comparison.ratio is not None and n.kind != "model"] or telling
    if v["verdict"] not in ("better", "worse") or not telling:
        return word
    far = max(telling, key=lambda n: abs((n.comparison.ratio or 1.0) - 1))
    return f"{word}: {_change(far)} {far.what}"


def _faults(v: Row) -> Iterator[str]:
    for group, title in (("broken", "Broken"), ("could_not_run", "Could not run"), ("once", "Seen once, not counted")):
        for fault in v["splats"][group]:
            yield from folded(f"{title}: {fault['why']}")
            yield ""
            lines = fault["excerpt"].splitlines()
            yield from (cut(f"  {line}") for line in lines[:MOST_LINES])
            if len(lines) > MOST_LINES:
                yield f"  ... ({len(lines) - MOST_LINES} more lines)"
            yield ""


def _tables(v: Row) -> Iterator[str]:
    found = numbers(v)
    for kind, said in v["evidence"].items():
        yield from folded(f"{kind}: {said['verdict']} - {said['why']}")
        if not said.get("decides", True):
            yield from folded("(shown only: it does not decide)", "  ")
        mine = [n for n in found if n.kind == kind and not n.comparison.aa]
        if kind == "model" and "count" in v["evidence"]:
            mine = []  # the same places again, as predicted
        yield from _table(mine)
        yield ""


def _table(mine: Sequence[Number]) -> Iterator[str]:
    arms = list(dict.fromkeys((n.comparison.baseline, n.comparison.arm) for n in mine))
    for base, arm in arms:
        rows = [n for n in mine if n.comparison.arm == arm]
        rows = sorted(rows, key=lambda n: abs((n.comparison.ratio or 9.0) - 1), reverse=True)
        yield ""
        yield from folded(f"old: {base}, new: {arm} ({rows[0].comparison.direction})", "  ")
        yield from HEADS
        for what in dict.fromkeys(n.what for n in rows[:MOST_ROWS]):
            yield from folded(f"  {what}")
            for n in (n for n in rows[:MOST_ROWS] if n.what == what):
                yield from folded(n.where, indent="    ")
                yield _row(n)
        if len(rows) > MOST_ROWS:
            yield f"  and {len(rows) - MOST_ROWS} more with smaller changes"


def _row(n: Number) -> str:
    c = n.comparison
    old, new = (f"{value:>12.6g} {_share(values)}" for value, values in
                ((c.baseline_value, c.baseline_values), (c.arm_value, c.arm_values)))  # fmt: skip
    return f"{old}   {_change(n):>8}   {new}   {_interval(n)}".rstrip()


def _share(values: Sequence[float]) -> str:
    """The spread of the boots, as 0-day has it: `± 2%`."""
    share = spread(values)
    return "   –" if share is None else f"±{share * 100:>2.0f}%"


def _change(n: Number) -> str:
    ratio = n.comparison.ratio
    return "–" if ratio is None else f"{(ratio - 1) * 100:+.2f}%"


def _interval(n: Number) -> str:
    c = n.comparison
    if c.low is None and c.high is None:
        return ""
    low, high = ("–" if bound is None else f"{(bound - 1) * 100:+.2f}%" for bound in (c.low, c.high))
    return f"[{low}, {high}]"


def _patches(files: RunFiles) -> Iterator[str]:
    for name, arm in files.verdict["provenance"]["arms"].items():
        tree = arm["tree"]
        patches = [p["subject"] or p["file"] for p in arm["patches"]]
        reversed_ = [" (applied backwards)" if p["reversed"] else "" for p in arm["patches"]]
        yield from folded(f"{name}: Linux {tree['version']} ({tree['ref']})", hang="  ")
        for patch, how in zip(patches, reversed_, strict=True):
            yield from folded(f"+ {patch}{how}", "    ", "  ")


def _configuration(files: RunFiles) -> Iterator[str]:
    v = files.verdict
    origin = v["provenance"]
    guest = files.experiment.get("guest", {})
    cpus = sorted({int(b["cpus"]) for b in files.boots})
    accel = str(origin.get("accel", {}).get("used", "")).upper() or "no guest"
    told = [
        f"guest: {guest.get('arch', 'x86_64')}, vCPUs {', '.join(map(str, cpus)) or '–'}, "
        f"memory {guest.get('memory', '?')}, {accel}",
        f"qemu: {origin['qemu']}",
        f"compiler: {origin['toolchain']}",
        f"host: {origin['host']['cpu']}, {several(origin['host']['cores'], 'core')}, Linux {origin['host']['kernel']}",
        f"boots: {v['boots']['ok']} ok, {v['boots']['failed']} failed, {v['boots']['reused']} from earlier runs",
    ]
    yield "Configuration:"
    for line in told:
        yield from folded(line, "  ", "  ")


def _again(v: Row) -> Iterator[str]:
    yield f"How to reproduce (kit {v['provenance']['kit']}):"
    yield ""
    yield from command_lines(str(v["provenance"]["reproduce"]))


def _trailers(files: RunFiles, style: Style) -> Iterator[str]:
    """What the patches name themselves, and who tested them where the verdict allows it."""
    known: list[str] = []
    for text in files.patches.values():
        known += [found[0] for found in TRAILER.finditer(text)]
        known += [f"Link: https://lore.kernel.org/r/{found[1]}" for found in MESSAGE_ID.finditer(text)]
    yield from dict.fromkeys(known)
    if may_be_tested(files.verdict) and (name := style.tester()):
        yield f"Tested-by: {name}"


def may_be_tested(v: Row) -> bool:
    """Whether somebody may put a name to it: a change of one's own that is better or the same, as expected, and that
    something which decides has seen."""
    deciding = [k for kind, k in v["evidence"].items() if k.get("decides", True) and kind != "model"]
    faults = any(v["splats"].values())
    good = v["verdict"] in ("better", "same") and v["expected"] and not v["disagreements"]
    return good and bool(deciding) and not faults and not v["aa"] and _own_change(v)


def _own_change(v: Row) -> bool:
    """Whether an arm has what the baseline has not: a patch that is not applied backwards, or another tree."""
    arms = v["provenance"]["arms"]
    base = next(name for name, arm in v["arms"].items() if arm["baseline"])
    others = [arm for name, arm in arms.items() if name != base]
    patched = any(not p["reversed"] for arm in others for p in arm["patches"])
    return patched or any(arm["tree"]["key"] != arms[base]["tree"]["key"] for arm in others)
