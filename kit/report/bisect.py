"""A bisection as text: bisect.json in; what is printed at its end, a mail, and a log for `git bisect replay` out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.words import join, several
from kit.evidence.bisected import METRICS
from kit.report.folded import COLUMNS, command_lines, folded, header
from kit.report.tabled import tabled
from kit.wording.phrase import signed

HEADERS = ("commit", "subject", "value", "")
BARS = "▁▂▃▄▅▆▇█"
EXCLUDED, SKIPPED = "·", "x"
WIDEST = 64  # bars in a row; of a longer line each stands for several commits
SHORT = 12
SMALL = 0.2  # a ratio nearer to 1 is printed in percents
LARGE = 1e4  # a value from here on is printed without decimals
MAIL_NAME = 30  # columns of a commit in a mail
Found = Mapping[str, Any]


def bars(chances: Sequence[float], skipped: Sequence[int] = ()) -> str:
    """A bar per commit, as high as it is likely beside the likeliest; `·`: it is out, `x`: it cannot be tested."""
    width = max(-(-len(chances) // WIDEST), 1)
    most = max(chances, default=0.0) or 1.0
    out = []
    for at in range(0, len(chances), width):
        chance = max(chances[at : at + width])
        bar = EXCLUDED if chance < most / 1000 else BARS[min(int(chance / most * len(BARS)), len(BARS) - 1)]
        out.append(SKIPPED if width == 1 and at + 1 in skipped and chance < most / 1000 else bar)
    return "".join(out)


def number(value: float | None, unit: str = "") -> str:
    """A value with its unit; whole and large ones without decimals, others with four digits."""
    if value is None:
        return "–"
    text = f"{value:.0f}" if float(value).is_integer() or abs(value) >= LARGE else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def measured(found: Found) -> str:
    """What the metric is, in a few words."""
    metric = found["metric"]
    where = "" if metric["window"] == "*" else f" in {metric['window']}"
    emulated = "" if found["provenance"]["guest"]["accel"] == "kvm" else "emulated "
    return METRICS[metric["evidence"]].said.format(what=metric["what"], where=where, emulated=emulated)


def value_words(found: Found, value: float | None) -> str:
    """A value as people say it: yes/no evidence is good or bad."""
    if METRICS[found["metric"]["evidence"]].yes_no and value in (0, 1):
        return "bad" if value else "good"
    return number(value)


def render_bisect(found: Found, folder: str, columns: int = 0) -> str:
    """What `kit bisect` prints at its end. `columns`: of the terminal; 0 where there is none."""
    parts = [_table(found, columns), "", *_skips(found), *_proof(found), *_others(found)]
    parts += ["", sentence(found), "", *_cost(found)]
    parts += [f"  {note}" for note in found["notes"]]
    mail = ", mail.txt" if found["culprit"] else ""
    parts += ["", f"Everything lies in {folder} (bisect.json{mail}, tests.jsonl, boots.jsonl, console/)"]
    return "\n".join([*parts, f"Again: {found['provenance']['reproduce']}", ""])


def _table(found: Found, columns: int) -> str:
    culprit = (found["culprit"] or {}).get("name")
    rows = [_row(found, row, culprit) for row in found["commits"]]
    return f"{measured(found)}\n{tabled(HEADERS, rows, 'l' * len(HEADERS), columns)}"


def _row(found: Found, row: Mapping[str, Any], culprit: str | None) -> list[str]:
    values = _values(found, row["values"])
    state = row["state"] + (" ←" if row["name"] == culprit else "") + (", same code" if row["same_code"] else "")
    return [row["name"], row["subject"][:60] or "(the good end)", values, state]


def _skips(found: Found) -> list[str]:
    return [f"Not tested: {row['name']}: {row['why']}" for row in found["skipped"]]


def _proof(found: Found) -> list[str]:
    proof = found["proof"]
    if proof is None:
        return []
    verdict = {True: "as it was", False: "NOT as it was", None: "it cannot be told" if proof["again"] else "no value"}
    lines = [f"Proof: the good end again: {_values(found, proof['again'])} ({verdict[proof['again_holds']]})"]
    if proof["beside"]:
        lines.append(f"       beside it, in the same rounds, the bad end: {_values(found, proof['beside'])}")
    if proof["reverted"]:
        values = _values(found, proof["reverted"])
        good = "what it added is gone" if found["other_changes"] else "good again"
        said = {True: good, False: "STILL BAD", None: "it cannot be told"}[proof["reverted_holds"]]
        same = "; the same code as one tested above, not booted" if proof["same_image"] else ""
        lines.append(f"Proof: the bad end without the culprit: {values} ({said}{same})")
    elif proof["why"]:
        lines.append(f"No proof by a revert: {proof['why']}")
    return lines


def _values(found: Found, values: Sequence[float], most: int = 6) -> str:
    """The first values in words; of more, how many there are."""
    shown = ", ".join(value_words(found, v) for v in values[:most])
    return f"{shown}, … ({len(values)})" if len(values) > most else shown


def _others(found: Found) -> Iterator[str]:
    for change in found["other_changes"]:
        names = join([c["name"] for c in change.get("between", [change])])
        values = f"{number(change['before'])} to {number(change['after'])}"
        yield f"A second change, from {values}, lies in {names}: bisect again with it as an end"


def sentence(found: Found) -> str:
    """The answer."""
    culprit = found["culprit"]
    if culprit is None:
        return _no_culprit(found)
    before, after = (value_words(found, culprit[k]) for k in ("before", "after"))
    times = f"{_ratio(culprit['after'] / culprit['before'])}; " if culprit["before"] > 1 else ""
    who = f" by {culprit['author']}" if culprit["author"] else ""
    date = f", {culprit['date']}" if culprit["date"] else ""
    how = "exact" if found["method"] == "exact" else f"probability {found['confidence']:.3f}"
    text = f'FOUND: {culprit["name"]} ("{culprit["subject"]}"){who}{date}: '
    text += f"{measured(found)}: {before} before it, {after} with it ({times}{how})."
    if (named := found["named"]) and culprit["name"] in named["commits"]:
        text += (
            f" The model says the same: {named['function']}() is as in {named['like']}, and it changes that function."
        )
    elif named:
        text += f" The model named another function, {named['function']}(): look at both."
    if found["proof"]["again_holds"] is False or found["proof"]["reverted_holds"] is False:
        text += " BUT the proof failed: do not trust it."
    elif found["proof"].get("holds", True) is None and found["proof"]["again"]:
        text += " BUT it is not proved: whether the bad end is good without it cannot be told."
    return text


def _ratio(ratio: float) -> str:
    """`2.33 times`; of a small change `+0.51%`."""
    return signed(ratio) if abs(ratio - 1) < SMALL else f"{ratio:.2f} times"


def _no_culprit(found: Found) -> str:
    names = [f"{c['name']} ({c['subject']})" for c in found["candidates"]]
    head = {
        "set": "NOT ONE COMMIT",
        "no-difference": "NO DIFFERENCE",
        "other-way": "THE OTHER WAY ROUND",
        "untestable": "COULD NOT RUN",
        "not-exact": "NOT EXACT",
    }[found["end"]]
    listed = f": {join(names)}" if names and found["end"] == "set" else ""
    return f"{head}: {found['why']}{listed}."


def _cost(found: Found) -> list[str]:
    boots, builds = found["boots"], found["builds"]
    reused = f" ({boots['reused']} of them taken from earlier runs)" if boots["reused"] else ""
    same = (
        f"; {several(found['tests']['same'], 'kernel')} had the same code as another" if found["tests"]["same"] else ""
    )
    return [
        f"Used: {several(boots['search'], 'boot')} to find it and {boots['proof']} to prove it{reused}, "
        f"{several(builds['made'], 'build')}, {builds['cached']} from the cache{same}; "
        f"{found['seconds']:.0f} s, of these {found['seconds_builds']:.0f} s builds and "
        f"{found['seconds_guests']:.0f} s guests"
    ]


def git_log(found: Found) -> str:
    """What `git bisect replay` takes: the end of a search over git, its tests as good, bad and skip.

    Of a culprit all parents are good: of a merge that did it itself, its sides were searched. What lies behind the
    culprit's own line, or was good again after it, stands as a remark: git would ask for merge bases, or stop.
    """
    lines, culprit = ["git bisect start"], found["culprit"] or {}
    order = {"bad": 0, "good": 1, "skip": 2}  # the last bad one counts for git: the one nearest to the culprit
    for row in sorted(found["commits"], key=lambda r: (order[r["state"]], r["search"], -r["index"])):
        if row["sha"]:
            lines.append(f"# {row['state']}: [{row['sha']}] {row['subject']}".rstrip())
            if not culprit or row["state"] == "bad":
                lines.append(f"git bisect {row['state']} {row['sha']}")
    if culprit:
        lines.append(f"git bisect bad {culprit['sha']}")
        lines += [f"git bisect good {parent}" for parent in culprit.get("parents", ())]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def mail(found: Found) -> str:
    """A report for the lists, plain text of at most 72 columns. Only for a culprit."""
    culprit = found["culprit"]
    origin = found["provenance"]
    accel = origin["guest"]["accel"].upper() or "not booted"
    body = [
        *header("Subject", f"[REGRESSION] {measured(found)}: {_short_ratio(found)} since {_named(culprit)}"),
        "To: regressions@lists.linux.dev",
        "",
        *folded(f"A bisection between {found['good']} and {found['bad']} ends at"),
        "",
        *folded(f'{_named(culprit)} ("{culprit["subject"]}")', "  ", "  "),
        *(folded(f"{culprit['author']}, {culprit['date']}", "  ", "  ") if culprit["author"] else []),
        "",
        *folded(_mail_values(found)),
        "",
        *_mail_table(found),
        "",
        *folded(_mail_proof(found)),
        "",
        "How to reproduce:",
        "",
        *folded(f"Linux {origin['version']} ({origin['tree']}), built with {origin['toolchain']}, in {origin['qemu']} "
                f"({accel}), by kit {origin['kit']}:"),
        "",
        *command_lines(origin["reproduce"]),
        "",
        *_trailers(found),
        "",
    ]  # fmt: skip
    return "\n".join(body)


def _named(culprit: Found) -> str:
    return str(culprit["sha"][:SHORT] or culprit["name"])


def _short_ratio(found: Found) -> str:
    culprit = found["culprit"]
    return f"{value_words(found, culprit['before'])} → {value_words(found, culprit['after'])}"


def _mail_values(found: Found) -> str:
    culprit, unit = found["culprit"], found["metric"]["unit"]
    before, after = (f"{value_words(found, culprit[k])} {unit}".strip() for k in ("before", "after"))
    how = "every kernel gives the same value in each boot" if found["method"] == "exact" else (
        f"values scatter; this commit has a probability of {found['confidence']:.3f}")  # fmt: skip
    return f"What was measured: {measured(found)}. Before this commit: {before}; with it: {after} ({how})."


def _mail_table(found: Found) -> list[str]:
    """A commit a line, with its values and what they make of it; long values go on below."""
    widest = min(max(len(row["name"]) for row in found["commits"]), MAIL_NAME)
    lines = [f"{'commit':<{widest}}  state  value", f"{'-' * widest}  -----  {'-' * 20}"]
    for row in found["commits"]:
        head = f"{row['name'][:widest]:<{widest}}  {row['state']:<5}  "
        lines += _hung(head, _values(found, row["values"]) or row["why"] or "-")
    return lines


def _hung(head: str, text: str) -> list[str]:
    """Text beside a head, its further lines below it."""
    return [f"{head if i == 0 else ' ' * len(head)}{line}".rstrip() for i, line in
            enumerate(textwrap.wrap(" ".join(text.split()), COLUMNS - len(head)) or [""])]  # fmt: skip


def _mail_proof(found: Found) -> str:
    proof, said = found["proof"], []
    if proof["again_holds"]:
        said.append("The good end, measured again afterwards, gives its value again.")
    if proof["reverted_holds"]:
        good = "what it added is gone; a second change stays" if found["other_changes"] else "it is good again"
        said.append(f"With this commit reverted on top of the bad end {good}.")
    elif proof["reverted_holds"] is False:
        said.append("With this commit reverted on top of the bad end it is still bad: something else is there too.")
    elif proof["why"]:
        said.append(f"It was not reverted on top of the bad end: {proof['why']}.")
    return " ".join(said)


def _trailers(found: Found) -> list[str]:
    """For regzbot and for the fix. A patch that is no commit yet is introduced by its own mail, if by anything."""
    culprit = found["culprit"]
    sha, links = culprit["sha"][:SHORT], culprit["links"]
    introduced = sha or next(iter(links), "")
    lines = [f'#regzbot introduced: {introduced} ("{culprit["subject"]}")'] if sha else []
    if introduced and not sha:
        lines.append(f"#regzbot introduced: {introduced}")
    if sha:
        lines.append(f'Fixes: {sha} ("{culprit["subject"]}")')
    if not introduced:
        lines.append(f"({culprit['name']} is no commit yet: there is nothing that regzbot or a Fixes: line could name)")
    return [*lines, *(f"Link: {link}" for link in links)]
