"""verdict.json: each field with its type and meaning. Fields may be added; none is renamed or changes its meaning."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from kit.contracts.fields import Doc
from kit.contracts.lockrows import ByFunctionRow, CallerRow, ChainRow, ContendedJobRow, ContendedRow, SiteRow


class At(TypedDict):
    """Where in the experiment a number belongs."""

    workload: Annotated[str, Doc("the workload's name")]
    cpus: Annotated[int | None, Doc("vCPUs of the guest", "vCPUs")]
    users: Annotated[int | None, Doc("users at once, of `aim7`", "users")]
    depth: Annotated[int | None, Doc("forks between the first process and the one measured, of `fork-chain`")]
    lock: Annotated[str | None, Doc("the lock class or alias, of `count`")]
    layout: Annotated[str | None, Doc("the layout of memory; null: all layouts together")]


class ComparisonRow(TypedDict):
    """An arm against the baseline for one metric at one place."""

    metric: Annotated[str, Doc("what was measured, for example `acquisitions`")]
    unit: Annotated[str, Doc("the unit of the values, for example `per fork`")]
    direction: Annotated[str, Doc("`less is better` or `more is better`")]
    arm: Annotated[str, Doc("the arm's name")]
    baseline: Annotated[str, Doc("the baseline's name")]
    at: Annotated[At, Doc("where in the experiment; null inside: does not apply")]
    ratio: Annotated[float | None, Doc("arm over baseline; null where the baseline is 0")]
    low: Annotated[
        float | None, Doc("lower bound of the ratio: from the extremes of the boots, or a confidence interval")
    ]
    high: Annotated[float | None, Doc("upper bound of the ratio; null: no bound")]
    n: Annotated[int, Doc("boots of the arm", "boots")]
    arm_value: Annotated[float, Doc("the arm's mean", "as `unit`")]
    baseline_value: Annotated[float, Doc("the baseline's mean", "as `unit`")]
    exact: Annotated[bool, Doc("all boots of each arm gave the same number")]
    predicted: Annotated[list[int] | None, Doc("the model's count for the arm in one window: lowest, highest")]
    agrees: Annotated[bool | None, Doc("every boot of the arm lies in `predicted`; null without a profile")]
    baseline_predicted: Annotated[list[int] | None, Doc("as `predicted`, of the baseline")]
    baseline_agrees: Annotated[bool | None, Doc("as `agrees`, of the baseline")]
    baseline_n: Annotated[int, Doc("boots of the baseline", "boots")]
    p: Annotated[float | None, Doc("p value, corrected for looks and comparisons; noisy evidence only")]
    detectable: Annotated[
        float | None,
        Doc("a difference of this size is detected nine times in ten; null: none is", "share of the baseline"),
    ]
    said: Annotated[str | None, Doc("the verdict of this comparison alone; noisy evidence only")]
    pairs: Annotated[int | None, Doc("blocks that it rests on, if `n` counts other boots too", "blocks")]
    aa: Annotated[bool, Doc("the arm is the baseline's own image: A/A")]
    arm_values: Annotated[
        list[float], Doc("the arm's value in each boot; paired if boots are in blocks", "as `unit`")
    ]
    baseline_values: Annotated[list[float], Doc("the baseline's value in each boot", "as `unit`")]


class PredictionRow(TypedDict):
    """What the model predicts for an arm in one window, and what was measured."""

    arm: Annotated[str, Doc("the arm")]
    window: Annotated[str, Doc("the window's name")]
    cpus: Annotated[int, Doc("vCPUs of the guest", "vCPUs")]
    lock: Annotated[str, Doc("the lock class or alias")]
    jobs: Annotated[int, Doc("forks or jobs in the window")]
    measured: Annotated[list[int], Doc("a count for each boot", "acquisitions in the window")]
    predicted: Annotated[list[int] | None, Doc("lowest, highest; null: not modelled", "acquisitions in the window")]
    agrees: Annotated[bool | None, Doc("every boot lies in `predicted`; null: not modelled")]
    why: NotRequired[Annotated[str, Doc("why it is not modelled; only if it is not")]]
    by_operation: NotRequired[
        Annotated[dict[str, int], Doc("the prediction split by the kernel's operations", "acquisitions in the window")]
    ]


class MetricRow(TypedDict):
    """A number that payloads printed."""

    workload: Annotated[str, Doc("the workload")]
    cpus: Annotated[int, Doc("vCPUs of the guest", "vCPUs")]
    metric: Annotated[str, Doc("the metric's name")]
    unit: Annotated[str, Doc("as printed, or as the experiment says")]
    direction: Annotated[str, Doc("`less is better`, `more is better`, or empty: not said")]
    decides: Annotated[bool, Doc("it takes part in the verdict")]
    values: Annotated[dict[str, list[float]], Doc("a value for each boot, by arm", "as `unit`")]


ClassRow = TypedDict(
    "ClassRow",
    {
        "class": Annotated[str, Doc("the lock class")],
        "arm": Annotated[str, Doc("the arm")],
        "baseline_mean": Annotated[float, Doc("mean of the baseline", "acquisitions per boot")],
        "arm_mean": Annotated[float, Doc("mean of the arm", "acquisitions per boot")],
        "difference": Annotated[float, Doc("`arm_mean` minus `baseline_mean`", "acquisitions per boot")],
        "ratio": Annotated[float | None, Doc("arm over baseline; null where the baseline is 0")],
        "spread": Annotated[int, Doc("largest difference between boots of one arm", "acquisitions per boot")],
        "kind": Annotated[str, Doc("`exact` or `beyond noise`")],
        "exact": Annotated[bool, Doc("`kind` is `exact`")],
        "window": Annotated[str, Doc("the window that shows the difference best")],
        "named": Annotated[bool, Doc("the experiment's `locks` name it")],
    },
)


class SuspectRow(TypedDict):
    """A function that would explain the counts of an arm."""

    arm: Annotated[str, Doc("the arm")]
    worker: Annotated[str, Doc("the workload whose windows it explains")]
    function: Annotated[str, Doc("the kernel's function")]
    like: Annotated[str, Doc("a profile whose version of the function explains the counts")]


class DesignRow(TypedDict):
    """The blocks that were planned."""

    blocks: Annotated[int, Doc("blocks at most", "blocks")]
    alpha: Annotated[float, Doc("chance of a false verdict")]
    sequential: Annotated[bool, Doc("the run may end before its last block")]


class Aim7Row(TypedDict):
    """What AIM7 reports, of one number of users on one machine: means over the boots."""

    arm: Annotated[str, Doc("the arm")]
    workload: Annotated[str, Doc("the workload's name")]
    cpus: Annotated[int, Doc("virtual CPUs", "vCPUs")]
    tasks: Annotated[int, Doc("users at once", "users")]
    jobs_per_minute: Annotated[float, Doc("jobs of all users", "jobs/min")]
    jti: Annotated[float, Doc("job timing index: how equal the users' times are", "percent")]
    jobs_per_minute_per_task: Annotated[float, Doc("jobs of one user", "jobs/min")]
    real: Annotated[float, Doc("time until the last user is done", "s")]
    cpu: Annotated[float | None, Doc("CPU time of all vCPUs, if the kernel told their idle time", "s")]
    boots: Annotated[int, Doc("boots of this arm and machine")]


class RampRow(TypedDict):
    """What users that grow give of one arm on one machine: one value a boot."""

    arm: Annotated[str, Doc("the arm")]
    workload: Annotated[str, Doc("the workload's name")]
    cpus: Annotated[int, Doc("virtual CPUs", "vCPUs")]
    metric: Annotated[str, Doc("`peak` or `crossover`")]
    unit: Annotated[str, Doc("of `value`, `low` and `high`")]
    value: Annotated[float | None, Doc("geometric mean over the boots; null if a boot has none", "see unit")]
    low: Annotated[float | None, Doc("lower bound over the boots (t), null for one boot", "see unit")]
    high: Annotated[float | None, Doc("upper bound", "see unit")]
    reached: Annotated[int, Doc("boots that have a value", "boots")]
    boots: Annotated[int, Doc("boots of this arm and machine", "boots")]
    users: Annotated[int, Doc("as far as the ramps of all these boots came", "users")]
    level: Annotated[float, Doc("jobs of one user at the crossover", "jobs/min")]


class EventRow(TypedDict):
    """A step of a counterexample."""

    task: Annotated[int, Doc("which task, from 0")]
    function: Annotated[str, Doc("the function, as the profile names it")]
    what: Annotated[str, Doc("what it did: `lock`, `alloc`, `link`, `free` …")]
    subject: Annotated[str, Doc("the object that it did it to")]


class BrokenRow(TypedDict):
    """A rule that a profile breaks."""

    rule: Annotated[str, Doc("the rule")]
    said: Annotated[str, Doc("how it is broken")]
    start: Annotated[list[str], Doc("the operations before the tasks start, in order")]
    tasks: Annotated[list[list[str]], Doc("the operations of each task")]
    events: Annotated[int, Doc("locks, allocations, links and frees up to the violation")]
    trace: Annotated[list[EventRow], Doc("the steps in order")]
    moves: Annotated[list[str], Doc("which task went on at each step; `!`: its allocation failed")]
    seed: Annotated[int | None, Doc("the seed of a random schedule")]


class RulesRow(TypedDict):
    """An arm's profile held to the rules."""

    profile: Annotated[str, Doc("the profile")]
    read: Annotated[bool, Doc("it was read from the arm's patch, and is not verified")]
    broken: Annotated[list[BrokenRow], Doc("the rules that it breaks")]


