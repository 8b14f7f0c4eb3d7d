"""KCIDB's I/O format, 5.3 (github.com/kernelci/kcidb-io): runs in, checkouts, builds and tests as JSON out.

A checkout for each arm's tree, a build for each of its kernels, a test for each case; of a comparison the arm's value
with its unit, and the baseline's as a test of the baseline's own build. Nothing here has an address on the net, so
files are not named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kit.report.cases import Case, Status, cases
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles

ORIGIN = "kit"
VERSION = {"major": 5, "minor": 3}
STATUS = {Status.PASS: "PASS", Status.FAIL: "FAIL", Status.SKIP: "SKIP", Status.ERROR: "MISS"}
NUMBERED = ("PASS", "FAIL", "DONE")  # with others a number has no meaning
_SHA = re.compile(r"[0-9a-f]{40}")
Row = Mapping[str, Any]


def render(files: Sequence[Files], style: Style) -> str:
    """One JSON document, a newline at its end."""
    out: dict[str, Any] = {"version": VERSION, "checkouts": [], "builds": [], "tests": []}
    for one in files:
        part = _bisection(one) if isinstance(one, BisectionFiles) else _run(one)
        for key in ("checkouts", "builds", "tests"):
            out[key] += part[key]
    return json.dumps(out, indent=2) + "\n"


def _run(files: RunFiles) -> dict[str, list[Row]]:
    origin = files.verdict["provenance"]
    start = _date(files.started)
    checkouts: list[Row] = []
    builds: list[Row] = []
    for name, arm in origin["arms"].items():
        tree = arm["tree"]
        checkout = _checkout(f"{ORIGIN}:{files.name}:{name}", str(tree["ref"]), str(tree["version"]), start)
        checkouts.append({**checkout, "comment": f"arm {name}", "misc": {"tree_key": tree["key"]}})
        builds += [_build(files, name, instrument, k) for instrument, k in arm["kernels"].items()]
    return {"checkouts": checkouts, "builds": builds, "tests": list(_tests(files, {b["id"] for b in builds}))}


def _checkout(name: str, ref: str, version: str, start: str) -> dict[str, Any]:
    out = {"id": name, "origin": ORIGIN, "tree_name": ref, "git_commit_name": version, "start_time": start}
    sha = _SHA.search(ref)
    return {**out, "git_commit_hash": sha[0]} if sha else out


def _build(files: RunFiles, arm: str, instrument: str, kernel: Row) -> dict[str, Any]:
    faults = [f for f in files.verdict["splats"]["broken"] + files.verdict["splats"]["could_not_run"]
              if f["arm"] == arm and "cannot be built" in f["why"]]  # fmt: skip
    out = {
        "id": _build_id(files, arm, instrument),
        "checkout_id": f"{ORIGIN}:{files.name}:{arm}",
        "origin": ORIGIN,
        "architecture": str(files.experiment.get("guest", {}).get("arch", "x86_64")),
        "compiler": str(files.verdict["provenance"]["toolchain"]),
        "config_name": f"kit, {instrument}",
        "status": "FAIL" if faults else "PASS",
        "misc": {"kernel_key": kernel["key"], "config_key": kernel["config"]},
    }
    return {**out, "log_excerpt": _plain(faults[0]["excerpt"])[:16384]} if faults else out


def _build_id(files: RunFiles, arm: str, instrument: str) -> str:
    return f"{ORIGIN}:{files.name}:{arm}:{instrument}"


def _tests(files: RunFiles, known: set[str]) -> Iterator[Row]:
    """A test belongs to a build: where an arm has none, the arm's numbers are left out."""
    seen = set()
    base = next(name for name, arm in files.verdict["arms"].items() if arm["baseline"])
    for index, case in enumerate(cases(files)):
        n = case.number
        arm = n.comparison.arm if n else case.name if case.group == "boots" else base
        arm = base if arm not in files.verdict["arms"] else arm  # the A/A arm is the baseline's own image
        build = _build_id(files, arm, _instrument(files, arm, case.group))
        if build in known:
            yield _test(files, f"{index}", build, case)
        if n is None or (n.kind, n.what, n.where) in seen:
            continue
        seen.add((n.kind, n.what, n.where))
        build = _build_id(files, base, _instrument(files, base, case.group))
        if build in known:
            c = n.comparison
            yield {
                **_frame(files, f"{index}:baseline", build, _path(case)),
                "status": "DONE",
                "comment": _plain(f"{c.baseline}: {n.what}, {n.where}"),
                "number": {"value": c.baseline_value, "unit": c.unit},
            }


def _test(files: Files, index: str, build: str, case: Case) -> dict[str, Any]:
    status = STATUS[case.status]
    out = {**_frame(files, index, build, _path(case)), "status": status, "comment": _plain(case.message)}
    if case.details:
        out["log_excerpt"] = _plain(case.details)[:16384]
    if case.seconds is not None:
        out["duration"] = case.seconds
    if case.value is not None and status in NUMBERED:
        out["number"] = {"value": case.value, "unit": case.unit}
    if case.number is not None:
        c = case.number.comparison
        out["misc"] = {"arm": c.arm, "baseline": c.baseline, "ratio": c.ratio, "low": c.low, "high": c.high,
                       "arm_value": c.arm_value, "baseline_value": c.baseline_value, "n": c.n,
                       "name": case.number.name}  # fmt: skip
    return out


def _frame(files: Files, index: str, build: str, path: str) -> dict[str, Any]:
    start = _date(files.started)
    return {"id": f"{ORIGIN}:{files.name}:{index}", "build_id": build, "origin": ORIGIN, "path": path,
            "start_time": start}  # fmt: skip


def _path(case: Case) -> str:
    n = case.number
    parts = [ORIGIN, case.group, n.comparison.at.workload if n else case.name, n.what if n else ""]
    slugs = (re.sub(r"[^a-zA-Z0-9_-]+", "_", part).strip("_") for part in parts)
    return ".".join(slug for slug in slugs if slug)


def _instrument(files: RunFiles, arm: str, kind: str) -> str:
    """The one that a kind's boots of the arm ran on; the arm's first where there are none."""
    kernels = files.verdict["provenance"]["arms"].get(arm, {}).get("kernels", {})
    keys = {b.get("kernel_key") for b in files.boots if b["arm"] == arm and b["evidence"] == kind}
    return next((i for i, k in kernels.items() if k["key"] in keys), next(iter(kernels), ""))


def _bisection(files: BisectionFiles) -> dict[str, list[Row]]:
    """A checkout and a build for each commit that was tested."""
    found, origin = files.found, files.found["provenance"]
    start = _date(files.started)
    out: dict[str, list[Row]] = {"checkouts": [], "builds": [], "tests": []}
    for index, case in enumerate(cases(files)[1:]):
        row = found["commits"][index]
        name = f"{ORIGIN}:{files.name}:{index}"
        ref = row["sha"] or origin["tree"]
        out["checkouts"].append(_checkout(name, ref, row["name"], start))
        out["builds"].append({"id": name, "checkout_id": name, "origin": ORIGIN, "compiler": origin["toolchain"],
                              "status": "PASS" if row["values"] else "ERROR"})  # fmt: skip
        out["tests"].append(_test(files, f"{index}", name, case))
    return out


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _plain(text: str) -> str:
    return text.replace("\0", "�")
