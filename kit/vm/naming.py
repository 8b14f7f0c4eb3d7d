"""Titles of splats: from a report's lines, a title that names the function. Pure.

A title begins with the report's first line as printed. Then come the words of a warning, the locks of a lockdep report,
and " in " with the function, if the line does not name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MOST_TITLE = 300  # characters of a first line

# Reports about one lock: the other locks listed are merely held at the same time.
ONE_LOCK = frozenset({"lockdep-inconsistent", "lockdep-held-freed", "lockdep-held-in-user"})

# " (&anon_vma->rwsem){++++}-{3:3}, at: anon_vma_clone+0x1a/0x190".
HELD = re.compile(r"\((\S[^{]*)\)\{\S+\}(-\{\S+\})?, at: ")
RELEASED = re.compile(r"is trying to (?:release|contend) lock \((\S+)\) at")
TAKEN = re.compile(r"(?:\}, at:|\) at:) (?:\[<[^>]*>\] )?([A-Za-z_]\w*)[\w.]*\+0x")

# Suffixes of gcc (.isra.0, .constprop.0) are left out.
NAME = r"(?:\[<[^>]*>\] *)*\(?([A-Za-z_]\w*)[\w.$]*"
OFFSET = r"\+0x[0-9a-f]+"
# x86-64 and 32, 3.0's IP, arm64's and riscv's program counter.
REGISTERS = re.compile(rf"^ *(?:RIP: 0010:|IP: |EIP: |EIP is at |pc : |PC is at |epc : ){NAME}{OFFSET}")
FRAME = re.compile(rf"^ *{NAME}{OFFSET}/0x")
ARM = re.compile(r"^ *(?:\[<[0-9a-f]+>\] \()?([A-Za-z_]\w*)[\w.$]*(?:\+0x[0-9a-f]+/0x[0-9a-f]+)?\)? from ")
INLINED = re.compile(r"^ *([A-Za-z_]\w*)[\w.$]* +\S+:\d+ \[inline\]")
NAMED = re.compile(rf"\b([A-Za-z_]\w*)[\w.$]*{OFFSET}|\bBUG at (\w+):\d+|BUG: KCSAN: \S+ in (\w+)")
INTERRUPT_ENDS = re.compile(r"</IRQ>|<EOI>")
BACKTRACE = re.compile(r"^(stack backtrace:|Call Trace:|Call trace:|Backtrace:)")

# An interrupt finds where the CPU is: the frames of the interrupt itself come first and are skipped.
INTERRUPTED = frozenset({"rcu-stall", "soft-lockup", "hard-lockup", "nobody-cared"})

# The first line of these names the function of an object's timer or work, not the one at fault.
NAMES_OBJECTS = frozenset({"debugobjects"})

# The place of these says nothing: memory ran out somewhere, or an earlier oops is the reason.
NOWHERE = re.compile(r" invoked oom-killer|not syncing: Fatal exception")

# Functions in which a fault is detected or a task waits, but which are not at fault: their caller is.
HELPERS = re.compile(
    r"^_*("
    # reports, traps and what a compiler adds
    r"dump_\w+|show_\w+|print_\w+|report_\w+|k[acm]san_\w+|asan_\w+|msan_\w+|tsan_\w+|hwasan_\w+|kfence_\w+|ubsan_\w+"
    r"|sanitizer_cov_\w+|write_comp_data|cfi_\w+|check_memory_region\w*|memory_is_\w+|warn\w*|panic|vpanic|die\w*|oops_\w+"
    r"|no_context|bad_area\w*|\w*page_fault\w*|do_kern_addr_fault|fixup_\w+|exc_\w+|asm_\w+|do_trap\w*|do_error_trap"
    r"|(do_)?(invalid_op|general_protection|divide_error|double_fault|int3|debug|nmi)|error_\w+|handle_bug|stack_segment"
    r"|\w+_fault|do_(mem|sp_pc)_abort|el[01]\w*|bug_handler|brk_handler|do_undefinstr|do_DataAbort|dabt_\w+|raw_read[bwlq]"
    r"|handle_exception|ret_from_\w+|ftrace_\w+|stack_chk_\w+|fortify_\w+|usercopy_\w+|check_object_size|check_heap_\w+"
    r"|copy_overflow|debug_(print_object|check_no_obj\w*|object_\w+|mutex_\w+|smp_processor_id|spin_\w+)"
    r"|check_preemption_disabled|this_cpu_preempt_check|preempt_count_\w+|preempt_\w*schedule\w*|unwind_\w+|\w*stack_trace\w*"
    r"|save_stack\w*|stack_depot_\w+|stack_trace_\w+|arch_stack_walk|set_track\w*|\w*backtrace\w*|spin_bug|spin_dump|rwlock_bug"
    r"|x86_indirect_thunk_\w+|debug_lockdep_\w+|read_word_at_a_time|trace_\w+|perf_trace_\w+|should_fail\w*|skb_(panic|put|push"
    r"|pull|over_panic|under_panic)|assert_?fail\w*|btrfs_assertfail|ref_tracker_\w+|seqprop_\w+|kmemleak_\w+|create_object"
    # locks
    r"|lock_(acquire|release|is_held|pin|unpin)\w*|lockdep_\w+|trace_hardirqs\w*|trace_softirqs\w*|mark_\w*lock\w*"
    r"|validate_chain|check_(noncircular|prev_add|prevs_add|irq_usage|deadlock|usage\w*|wait_context|flags|prev_\w+)"
    r"|register_lock_class|assign_lock_key|look_up_lock_class|rcu_lockdep_\w+|(do_)?raw_(spin|read|write)\w*"
    r"|(native_)?queued_\w+|pv_queued_\w+|(spin|read|write)_(un)?lock\w*|\w*spin_lock\w*|mutex_(un|try)?lock\w*|mutex_\w+_lock"
    r"|ww_mutex_\w+|rwsem_\w+|(down|up)(_read|_write|_interruptible|_killable|_timeout|_trylock)*(_nested)?|rt_mutex_\w+"
    r"|rtlock_\w+|percpu_(down|up)_\w+|seqcount_\w+|arch_(spin|read|write)_\w+|rcu_read_(un)?lock\w*|local_bh_\w+"
    # waiting
    r"|schedule(_timeout|_preempt|_hrtimeout|_user|_idle|_debug|_rtlock|_bug)?\w*(?<!tail)|io_schedule\w*|switch_to|context_switch|might_\w+|cond_resched\w*|wait_(for|on|event)\w*|bit_wait\w*"
    r"|out_of_line_wait\w*|do_wait_for_\w+|folio_(wait|lock)\w*|wait_on_page\w*|lock_page\w*|completion\w*|wait_for_\w+"
    r"|synchronize_(rcu|sched|srcu)\w*|rcu_barrier\w*|smp_call_function\w*|on_each_cpu\w*|csd_\w+|prepare_to_wait\w*"
    r"|flush_work\w*|cancel_work\w*|drain_workqueue|wait_rcu_gp\w*|synchronize_net|kthread_stop|call_rwsem_\w+|ldsem_\w+|osq_lock"
    r"|mutex_optimistic_spin|(lock|release)_sock\w*|console_lock|del_timer\w*|timer_delete\w*|lock_timer_base|swait_\w+|swake_\w+|pick_next_task\w*|finish_task_switch\w*"
    # memory, strings, lists, counts
    r"|k[mzc]alloc\w*|kmalloc\w*|kmem_cache_\w*|kfree\w*|kvfree\w*|kvmalloc\w*|krealloc\w*|kmemdup\w*|kstr\w*dup\w*|vmalloc\w*"
    r"|vzalloc\w*|vfree\w*|v?slab_\w+|new_slab\w*|allocate_slab|free_\w*page\w*|alloc_\w*page\w*|get_page_from_\w+|bad_page\w*"
    r"|get_free_page\w*|put_page\w*|folio_put\w*|check_(slab|object|bytes\w*|poison\w*|new_page\w*|free_page\w*)|object_err|slub_\w+"
    r"|free_(debug|to_partial|pcppages|unref|pages|frozen)\w*|alloc_(debug|single)\w*|rcu_free_\w+|qlist_\w+|quarantine_\w+"
    r"|mem(cpy|set|move|cmp|chr|scan)\w*|str(n|l|s)?(len|nlen|cpy|cat|cmp|chr|rchr|str|sep|scpy|caseeq|casecmp)\w*"
    r"|(arch_)?(copy|clear)_(to|from|in|user|page)\w*|raw_copy_\w+|rep_\w+|(get|put)_user\w*|do_strncpy\w*|strn\w+_user"
    r"|list_(add|del|move|splice|replace|empty)\w*|hlist_\w+|plist_\w+|rb_(insert|erase|next|prev|first)\w*|refcount_\w+"
    r"|kref_\w+|kobject_(put|get)|(arch_)?atomic\w*|(test|set|clear|change)_(and_)?\w*bit\w*|find_(next|first)_\w*bit\w*"
    r"|(work|timer)_is_static_object|hex_(string|dump_to_buffer)|string(_nocheck)?|number|vs(c?n)?printf|pointer|radix_tree_\w+"
    r"|xas_\w+|xa_\w+|rhashtable_\w+|ida_\w+|idr_\w+|crc_itu_t|aes_(en|de)crypt|(kobject|device|sysfs|kernfs)_\w+|kobj_\w+"
    r"|fast_dput|dput|iput|drop_nlink|mark_buffer_dirty|(folio|page)_unlock|unlock_page|pcpu_\w+|alloc_inode|new_inode\w*"
    r"|k?v?as(n)?printf\w*|list_lru_\w+|sock_k?(m|z)alloc\w*|alloc_skb\w*|post_alloc_hook|prep_new_page\w*|set_page_owner"
    r"|phys_addr|virt_to_phys|read_once\w*|bitmap_\w+|percpu_ref_\w+|percpu_counter_\w+|this_cpu_\w+|csum_\w+|crc32\w*|static_key_\w+"
    # interrupts and the clock
    r"|nmi\w*|\w+_nmi\w*|\w*apic_timer\w*|sysvec_\w+|smp_apic_\w+|smp_\w*interrupt\w*|local_apic_\w+|do_IRQ|common_interrupt"
    r"|irq_(enter|exit)\w*|handle_irq\w*|generic_handle_\w+|(gic|plic)_\w+|arch_timer_\w+|riscv_timer\w*|call_on_irq_stack|do_interrupt_handler"
    r"|invoke_softirq|update_process_times|tick_\w+|hrtimer_(interrupt|run_queues)|run_hrtimer|hrtimer_run_queues"
    r"|scheduler_tick|sched_tick|watchdog_\w+|rcu_(check_\w+|pending|sched_clock\w*|dump_\w+|stall\w*)|perf_event_\w+|trigger_\w+"
    r"|arch_trigger_\w+|\w*send_(IPI|ipi)\w*|retint_\w+|ret_from_intr|restore_\w+|arch_local_irq_\w+|(delay|udelay|const_udelay|ndelay)\w*"
    r"|rdtsc\w*|native_\w+|default_(idle|send)\w*|pv_native_\w+|paravirt_\w+|kvm_\w*clock\w*|pvclock_\w+|cpu_relax"
    r")$"
)

# Where kit built the kernel. UBSAN names a file as the compiler was called with it: in 6.12 by its whole path.
OBJECTS = re.compile(r"/objects/[0-9a-f]{24}[\w-]*/src/")


def _without_folder(line: str) -> str:
    found = OBJECTS.search(line)
    return f"{line[: line.rfind(' ', 0, found.start()) + 1]}../src/{line[found.end() :]}" if found else line


def titled(kind: str, line: str, words: str, report: Sequence[str]) -> str:
    """The title of a splat. `line`: its first line; `words`: those of a warning; `report`: the lines that follow, of
    the same caller."""
    title = _without_folder(line.strip())[:MOST_TITLE]
    title = title.strip("[] ") if title.startswith("[ ") else title  # until 4.12: [ INFO: … ]
    if words:
        title = f"{title}: {words[:MOST_TITLE]}"
    if kind.startswith("lockdep-"):
        title = _with_locks(kind, title, report)
    function = "" if NOWHERE.search(title) else function_of(kind, title, report)
    return f"{title} in {function}" if function and not re.search(rf"\b{function}\b", title) else title


def _with_locks(kind: str, title: str, report: Sequence[str]) -> str:
    """Adds the locks' names, but not where they were taken: which of two places closes a cycle is chance."""
    locks = [match[1] for line in report[:5] if (match := RELEASED.search(line))]
    locks = locks or [match[1] for line in report if (match := HELD.search(line))]
    named = locks[: 1 if kind in ONE_LOCK else 2]
    return f"{title}: {' and '.join(sorted(set(named)))}" if locks else title


