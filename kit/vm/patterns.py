"""The messages that kernels print when they fail, 2.6.38 to 7.3. Data only.

The words come from the format strings of 2.6.38, 3.0.1, 5.10, 6.1, 6.12 and 7.3, and of versions between them where a
row says so. tests/kernel/test_words.py checks them against every tree on the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Trust(Enum):
    """Where in a line the words of a row count as the kernel's. In a log without time stamps they count anywhere."""

    ANYWHERE = "no program prints them by chance"
    START = "behind a kernel's time stamp, or at the start of a line"
    STAMPED = "behind a kernel's time stamp"


@dataclass(frozen=True)
class Pattern:
    """One message.

    `word`: a string that every such line has (for a fast search). `source`: functions and the file they are in, as in
    "panic vpanic kernel/panic.c; die arch/…". `versions`: "4.9-5.15", "4.9-", "" for all that kit knows. `part`: which
    part of a report the line is; `then`: the parts that the same report prints after it, each once.
    """

    kind: str
    word: str
    regex: re.Pattern[str]
    source: str
    versions: str
    part: str
    then: tuple[str, ...]
    trust: Trust


# Kinds that are not failures.
NMI = "nmi"  # the answer to kit's own NMI, sent to a hanging guest (kit/vm/hang.py)
DETAIL = "detail"  # a later line of a report, or a harmless notice that uses a failure's words
NO_SPLAT = frozenset({NMI, DETAIL})


def _row(
    kind: str,
    word: str,
    regex: str,
    source: str,
    versions: str = "",
    part: str = "",
    then: tuple[str, ...] = (),
    trust: Trust = Trust.ANYWHERE,
) -> Pattern:
    return Pattern(kind, word, re.compile(regex), source, versions, part, then, trust)


def _oops(word: str, regex: str, source: str, versions: str = "") -> Pattern:
    """The first line of an oops; the line with its number (`[#1]`) follows."""
    return _row("oops", word, regex, source, versions, "bug", ("die",))


WORDS = ("warn", "bug", "die", "dump")


def _words(kind: str, word: str, regex: str, source: str, versions: str = "") -> Pattern:
    """The words of a WARN() or BUG(), which give its kind. They stand above its own line, or until 4.15 below it."""
    return _row(kind, word, regex, source, versions, "words", WORDS)


def _lockdep(kind: str, word: str, text: str, functions: str, versions: str = "") -> Pattern:
    """A lockdep report: WARNING: … since 4.13, [ INFO: … ] or [ BUG: … ] before; in kernel/lockdep.c until 3.11."""
    source = f"{functions} kernel/locking/lockdep.c; {functions} kernel/lockdep.c"
    return _row(f"lockdep-{kind}", word, rf"(INFO|WARNING|BUG): ({text})", source, versions)


def _detail(word: str, regex: str, source: str) -> Pattern:
    return _row(DETAIL, word, regex, source)


X86_TRAPS = "arch/x86/kernel/traps.c"

