"""bisect.json: each field with its type and meaning. Fields may be added; none is renamed or changes its meaning."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from kit.contracts.fields import Doc


class Metric(TypedDict):
    """What was looked for."""

    evidence: Annotated[str, Doc("`count`, `instructions`, `time`, `splat` or `command`")]
    what: Annotated[str, Doc("the lock class, the splat's pattern or the command; else empty")]
    window: Annotated[str, Doc("a pattern for the windows' names")]
    unit: Annotated[str, Doc("unit of the values")]
    direction: Annotated[str, Doc("`less is better`, `more is better` or `either`")]
    threshold: Annotated[float | None, Doc("a value from here on is bad; null: half way between the ends", "as `unit`")]


class CommitRow(TypedDict):
    """A commit, or a patch of a series."""

    name: Annotated[str, Doc("short id, or the patch's file")]
    subject: Annotated[str, Doc("first line of its message")]
    author: Annotated[str, Doc("name and address")]
    date: Annotated[str, Doc("the author's")]
    sha: Annotated[str, Doc("full id; empty for a patch")]
    links: Annotated[list[str], Doc("its `Link:` lines")]
    merge: Annotated[bool, Doc("it has several parents")]
    parents: Annotated[list[str], Doc("ids; of git only")]


class ChangeRow(TypedDict):
    """A change of the value, by one commit (its fields are then here) or by one of several (`between`)."""

    name: NotRequired[Annotated[str, Doc("short id, or the patch's file")]]
    subject: NotRequired[Annotated[str, Doc("first line of its message")]]
    author: NotRequired[Annotated[str, Doc("name and address")]]
    date: NotRequired[Annotated[str, Doc("the author's")]]
    sha: NotRequired[Annotated[str, Doc("full id; empty for a patch")]]
    links: NotRequired[Annotated[list[str], Doc("its `Link:` lines")]]
    merge: NotRequired[Annotated[bool, Doc("it has several parents")]]
    parents: NotRequired[Annotated[list[str], Doc("ids; of git only")]]
    between: NotRequired[Annotated[list[CommitRow], Doc("instead of these: commits that cannot be told apart")]]
    index: Annotated[int, Doc("place on the line, from 1")]
    of: Annotated[int, Doc("commits on the line", "commits")]
    before: Annotated[float, Doc("value before it", "as `metric.unit`")]
    after: Annotated[float, Doc("value with it", "as `metric.unit`")]


class NamedRow(TypedDict):
    """What the model says of the change."""

    function: Annotated[str, Doc("the function that explains the counts")]
    file: Annotated[str, Doc("its file in the kernel")]
    profile: Annotated[str, Doc("profile of the good end")]
    like: Annotated[str, Doc("profile whose version of the function is that of the bad end")]
    commits: Annotated[list[str], Doc("commits of the line that touch it")]


class ProofRow(TypedDict):
    """The proof of the culprit."""

    again: Annotated[list[float], Doc("values of the good end, measured again", "as `metric.unit`")]
    again_holds: Annotated[bool | None, Doc("`again` is good; null: not known")]
    reverted: Annotated[list[float], Doc("values of the bad end without the culprit", "as `metric.unit`")]
    reverted_holds: Annotated[bool | None, Doc("`reverted` is good; null: not known")]
    beside: Annotated[
        list[float], Doc("values of the bad end in the same rounds, if values scatter", "as `metric.unit`")
    ]
    same_image: Annotated[bool, Doc("the reverted kernel does the same as one booted before")]
    holds: Annotated[bool | None, Doc("all proofs confirm the culprit; null: no proof, or not known")]
    why: Annotated[str, Doc("why nothing was reverted; else empty")]


class TestedRow(TypedDict):
    """A place that was tested."""

    search: Annotated[int, Doc("0: the line itself; 1 and up: inside a merge")]
    index: Annotated[int, Doc("place on the line; 0: the good end")]
    name: Annotated[str, Doc("short id, or the patch's file")]
    sha: Annotated[str, Doc("full id; empty for a patch")]
    subject: Annotated[str, Doc("first line of its message")]
    state: Annotated[str, Doc("`good`, `bad` or `skip`")]
    values: Annotated[list[float], Doc("one value for each test", "as `metric.unit`")]
    same_code: Annotated[bool, Doc("not booted: its kernel has the code of one that was")]
    why: Annotated[str, Doc("why it was skipped; else empty")]


class SkippedRow(TypedDict):
    """A place that gave no value."""

    name: Annotated[str, Doc("short id, or the patch's file")]
    why: Annotated[str, Doc("what the compiler or the guest said")]


class BootsRow(TypedDict):
    """How many boots."""

    search: Annotated[int, Doc("to find the culprit", "boots")]
    proof: Annotated[int, Doc("to prove it", "boots")]
    reused: Annotated[int, Doc("boots taken from the cache", "boots")]


class BuildsRow(TypedDict):
    """How many builds."""

    made: Annotated[int, Doc("kernels built", "kernels")]
    cached: Annotated[int, Doc("kernels from the cache", "kernels")]


class BisectFile(TypedDict):
    """bisect.json."""

    schema: Annotated[int, Doc("1; changes only if a reader of 1 would be misled")]
    name: Annotated[str, Doc("the experiment's name")]
    end: Annotated[
        str, Doc("`found`, `set` (one of several), `no-difference`, `other-way`, `not-exact` or `untestable`")
    ]
    why: Annotated[str, Doc("why, in one line")]
    confidence: Annotated[float, Doc("how likely the culprit is in `candidates`; 1 for exact values", "probability")]
    method: Annotated[str, Doc("`exact` or `by probability`")]
    metric: Annotated[Metric, Doc("what was looked for")]
    good: Annotated[str, Doc("the good end")]
    bad: Annotated[str, Doc("the bad end")]
    culprit: Annotated[ChangeRow | None, Doc("the commit that made the change; null: none, or no single one")]
    candidates: Annotated[list[CommitRow], Doc("all commits that may be the culprit")]
    merges: Annotated[list[CommitRow], Doc("merges whose sides were searched, the outermost first")]
    other_changes: Annotated[list[ChangeRow], Doc("other places where the value changes")]
    named: Annotated[NamedRow | None, Doc("what the model says of the change; null: nothing")]
    proof: Annotated[ProofRow | None, Doc("the proof; null without a culprit")]
    commits: Annotated[list[TestedRow], Doc("every place that was tested, in order")]
    skipped: Annotated[list[SkippedRow], Doc("places that gave no value")]
    tests: Annotated[dict[str, int], Doc("tests by role: `search`, `same`, `again`, `reverted`", "tests")]
    boots: Annotated[BootsRow, Doc("how many")]
    builds: Annotated[BuildsRow, Doc("how many")]
    seconds_guests: Annotated[float, Doc("wall time of guests", "s")]
    seconds_builds: Annotated[float, Doc("wall time of builds", "s")]
    notes: Annotated[list[str], Doc("remarks")]
    provenance: Annotated[dict[str, object], Doc("trees, tools, host, and the command that does it again")]
    seconds: Annotated[float, Doc("wall time; of a resumed bisection, only its last part", "s")]
    exit_code: Annotated[int, Doc("the exit code of `kit bisect`")]
