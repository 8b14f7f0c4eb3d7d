"""Whether more of a metric is better, from its name and its unit.

Only whole units of a closed table decide, never a part of a word: `files_per_sec` does, `error_rate`, `drops` and
`score` do not. A word that reverses the meaning of a unit (`lost packets/s`, `uptime_s`, `stddev_ms`) leaves the
direction open.
"""

from __future__ import annotations

import re

from kit.outside.lkp_facts import fact_of
from kit.outside.words import words

TIMES = words(
    "ns nsec nsecs nanosecond nanoseconds us µs μs usec usecs microsecond microseconds ms msec msecs millisecond"
    " milliseconds s sec secs second seconds minutes hours"
)
BARE_SECONDS = frozenset(("s", "sec"))  # after a word these may mean `per second`: files_s, images_sec
PERIODS = TIMES | words("min minute h hr hour day")
BYTES = words("b kb mb gb tb kib mib gib tib byte bytes kbyte kbytes mbyte mbytes gbyte gbytes")
BITS = words("bit bits kbit kbits mbit mbits gbit gbits")
COUNTED = words(
    "op ops operation operations bogo-ops job jobs task tasks file files request requests req reqs query queries"
    " transaction transactions txn txns message messages msg msgs packet packets pkt pkts iteration iterations iter"
    " iters loop loops call calls syscall syscalls fork forks exec execs spawn spawns clone clones open opens create"
    " creates read reads write writes lookup lookups insert inserts update updates get gets set sets row rows record"
    " records event events frame frames image images pixel pixels sample samples token tokens item items element"
    " elements key keys hash hashes sign signs verify page pages block blocks sector sectors io ios connection"
    " connections session sessions user users test tests run runs build builds compile compiles work works node"
    " nodes point points flop flops kflop kflops mflop mflops gflop gflops tflop tflops inst insts instruction"
    " instructions step steps"
)
WORK = BYTES | BITS | COUNTED
PRICES = TIMES | BYTES | words("alloc allocs cycle cycles clocks instruction instructions joule joules")
PER = COUNTED | {"byte"}  # what a price is for
MORE = words(
    "ops iops kiops miops tps qps rps fps bps kbps mbps gbps tbps kibps mibps gibps mips mwips kflops mflops gflops"
    " tflops pflops lps pps kpps mpps jobs/min"
)
QUANTITIES = {"latency": False, "throughput": True, "bandwidth": True}  # if they are the last word
# Words for something other than the work or the time itself.
TURNED = words(
    "error errors err errs fail fails failed failure failures lost loss drop drops dropped retransmit retransmits"
    " retransmitted retrans retry retries miss misses missed timeout timeouts abort aborts aborted rollback"
    " rollbacks conflict conflicts overrun overruns stall stalls stalled fault faults bad corrupt corrupted invalid"
    " wasted waste rejected discarded skipped throttled throttling evicted stolen steal idle uptime lifetime mtbf"
    " interval period deadline budget battery sleep limit target expected ttl timestamp since until overhead"
    " interrupt interrupts irq irqs migrations stddev std stdev sd variance var cv jitter deviation dev spread skew"
    " noise saved saving savings gain gains improvement improved reduction reduced faster slower margin slack"
    " headroom diff delta change collision collisions leak leaks leaked unused free cancelled canceled bounced"
    " blocked stale"
)
# Words of times, before a bare `s` or `sec`.
CLOCKED = words(
    "time elapsed real user sys system wall cpu duration latency runtime mean avg average median max p50 p90 p95"
    " p99 p999 total build boot startup setup wait delay response makespan took lap start stop load compile exec"
    " task"
)
BRACKETED = re.compile(r"[(\[]([^()\[\]]+)[)\]]\s*$")
PARTS = re.compile(r"[\s._,:;()\[\]=-]+")


def direction_of(metric: str, unit: str = "") -> bool | None:
    """Whether more is better; None if nothing says so."""
    known, more = fact_of(metric)
    if known:
        return more
    parts = [w for w in PARTS.split(metric.lower().replace("/", " / ")) if w]
    if TURNED & {*parts, *PARTS.split(unit.lower())}:
        return None
    if not unit and (bracketed := BRACKETED.search(metric)):
        unit = bracketed[1]
    if unit:
        return _of_unit([w for w in PARTS.split(unit.lower().replace("/", " / ")) if w])
    return _of_name(parts)


def _of_unit(parts: list[str]) -> bool | None:
    """The direction of a separate unit: all of its words count."""
    if parts[-1:] and len(parts) == 1:
        return _of_word(parts[0])
    return _of_fraction(parts) if _is_fraction(parts) else None


def _of_name(parts: list[str]) -> bool | None:
    """The direction from the end of a name."""
    if not parts:
        return None
    if _is_fraction(parts):
        return _of_fraction(parts)
    last, before = parts[-1], parts[-2] if len(parts) > 1 else ""
    if last in BARE_SECONDS:
        return True if before in COUNTED | BYTES | BITS and before not in CLOCKED else _seconds_of(before)
    return QUANTITIES[last] if last in QUANTITIES else _of_word(last)


def _seconds_of(before: str) -> bool | None:
    return False if not before or before in CLOCKED else None


def _of_word(word: str) -> bool | None:
    if word in TIMES:
        return False
    return True if word in MORE else None


def _is_fraction(parts: list[str]) -> bool:
    return len(parts) > 2 and parts[-2] in ("/", "per")


def _of_fraction(parts: list[str]) -> bool | None:
    """`work / time`: more is better; `price / work`: less. Parts before these three only name the metric."""
    above, below = parts[-3], parts[-1]
    if below in PERIODS and above in WORK:
        return True
    return False if above in PRICES and below in PER else None