class Details(TypedDict, total=False):
    """What only some kinds of evidence have."""

    predictions: Annotated[list[PredictionRow], Doc("`count`: the model's counts beside those measured")]
    contention: Annotated[list[ContendedRow], Doc("`count`: the most contended lock classes, where times were kept")]
    contended: Annotated[
        list[ContendedJobRow], Doc("`count`: named locks per job, where several users on several vCPUs met contention")
    ]
    sites: Annotated[list[SiteRow], Doc("`count`: the shares of the call sites that met contention of a named lock")]
    callers: Annotated[list[CallerRow], Doc("`callers`: the functions that acquired each named lock")]
    chains: Annotated[list[ChainRow], Doc("`callers`: their call chains, first those that differ between the arms")]
    by_function: Annotated[
        list[ByFunctionRow], Doc("`callgraph`: the functions whose instructions differ most, in each window")
    ]
    metrics: Annotated[list[MetricRow], Doc("`count`: what payloads printed")]
    classes: Annotated[list[ClassRow], Doc('`count` with `"*"`: the lock classes that differ, first those exact')]
    classes_noise: Annotated[int, Doc("classes whose difference is no more than noise", "classes")]
    classes_same: Annotated[int, Doc("classes that do not differ", "classes")]
    classes_seen: Annotated[
        float | None, Doc("a difference of this size in a class of 1,000 is detected nine times in ten", "share")
    ]
    classes_near: Annotated[
        list[str], Doc("lock classes that were neither clearly noise nor clearly different after two blocks")
    ]
    classes_more: Annotated[int, Doc("additional blocks that were done to judge these", "blocks")]
    moved: Annotated[str, Doc("`count`: which other lock classes moved, in words")]
    suspects: Annotated[list[SuspectRow], Doc("`count`: where model and kernel disagree, what would explain it")]
    accel: Annotated[str, Doc("`time`: `kvm` or `tcg`")]
    blocks: Annotated[int, Doc("`time`: blocks judged", "blocks")]
    design: Annotated[DesignRow, Doc("`time`: the plan")]
    again: Annotated[str, Doc("`time`: the name of the second arm with the baseline's kernel (A/A)")]
    aim7: Annotated[list[Aim7Row], Doc("`time`: AIM7's columns, where a workload has users")]
    ramps: Annotated[list[RampRow], Doc("`time`: each arm's peak and crossover, where the users of a workload grow")]
    repeats: Annotated[str, Doc("what `n` counts: `boots`, or `layouts of memory`")]
    rules: Annotated[dict[str, RulesRow], Doc("`model`: by arm, the rules of locking that its profile breaks")]


