"""The directions of lkp's metrics (`benchmark.metric`).

They are those of intel/lkp-tests, etc/index-perf*.yaml and index-latency*.yaml (November 2026), for the benchmarks in
common use; tests/bench/lkp_directions.py compares all of its metrics with kit's answers. What monitors record beside a
benchmark (`time.*`, `perf-stat.*`) has no direction: more context switches may well be an improvement.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from kit.outside.words import words

MORE, LESS = True, False
FACTS: tuple[tuple[str, bool], ...] = (
    ("aim7.jobs-per-min", MORE),
    ("aim9.*.ops_per_sec", MORE),
    ("apachebench.requests_per_second", MORE),
    ("autonuma-benchmark.*.seconds", LESS),
    ("blogbench.*_score", MORE),
    ("boot-time.boot", LESS),
    ("boot-time.dhcp", LESS),
    ("coremark.iterations_per_sec", MORE),
    ("dbench.max_latency", LESS),
    ("dbench.throughput*MB/s*", MORE),
    ("ebizzy.throughput.per_thread.stddev_percent", LESS),
    ("exit-free.duration", LESS),
    ("filebench.sum_operations/s", MORE),
    ("fio.*_bw_MBps", MORE),
    ("fio.*_iops", MORE),
    ("fio.*_us", LESS),
    ("fsmark.app_overhead", LESS),
    ("fsmark.files_per_sec", MORE),
    ("ftrace-onoff.ops", MORE),
    ("fxmark.*.works/sec", MORE),
    ("iozone.average_KBps", MORE),
    ("iperf.*.bps", MORE),
    ("kbuild.*_per_iteration", LESS),
    ("kbuild.build-time", LESS),
    ("kernbench.elapsed_time", LESS),
    ("linkbench.requests/s", MORE),
    ("linpack.GFlops", MORE),
    ("netperf.Throughput_Mbps", MORE),
    ("netperf.Throughput_tps", MORE),
    ("netperf.Throughput_total_Mbps", MORE),
    ("netperf.Throughput_total_tps", MORE),
    ("nepim.*.kbps_in", MORE),
    ("nepim.*.kbps_out", MORE),
    ("perf-bench-futex.ops/s", MORE),
    ("perf-bench-numa-mem.GB_sec_*", MORE),
    ("perf-bench-sched-pipe.ops_per_sec", MORE),
    ("pft.faults_per_sec_per_cpu", MORE),
    ("pgbench.tps", MORE),
    ("postmark.transactions", MORE),
    ("qperf.*bw", MORE),
    ("qperf.*.latency", LESS),
    ("reaim.jobs_per_min", MORE),
    ("redis.*_throughput_rps", MORE),
    ("specjbb2015.*-jOPS", MORE),
    ("stream.*_bandwidth_MBps", MORE),
    ("stress-ng.*_per_sec", MORE),
    ("sysbench-*.throughput_*/s", MORE),
    ("thrulay.jitter", LESS),
    ("thrulay.RTT", LESS),
    ("tlbflush.mem_acc_cost_ns_time", LESS),
    ("unixbench.score", MORE),
    ("vm-scalability.median", MORE),
    ("vm-scalability.migrate_mbps", MORE),
    ("vm-scalability.stddev", LESS),
    ("will-it-scale.*_ops", MORE),
    ("will-it-scale.scalability", MORE),
    ("*.throughput", MORE),
)
# The first word of metrics that lkp's monitors and its own bookkeeping record.
MONITORS = words(
    "boot-meminfo boot-memory boot-slabinfo boot-time cpuidle cpufreq diskstats dmesg interrupts iostat kmsg"
    " kernel-size latency_stats lock_stat meminfo memmap mpstat numa-meminfo numa-numastat numa-vmstat nfs-iostat"
    " nfsstat perf-c2c perf-mem perf-node perf-profile perf-sched perf-stat perf-stat-tests pmeter proc-vmstat"
    " sched_debug schedstat slabinfo softirqs stderr turbostat vmstat zoneinfo"
)
GNU_TIME = re.compile(  # metrics of time(1), as lkp names them, at the start or after the benchmark's name
    r"(?:^|\.)time\.(?:elapsed_time|user_time|system_time|percent_of_cpu_this_job_got|\w+_page_faults|\w+_faults"
    r"|\w+_context_switches|file_system_\w+|maximum_resident_set_size|average_\w+|page_size|signals_delivered|swaps"
    r"|socket_messages_\w+|exit_status)(?:\.max)?$"
)
PTS = "pts."  # Phoronix tests under lkp: `s` and `ms` are whatever a result file called its scale, times or rates


def fact_of(metric: str) -> tuple[bool, bool | None]:
    """(whether lkp's names decide it, whether more is better); None as the second if nobody can say."""
    for pattern, more in FACTS:
        if fnmatchcase(metric, pattern):
            return True, more
    if is_monitor(metric) or metric.startswith(PTS):
        return True, None
    return False, None


def is_monitor(metric: str) -> bool:
    """Whether a monitor recorded it beside a benchmark: it is shown, and decides only if the user names it."""
    first, dot, _ = metric.partition(".")
    return (bool(dot) and (first in MONITORS or first.startswith("perf-stat"))) or bool(GNU_TIME.search(metric))
