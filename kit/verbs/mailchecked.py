"""`kit check-mail`, for `b4.review-series-check-cmd` and `b4.review-perpatch-check-cmd`: a mail's bytes in, a JSON list
of checks out.

The mail is a patch, or the cover letter of a series (its first patch if there is none). For a series under review, the
file that B4_TRACKING_FILE names says which commits of this repository the series is. Then these commits are checked:
the branch that is checked out has them already, so a patch would not apply to it.

Without --run the check says whether the experiment could run. A problem with the mail is a failed check, not a failure
of this command: b4 shows the text of a check only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

from kit.base.errors import KitError, UserError
from kit.base.progress import Progress
from kit.experiment.change import Change
from kit.experiment.reader import read_experiment
from kit.kernel.mail import split_mails
from kit.records import Experiment
from kit.report import b4
from kit.report.cases import Status
from kit.report.style import Style
from kit.run.estimate import show_plan
from kit.run.job import run_experiment
from kit.store.cache import Cache
from kit.store.eviction import scratch
from kit.store.runfiles import read_files
from kit.verbs.reported import reports_of

TRACKING = "B4_TRACKING_FILE"
REVIEW_BRANCH = "b4/review/"  # where b4 has applied the series; its last commit is b4's own and changes nothing
_COUNTER = re.compile(r"\s*\[[^\]]*?([0-9]{1,5})/([0-9]{1,5})[^\]]*\]")
_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class AskedMail:
    """The command line of `kit check-mail`. `series`: check the whole series, whichever mail is given; `run`: run the
    experiment too."""

    config: Path
    overrides: Sequence[str]
    tree: str | None
    series: bool
    run: bool
    runs: Path


def check_mail(asked: AskedMail, mail: bytes, cache: Cache, progress: Progress) -> str:
    """The JSON list of checks. Raises UserError for a wrong experiment file."""
    read_experiment(asked.config, asked.overrides)
    with scratch() as inbox:
        try:
            change = _change(asked, mail, inbox)
            if change is None:
                return b4.dump([_no_patch()])
            exp = read_experiment(asked.config, asked.overrides, change, inbox)
            return _run(exp, asked, cache, progress) if asked.run else b4.dump([_planned(exp, cache)])
        except UserError as error:
            return b4.dump([b4.row(Status.FAIL, _first_line(error), str(error))])
        except KitError as error:
            return b4.dump([b4.row(Status.ERROR, _first_line(error), str(error))])


def _first_line(error: KitError) -> str:
    return str(error).splitlines()[0]


def _no_patch() -> dict[str, str]:
    why = f"no patch in this mail, and {TRACKING} does not say which commits it stands for"
    return b4.row(Status.SKIP, why, "Check the series out for review first (`b4 review`), or check its patches.")


def _change(asked: AskedMail, mail: bytes, inbox: Path) -> Change | None:
    """The patch in the mail, or the commits of the series that it is the cover letter of; None if it is neither."""
    change = Change(tree=asked.tree)
    try:
        split_mails("the mail", mail)
    except UserError:
        if b"\ndiff -" in mail or b"\n--- " in mail:  # there is a patch, but it is damaged
            raise
        commits = _tracked()
        return None if commits is None else replace(change, range=commits)
    commits = _tracked() if asked.series else _tracked_patch(mail)
    if commits is not None:
        return replace(change, range=commits)
    path = inbox / "mail"
    path.write_bytes(mail)
    return replace(change, patches=(str(path),))


def _tracked() -> str | None:
    """`BASE..HEAD` from b4's tracking file; None if it does not tell."""
    series = _series(os.environ.get(TRACKING, ""))
    first, base, name = (str(series.get(key) or "") for key in ("first-patch-commit", "base-commit", "change-id"))
    start = f"{first}^" if _SHA.fullmatch(first) else base if _SHA.fullmatch(base) else ""
    return f"{start}..{REVIEW_BRANCH}{name}" if start and name else None


def _tracked_patch(mail: bytes) -> str | None:
    """The commit that a patch of a series has become. b4's own lies behind the last."""
    series = _series(os.environ.get(TRACKING, ""))
    name, count = series.get("change-id"), series.get("expected")
    found = _COUNTER.match(str(message_from_bytes(mail)["Subject"] or ""))
    number, of = (int(found[1]), int(found[2])) if found else (1, 1)
    if not name or not series.get("complete") or of != count or not 1 <= number <= of:
        return None
    back = of - number + 1
    return f"{REVIEW_BRANCH}{name}~{back + 1}..{REVIEW_BRANCH}{name}~{back}"


def _series(name: str) -> Mapping[str, Any]:
    if not name:
        return {}
    try:
        found = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot be read: {error}", where=f"{TRACKING}={name}") from error
    series = found.get("series") if isinstance(found, dict) else None
    return series if isinstance(series, dict) else {}


def _planned(exp: Experiment, cache: Cache) -> dict[str, str]:
    """What `kit check` says."""
    plan = show_plan(exp, cache)
    said = f"applies; a run would take {len(plan.kernels)} kernels and at most {len(plan.boots)} boots"
    return b4.row(Status.PASS, said, plan.as_text())


def _run(exp: Experiment, asked: AskedMail, cache: Cache, progress: Progress) -> str:
    result = run_experiment(exp, cache, progress, asked.runs)
    reports_of(result.folder)
    return b4.render([read_files(result.folder)], Style())