class Evidence(TypedDict):
    """One kind of evidence."""

    verdict: Annotated[str, Doc("what this kind says: `better`, `same`, `worse` or `inconclusive`")]
    why: Annotated[str, Doc("why, in one line")]
    comparisons: Annotated[list[ComparisonRow], Doc("a row for each arm, metric and place")]
    notes: Annotated[list[str], Doc("remarks; none decides")]
    details: Annotated[Details, Doc("what only this kind has")]
    decides: Annotated[bool, Doc("it takes part in the overall verdict; false: shown only")]


class Arm(TypedDict):
    """An arm."""

    baseline: Annotated[bool, Doc("it is the baseline")]
    profile: Annotated[str | None, Doc("the model's profile, if one was named")]


class Boots(TypedDict):
    """How many boots."""

    ok: Annotated[int, Doc("boots that ended well", "boots")]
    failed: Annotated[int, Doc("boots that did not", "boots")]
    reused: Annotated[int, Doc("boots taken from the cache, counted in the others too", "boots")]


class FaultRow(TypedDict):
    """A failure: why an arm is broken, or why it could not run."""

    arm: Annotated[str, Doc("the arm")]
    why: Annotated[str, Doc("the failure in one line")]
    console: Annotated[str, Doc("path of the console's log in the run's folder, with the line if there is one")]
    excerpt: Annotated[str, Doc("what the kernel or the compiler said")]


class Splats(TypedDict):
    """Failures, by what they mean for the verdict."""

    broken: Annotated[list[FaultRow], Doc("count against an arm: it is broken")]
    could_not_run: Annotated[list[FaultRow], Doc("of the baseline or of all arms: count against no arm")]
    once: Annotated[list[FaultRow], Doc("seen too rarely to count against an arm")]


class WorkloadRow(TypedDict):
    """A workload as resolved."""

    kind: Annotated[str, Doc("`fork-chain`, `aim7`, `program` or `payload`")]
    name: Annotated[str, Doc("its name in this experiment")]
    params: Annotated[dict[str, object], Doc("its parameters: the experiment's keys, defaults filled in")]


