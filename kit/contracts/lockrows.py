"""verdict.json: who contended for locks, who took them, and where instructions were executed."""

from __future__ import annotations

from typing import Annotated, TypedDict

from kit.contracts.fields import Doc


class PlaceRow(TypedDict):
    """Where lock_stat saw a lock contended."""

    place: Annotated[str, Doc("the kernel's function, as lock_stat names it")]
    count: Annotated[int, Doc("how often, in all boots of the arm")]


class ContendedArm(TypedDict):
    """How a lock class was contended in the boots of an arm."""

    contentions: Annotated[float, Doc("mean of the boots", "contentions per boot")]
    wait_us: Annotated[float, Doc("time waited for the lock, mean of the boots", "µs per boot")]
    longest_wait_us: Annotated[float, Doc("longest wait of all boots", "µs")]
    hold_us: Annotated[float, Doc("time that the lock was held, mean of the boots", "µs per boot")]
    longest_hold_us: Annotated[float, Doc("longest hold of all boots", "µs")]
    waits: Annotated[list[PlaceRow], Doc("where tasks waited, the most frequent first")]
    holds: Annotated[list[PlaceRow], Doc("where tasks held it while others waited, the most frequent first")]


ContendedRow = TypedDict(
    "ContendedRow",
    {
        "class": Annotated[str, Doc("the lock class")],
        "arms": Annotated[dict[str, ContendedArm], Doc("by arm, all machines together")],
    },
)


class ContendedJobRow(TypedDict):
    """One number of a named lock per job, of one arm at one place."""

    lock: Annotated[str, Doc("the lock")]
    arm: Annotated[str, Doc("the arm")]
    workload: Annotated[str, Doc("the workload's name")]
    users: Annotated[int, Doc("users at once", "users")]
    cpus: Annotated[int, Doc("virtual CPUs", "vCPUs")]
    unit: Annotated[str, Doc("what one job is")]
    metric: Annotated[str, Doc("`acquisitions`, `contentions`, `wait_us` or `hold_us`, all per job")]
    mark: Annotated[str, Doc("`exact`; `interval`: `low` and `high` are the model's; `sample`: those of the boots (t)")]
    value: Annotated[float, Doc("mean of the boots; times are those of a kernel that counts locks", "per job")]
    low: Annotated[float | None, Doc("lower bound, null for one boot", "per job")]
    high: Annotated[float | None, Doc("upper bound", "per job")]
    boots: Annotated[int, Doc("boots of this arm and machine", "boots")]
    ratio: Annotated[float | None, Doc("against the baseline; null in the baseline, and where that has 0")]
    ratio_low: Annotated[float | None, Doc("lower bound of `ratio`")]
    ratio_high: Annotated[float | None, Doc("upper bound of `ratio`")]
    p: Annotated[float | None, Doc("that there is no difference, corrected for the three metrics")]
    said: Annotated[str, Doc("the verdict on this number alone; empty in the baseline; it decides nothing")]


class SiteRow(TypedDict):
    """A function that waited for a named lock, in all windows of a workload with several users."""

    lock: Annotated[str, Doc("the lock")]
    arm: Annotated[str, Doc("the arm")]
    workload: Annotated[str, Doc("the workload's name")]
    cpus: Annotated[int, Doc("virtual CPUs", "vCPUs")]
    function: Annotated[str, Doc("by the arm's own symbols; `elsewhere`: beyond the four places that lock_stat keeps")]
    part: Annotated[str, Doc("use of an anon_vma: `clone`, `fork`, `unlink`, `free`, `clone or unlink`; else empty")]
    share: Annotated[float, Doc("of the contentions, mean of the boots", "share")]
    low: Annotated[float | None, Doc("lower bound over the boots (t), null for one boot", "share")]
    high: Annotated[float | None, Doc("upper bound", "share")]
    count: Annotated[int, Doc("contentions there in all boots", "contentions")]
    boots: Annotated[int, Doc("boots of this arm and machine that met contention", "boots")]
    p: Annotated[float | None, Doc("that the share is the baseline's, corrected for the functions; null in it")]


class CallerRow(TypedDict):
    """A function that acquired a named lock, in all windows of a workload."""

    lock: Annotated[str, Doc("the lock")]
    arm: Annotated[str, Doc("the arm")]
    workload: Annotated[str, Doc("the workload's name")]
    function: Annotated[str, Doc("the function that the model knows, else the lock function's caller")]
    operation: Annotated[str, Doc("what the function is to the model: `clone`, `unlink`, `free` …; else empty")]
    count: Annotated[int, Doc("acquisitions", "acquisitions")]
    share: Annotated[float, Doc("of the lock's acquisitions", "share")]
    predicted: Annotated[int | None, Doc("the model's, null where it has no exact number", "acquisitions")]
    jobs: Annotated[int, Doc("forks or jobs in the windows")]


class ChainRow(TypedDict):
    """A call chain that acquired a named lock, in all windows of a workload."""

    lock: Annotated[str, Doc("the lock")]
    workload: Annotated[str, Doc("the workload's name")]
    chain: Annotated[list[str], Doc("the kernel's functions, the lock function first, the entry of the kernel last")]
    counts: Annotated[dict[str, int], Doc("by arm", "acquisitions")]


class ByFunctionRow(TypedDict):
    """Instructions of a function in one window, per job: means over the layouts of memory."""

    arm: Annotated[str, Doc("the arm")]
    window: Annotated[str, Doc("the window's name")]
    unit: Annotated[str, Doc("what one job is")]
    function: Annotated[str, Doc("the kernel's; `[user]`, `[clock]` (at the window's ends) or `[others]`")]
    baseline_value: Annotated[float, Doc("the baseline's", "instructions per job")]
    arm_value: Annotated[float, Doc("the arm's", "instructions per job")]
    difference: Annotated[float, Doc("`arm_value` minus `baseline_value`; all add up to the whole", "as above")]
    low: Annotated[float | None, Doc("lower bound of the difference (t over the layouts)", "as above")]
    high: Annotated[float | None, Doc("upper bound", "as above")]
    beyond: Annotated[bool, Doc("the difference is beyond what layouts do")]