def function_of(kind: str, title: str, report: Sequence[str]) -> str:
    """The function that a report is about, or "": the one in its first line, else the first in the registers or the
    stack that is not a helper."""
    own = NAMED.search(title) if kind not in NAMES_OBJECTS else None
    name = next((group for group in own.groups() if group), "") if own else ""
    if name and not HELPERS.match(name):
        return name
    if kind.startswith("lockdep-"):
        taken = next((match[1] for line in report[:12] if (match := TAKEN.search(line))), "")
        if taken and not HELPERS.match(taken):
            return taken
        report = report[_first(BACKTRACE, report, 0) :]
    if kind in INTERRUPTED:
        registers = _first(REGISTERS, report, -1)
        report = report[registers if registers >= 0 else _first(INTERRUPT_ENDS, report, 0) :]
    return next((f for f in _functions(report) if not HELPERS.match(f)), name)


def _first(pattern: re.Pattern[str], lines: Sequence[str], otherwise: int) -> int:
    return next((i for i, line in enumerate(lines) if pattern.search(line)), otherwise)


def _functions(report: Sequence[str]) -> Iterator[str]:
    """The functions in registers and stacks, innermost first. Frames that the kernel marks as guesses (`?`) are left
    out, unless there are no others (UNWINDER_GUESS)."""
    kinds = (REGISTERS, FRAME, ARM, INLINED)
    sure = [m[1] for line in report if (m := next((m for kind in kinds if (m := kind.search(line))), None))]
    guessed = (m[1] for line in report if (m := FRAME.search(line.replace("? ", "", 1))))
    return iter(sure) if sure else guessed