class LinesRow(TypedDict):
    """Which lines that an arm adds or changes were executed; only those that have code count."""

    coded: Annotated[int, Doc("how many have code", "lines")]
    ran: Annotated[int, Doc("how many of these the workloads executed in their windows", "lines")]
    outside: Annotated[list[str], Doc("lines that ran after init, but in no window, as `mm/rmap.c:301-303`")]
    booting: Annotated[list[str], Doc("lines that ran only before init")]
    missed: Annotated[list[str], Doc("lines that never ran")]
    untold: Annotated[list[str], Doc("lines and files of which nothing can be told, with the reason")]
    removed: Annotated[int, Doc("lines that are taken away, old versions of changed ones among them", "lines")]
    often: Annotated[dict[str, object], Doc("line → window → how often its most often executed instruction ran")]
    cut: Annotated[bool, Doc("`often` does not name all lines")]


class FunctionsRow(TypedDict):
    """Which code that an arm changes was executed."""

    arm: Annotated[str, Doc("the arm")]
    identical: Annotated[bool, Doc("its kernel is the baseline's, byte for byte")]
    changed: Annotated[list[str], Doc("functions whose code differs")]
    ran: Annotated[list[str], Doc("those of `changed` that the workloads executed in their windows")]
    booting: Annotated[list[str], Doc("those of `changed` that ran only before init")]
    asked: Annotated[int, Doc("how many of `changed` were watched", "functions")]
    why: Annotated[str, Doc("why it could not be found out; else empty")]
    outside: NotRequired[Annotated[list[str], Doc("those of `changed` that ran after init, but in no window")]]
    lines: NotRequired[Annotated[LinesRow | None, Doc("the same by lines; null: not asked")]]
    idle: Annotated[bool, Doc("nothing that the patch changes was executed")]


class Limits(TypedDict):
    """Differences up to these do not matter."""

    difference: Annotated[float, Doc("the experiment's `limit`", "share")]
    instructions: NotRequired[Annotated[float, Doc("`instructions: {limit}`, if it is not the same", "share")]]


class Seconds(TypedDict):
    """Where the wall time went."""

    total: Annotated[float, Doc("from start to verdict", "s")]
    commands: Annotated[float, Doc("commands, mainly make", "s")]
    guests: Annotated[float, Doc("guests", "s")]
    both: Annotated[float, Doc("commands and guests at once", "s")]
    own: Annotated[float, Doc("kit itself", "s")]


class StepRow(TypedDict):
    """A step of a series against the one before."""

    arm: Annotated[str, Doc("the step")]
    against: Annotated[str, Doc("what it is judged against: the last step before that built and booted")]
    verdict: Annotated[str | None, Doc("as of the whole; null: could not run")]
    sentence: Annotated[str, Doc("the verdict in words")]
    fails: Annotated[bool, Doc("worse or broken, or model and kernel disagree")]
    evidence: Annotated[dict[str, str], Doc("the verdict by kind of evidence")]
    built: Annotated[bool, Doc("its kernels could be built")]
    warnings: Annotated[list[str] | None, Doc("what the compiler warns of since the one before; null: not known")]


class VerdictFile(TypedDict):
    """verdict.json."""

    schema: Annotated[int, Doc("1; changes only if a reader of 1 would be misled")]
    name: Annotated[str, Doc("the experiment's name")]
    verdict: Annotated[str | None, Doc("`better`, `same`, `worse`, `broken`, `inconclusive`; null: could not run")]
    sentence: Annotated[str, Doc("the verdict in words")]
    expected: Annotated[bool, Doc("the verdict is as `expect` says; without `expect`: nothing is worse or broken")]
    exit_code: Annotated[int, Doc("the exit code of `kit run` (`kit help exit-codes`)")]
    aa: Annotated[bool, Doc("an A/A experiment: every arm is the baseline's kernel")]
    disagreements: Annotated[int, Doc("windows where model and kernel differ", "windows")]
    evidence: Annotated[dict[str, Evidence], Doc("by kind: `model`, `count`, `instructions`, `check`, `time`")]
    arms: Annotated[dict[str, Arm], Doc("by name, in the experiment's order")]
    boots: Annotated[Boots, Doc("how many")]
    splats: Annotated[Splats, Doc("failures, by what they mean for the verdict")]
    exercised: Annotated[list[WorkloadRow], Doc("the workloads")]
    functions: Annotated[list[FunctionsRow], Doc("for each arm, which of its changed code ran")]
    provenance: Annotated[dict[str, object], Doc("the content of provenance.json")]
    limits: Annotated[Limits, Doc("differences up to these do not matter")]
    steps: NotRequired[Annotated[list[StepRow], Doc("of a series (`steps: true`): each step against the one before")]]
    seconds: NotRequired[Annotated[Seconds, Doc("where the wall time went; of a resumed run, only its last part")]]