# The first row that matches a line decides its kind.
PATTERNS = (
    _row(NMI, "NMI: Not continuing", "NMI: Not continuing", "unknown_nmi_error arch/x86/kernel/nmi.c"),
    _detail("end Kernel panic", r"---\[ end Kernel panic", "panic vpanic kernel/panic.c, since 3.13"),
    _detail("kasan: bad access", "kasan: bad access detected", "print_address_description mm/kasan/report.c"),
    _detail("page dumped because", "page dumped because: (unmovable page|migration failure)", "mm/page_isolation.c"),
    _row("panic", "Kernel panic", "Kernel panic - not syncing", "panic vpanic kernel/panic.c"),
    #
    # Oopses.
    _row("list-corruption", "list_debug.c", r"kernel BUG at \S*lib/list_debug\.c", "report_bug, where"
         " list_debug.c's words are lost", part="bug", then=("die",)),
    _oops("ernel BUG at", r"[kK]ernel BUG at \S", "report_bug __report_bug lib/bug.c"),
    _oops("BUG: unable to", "BUG: unable to handle (kernel|page)", "show_fault_oops arch/x86/mm/fault.c"),
    _oops("kernel NULL", "BUG: kernel NULL pointer dereference", "show_fault_oops arch/x86/mm/fault.c", "5.1-"),
    _oops("stack guard page", r"BUG: .*stack guard page was hit", f"handle_stack_overflow {X86_TRAPS}", "4.9-"),
    _oops("PANIC: double", "PANIC: double fault", f"exc_double_fault do_double_fault {X86_TRAPS}; df_debug {X86_TRAPS}",
          "3.10-"),
    _oops("PANIC: early", "PANIC: early exception", "early_fixup_exception fixup_exception arch/x86/mm/extable.c",
          "4.7-"),
    _oops("Corrupted page", "Corrupted page table at address", "pgtable_bad arch/x86/mm/fault.c"),
    _oops("to handle kernel", r"Unable to handle kernel \S", "die_kernel_fault __do_kernel_fault arch/arm64/mm/fault.c;"
          " die_kernel_fault no_context arch/riscv/mm/fault.c", "3.7-"),
    _oops("Unhandled fault", r"Unhandled fault(: .{1,80})? at 0x", "do_DataAbort arch/arm/mm/fault.c; do_mem_abort"
          " arch/arm64/mm/fault.c", "3.7-5.10"),
    _oops("Insufficient stack", "Insufficient stack space to handle", "panic_bad_stack handle_bad_stack"
          " arch/arm64/kernel/traps.c; handle_bad_stack arch/riscv/kernel/traps.c", "4.14-"),
    _oops("Bad mode in", r"Bad mode in .{1,60} detected", "bad_mode arch/arm64/kernel/traps.c", "3.7-5.13"),
    _words("oops", "rust_kernel: ", "rust_kernel: panicked at", "panic rust/kernel/lib.rs", "6.1-"),
    _row("oops", "recursive fault", "Fixing recursive fault", "make_task_dead do_exit kernel/exit.c"),
    # With its number: "general protection fault: 0000 [#1] SMP", "Internal error: Oops: 96000004 [#1]", and riscv's
    # "Oops - illegal instruction [#1]".
    _row("oops", " [#", r"(: [0-9a-f]{4,16}|Internal error: .{1,80}|\bOops.{0,60}|Kernel BUG|Kernel stack overflow"
         r"|access fault) \[#\d+\]",
         "__die __die_header show_ip arch/x86/kernel/dumpstack.c; __die arch/arm64/kernel/traps.c", part="die"),
    #
    # Detectors of wrong memory accesses.
    _row("kasan", "BUG: K", "BUG: (KASAN|KASan|KFENCE): ", "kasan_report_error print_error_description"
         " start_report kasan_report_async mm/kasan/report.c; kfence_report_error mm/kfence/report.c", "4.0-",
         then=("track", "track")),
    _row("kcsan", "BUG: KCSAN", "BUG: KCSAN: ", "print_report kernel/kcsan/report.c", "5.8-"),
    _row("kmsan", "BUG: KMSAN", "BUG: KMSAN: ", "kmsan_print_origin kmsan_report mm/kmsan/report.c", "6.1-"),
    _words("ubsan", "UBSAN: ", "UBSAN: ", "ubsan_prologue lib/ubsan.c", "4.5-"),
    _words("list-corruption", "list_", "list_(add|del) (corruption|double add)", "__list_add __list_del_entry"
           " __list_add_valid __list_del_entry_valid __list_add_valid_or_report __list_del_entry_valid_or_report"
           " lib/list_debug.c"),
    _words("refcount", "refcount_t: ", "refcount_t: ", "refcount_warn_saturate refcount_dec_not_one lib/refcount.c",
           "4.11-"),
    _words("usercopy", "ernel memory ", "[kK]ernel memory (exposure|overwrite) attempt", "usercopy_abort"
           " report_usercopy mm/usercopy.c", "4.8-"),
    _words("usercopy", "Buffer overflow", "Buffer overflow detected", "copy_overflow __copy_overflow"
           " copy_from_user_overflow mm/maccess.c include/linux/thread_info.h arch/x86/lib/usercopy_32.c"),
    _words("fortify", "detected ", "detected (buffer overflow|field-spanning write)", "fortify_panic __fortify_report"
           " lib/string.c lib/string_helpers.c", "4.13-"),
    _words("cfi", "CFI failure", r"CFI failure( at|:| \()", "report_cfi_failure kernel/cfi.c; __cfi_check_fail"
           " kernel/cfi.c", "5.13-"),
    _words("debugobjects", "ODEBUG: ", r"ODEBUG: (.{1,80} \(active state|object\b.{1,60}annotated|selftest [a-oq-z])",
           "debug_print_object debug_object_is_on_stack lib/debugobjects.c"),
    #
    # The allocators.
    _row("slab", "BUG ", r"\bBUG \S.{0,60} \((Not t|T)ainted", "slab_bug __slab_bug mm/slub.c", "3.3-", "slab",
         ("track", "track", "slab-warn")),
    _row("slab", "slub.c:", r"WARNING: .{0,80}\bmm/slub\.c:\d+ (at )?(object_err|__slab_err)\b", "the end of any report"
         " of these functions since 6.15, and in 6.12 as stable has it", part="slab-warn"),
    _row("slab", "BUG ", r"^BUG \S+: ", "slab_bug mm/slub.c", "-3.2", then=("track", "track"), trust=Trust.STAMPED),
    _row("slab", "lab ", r"[sS]lab (corruption|error in)\b", "check_poison_obj __slab_error mm/slab.c", "-6.4"),
    _row("slab", "detected in cache", "slab: .{0,30}detected in cache", "slab_put_obj check_slabp mm/slab.c", "-6.4"),
    _row("slab", " age=", r"INFO: \w+ in \S+ age=", "print_track mm/slub.c", "-5.13", part="track"),
    _words("slab", "Wrong slab", "Wrong slab cache", "cache_from_obj mm/slab.h mm/slub.c", "3.12-6.12"),
    _row("page-state", "BUG: Bad ", r"BUG: Bad (page (state|map|cache)|rss-counter)", "bad_page mm/page_alloc.c;"
         " print_bad_pte print_bad_page_map mm/memory.c; check_mm kernel/fork.c", then=("dump",)),
    _row("page-state", "page dumped because", "page dumped because: ", "dump_page __dump_page dump_page_badflags"
         " mm/debug.c", "3.15-", "dump", ("warn", "bug", "die")),
    _row("page-state", ": bad p", r"\.[ch]:\d+: bad (pte|pmd|pud|p4d|pgd)\b", "pmd_ERROR pgd_ERROR"
         " arch/x86/include/asm/pgtable_64.h"),
    _row("page-state", "Bad ", r"\bBad (unused )?swap (file|offset) entry", "swap_duplicate swap_info_get"
         " __swap_duplicate swap_dup_entry_direct _swap_info_get get_swap_device mm/swapfile.c"),
    _row("page-poison", "pagealloc: ", "pagealloc: (memory corruption|single bit error)", "check_poison_mem"
         " mm/page_poison.c; check_poison_mem mm/debug-pagealloc.c", then=("dump",)),
    _row("page-allocation", "page allocation ", "page allocation (failure|stall)", "__alloc_pages_slowpath"
         " warn_alloc_failed mm/page_alloc.c"),
    _row("page-allocation", "vm", r"vmalloc(: allocation failure| error: size)|vmap allocation for size \d+ failed",
         "__vmalloc_area_node __vmalloc_node_range alloc_vmap_area mm/vmalloc.c"),
    _row("page-allocation", "SLUB: Unable", "SLUB: Unable to allocate memory on", "slab_out_of_memory mm/slub.c"),
    _row("kmemleak", "new suspected", r"\d+ new suspected memory leaks", "kmemleak_scan mm/kmemleak.c"),
    _row("kmemleak", "unreferenced", "unreferenced object.{0,20} 0x", "print_unreferenced __print_unreferenced"
         " mm/kmemleak.c", part="leak"),
    _row("kmemleak", "BUG: memory leak", "BUG: memory leak", "syzkaller's reader of kmemleak", then=("leak",)),
    _row("oom", "invoked oom-killer", " invoked oom-killer: ", "dump_header mm/oom_kill.c"),
    _row("maple-tree", "BUG at ", r"\bBUG at \w+:\d+ \(\d+\)", "MT_BUG_ON include/linux/maple_tree.h", "6.1-"),
    _row("maple-tree", "WARN at ", r"\bWARN at \w+:\d+ \(\d+\)", "MT_WARN_ON include/linux/maple_tree.h", "6.5-"),
    #
    # Stalls, hangs and lockups.
    _row("rcu-stall", "tall", r"(INFO: .{1,30}|rcu\w* |self-)detected (expedited )?stalls?\b", "print_cpu_stall"
         " print_other_cpu_stall rcu_check_gp_kthread_expired_fqs_timer kernel/rcu/tree_stall.h kernel/rcu/tree.c"
         " kernel/rcutree.c;"
         " synchronize_rcu_expedited_wait synchronize_sched_expedited_wait kernel/rcu/tree_exp.h;"
         " check_all_holdout_tasks kernel/rcu/tasks.h"),
    _row("rcu-stall", "exiting tasks stuck", "any exiting tasks stuck between calls", "tasks_rcu_exit_srcu_stall"
         " tasks_rcu_exit_stall kernel/rcu/tasks.h", "6.2-"),
    _row("hung-task", "for more than", r"(:\d+ blocked( in .{1,30})?|\bcan't die) for more than \d+ seconds",
         "check_hung_task hung_task_info kernel/hung_task.c"),
    _row("soft-lockup", "soft lockup", r"BUG: soft lockup - CPU#\d+", "watchdog_timer_fn kernel/watchdog.c"),
    _words("hard-lockup", "hard LOCKUP", "[dD]etected hard LOCKUP", "watchdog_overflow_callback"
           " watchdog_hardlockup_check kernel/watchdog.c kernel/watchdog_hld.c"),
    _row("workqueue-lockup", "workqueue lockup", "BUG: workqueue lockup", "wq_watchdog_timer_fn kernel/workqueue.c",
         "4.5-"),
    _row("csd-lock", "CSD lock", "non-responsive CSD lock", "csd_lock_wait_toolong kernel/smp.c", "5.9-"),
    _row("nobody-cared", "nobody cared", r"irq \d+: nobody cared", "__report_bad_irq kernel/irq/spurious.c"),
    #
    # Locks.
    _lockdep("circular", "circular locking", "(possible )?circular locking (dependency|deadlock)",
             "print_circular_bug_header print_circular_bug"),
    _lockdep("recursive", "recursive locking", "possible recursive locking", "print_deadlock_bug"),
    _lockdep("irq-inversion", "irq lock inversion", "possible irq lock inversion", "print_irq_inversion_bug"),
    _lockdep("irq-unsafe", "unsafe lock order", r"\S+-safe -> \S+-unsafe lock order", "print_bad_irq_dependency"),
    _lockdep("inconsistent", "inconsistent lock", "inconsistent lock state", "print_usage_bug"),
    _lockdep("unbalanced", "detected!", "bad (unlock balance|contention) detected", "print_unlock_imbalance_bug"
             " print_unlock_inbalance_bug print_lock_contention_bug"),
    _lockdep("held-freed", "held lock freed", "held lock freed", "print_freed_lock_bug"),
    _lockdep("held-at-exit", " held", r"(\S.{0,40}/\d+ still has locks held|lock held at task exit)",
             "print_held_locks_bug"),
    _lockdep("held-in-user", "returning to user", "lock held when returning to user", "lockdep_sys_exit"),
    _lockdep("nested", "Nested lock", "Nested lock was not taken", "print_lock_nested_lock_not_held", "3.8-"),
    _lockdep("context", "Invalid wait", "Invalid wait context", "print_lock_invalid_wait_context", "5.7-"),
    _row("lockdep-chain-key", "chain_key", r"(WARNING: |\[)chain_key collision", "print_collision"
         " kernel/locking/lockdep.c", "4.6-"),
    _lockdep("rcu", "suspicious", "suspicious (RCU|rcu_dereference)", "lockdep_rcu_suspicious"
             " lockdep_rcu_dereference"),
    _lockdep("key", " key", r"trying to register non-static key|key \S+ (not in \.data|has not been registered)",
             "register_lock_class lockdep_init_map lockdep_init_map_type assign_lock_key"),
    _lockdep("limits", " too low", r"MAX_(LOCK|STACK_TRACE)\w+ too low", "print_lockdep_off __lock_acquire save_trace"
             " register_lock_class"),
    _lockdep("limits", "invalid subclass", "looking up invalid subclass", "look_up_lock_class"),
    _row("sleep-in-atomic", "from invalid", "BUG: sleeping function called from invalid", "__might_resched"
         " ___might_sleep __might_sleep kernel/sched/core.c kernel/sched.c"),
    _row("sleep-in-atomic", "scheduling ", "BUG: scheduling (while|in a)|bad: scheduling from the idle",
         "__schedule_bug kernel/sched/core.c kernel/sched.c"),
    _row("spinlock", "lock", "BUG: (spin|rw|read-|write-)lock ", "spin_dump spin_bug rwlock_bug"
         " kernel/locking/spinlock_debug.c lib/spinlock_debug.c"),
    #
    # Other faults that a kernel finds in itself.
    _row("unwinder", "WARNING: ", r"WARNING: (WARNING: )?(kernel stack (regs|frame pointer) at|stack recursion"
         r"|bad lookup (idx|value)|(Bad or missing|Corrupt) \.orc_unwind|missing \w+ value at|unknown \w+ base reg"
         r"|can't (access|read) .{0,10}registers|unknown \.orc_unwind|stack going in the wrong)",
         "unwind_next_frame arch/x86/kernel/unwind_frame.c arch/x86/kernel/unwind_orc.c", "4.9-"),
    _row("kobject", "kobject", r"kobject.{0,80}(tried to init an initialized|tried to add an uninitialized"
         "|invalid kobject pointer|must have a ktype)", "kobject_init kobject_add lib/kobject.c", then=("warn",)),
    _words("kobject", "create duplicate", "cannot create duplicate filename", "sysfs_warn_dup sysfs_add_one"
           " fs/sysfs/dir.c"),
    _row("bug", "file count is 0", "VFS: Close: file count is 0", "filp_close filp_flush fs/open.c"),
    _words("bug", "Busy inodes", "VFS: Busy inodes after unmount", "generic_shutdown_super fs/super.c"),
    _row("bug", "unregister_net", r"unregister_netdevice: waiting for \S+ to become free", "netdev_wait_allrefs"
         " netdev_wait_allrefs_any net/core/dev.c"),
    _row("bug", "entered softirq", "huh, entered softirq", "handle_softirqs __do_softirq kernel/softirq.c"),
    _row("bug", "psi: ", "psi: (inconsistent task state|task underflow)", "psi_group_change psi_flags_change"
         " kernel/sched/psi.c", "4.20-"),
    _row("bug", "ERROR: ", r"ERROR: (!SD_|domain->|group|empty group|repeated CPUs|parent span|flag \S+ set here)",
         "sched_domain_debug_one kernel/sched/topology.c kernel/sched.c", trust=Trust.STAMPED),
    _row("bug", "returned with", r"initcall \S+ returned with (?!error code)\S", "do_one_initcall init/main.c"),
    _row("bug", "Flags mismatch", r"Flags mismatch irq \d+", "__setup_irq kernel/irq/manage.c", "3.8-"),
    _row("bug", "sysctl ", "sysctl (table check failed|duplicate entry)", "sysctl_err fs/proc/proc_sysctl.c", "3.5-"),
    _row("bug", "alive neighbour", "Destroying alive neighbour", "neigh_destroy net/core/neighbour.c"),
    _row("bug", "low stack", "low stack detected by irq handler", "print_stack_overflow arch/x86/kernel/irq_32.c"),
    _row("warning", "WARNING: ", r"WARNING: (\[.{1,200}\] )?(CPU: \d+ PID: \d+ )?([^\s:]+:\d+ )?at \S",
         "__warn warn_slowpath_common kernel/panic.c; report_bug lib/bug.c", part="warn"),
    #
    # Harmless notices in a failure's words, and then whatever is left.
    _detail("WARNING: ", "(Spectre|Speculative|MDS|TAA|RETBleed|L1TF|ITS).{0,40}: WARNING: ",
            "arch/x86/kernel/cpu/bugs.c"),
    _detail("WARNING: ", "WARNING: (.{0,80}mitigation|CPU does not support|kernel not compiled with|retbleed=)",
            "arch/x86/kernel/cpu/bugs.c"),
    _detail("WARNING: ", "WARNING: (polling idle and HT|'bootconfig' found|BIOS bug|bogus zero IO-APIC|Your 'console=)",
            "arch/x86, init/main.c, drivers/tty: of the machine, and of the command line"),
    _detail("WARNING: ", "WARNING: .{0,60}(deprecat|prohibited)", "fs/namespace.c and others"),
    _detail("WARNING: ", "(?i)WARNING: `.{1,20}' uses ", "kernel/capability.c, net/wireless/wext-core.c"),
    _detail("WARNING: ", r"\w+ ?\(\S+\): WARNING: ", "file systems, of what lies on a disk"),
    _detail("WARNING: ", "WARNING: (/|fbcon: )", "of a program's file; drivers/video/fbdev/core/fbcon.c"),
    _row("bug", "BUG: ", r"\bBUG: \S", "printk() of any file", trust=Trust.START),
    _row("warning", "WARNING: ", r"\bWARNING: \S", "pr_warn() of any file", trust=Trust.STAMPED),
    _row("bug", "INFO:", r"\bINFO: ?$", "any report, where the rest of the line is lost", trust=Trust.STAMPED),
)
