"""Messages that read like a failure but are none: data for tests/kernel/words.py, each row with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

SUSPICIOUS = re.compile(
    r"\bBUG\b|WARNING|\bINFO: |\bERROR\b|PANIC|\b[Oo]ops|[Cc]orrupt|[Ll]ockup|LOCKUP|\bstall|\b[Ll]eaks?\b|[Dd]eadlock|"
    r"[Oo]verflow|[Uu]nable to handle|nobody cared|blocked|double free|use.after.free|non-responsive"
    r"|stuck|\b[Bb]ad\b|[Uu]nhandled"
)

FILES = (
    "kernel/panic.c", "kernel/hung_task.c", "kernel/softlockup.c", "kernel/watchdog*.c", "kernel/smp.c", "kernel/cfi.c",
    "kernel/exit.c", "kernel/fork.c", "kernel/softirq.c", "kernel/workqueue.c", "kernel/lockdep.c", "kernel/sched.c",
    "kernel/rcutree*.[ch]", "kernel/rcutiny*.[ch]", "kernel/rtmutex-debug.c", "kernel/locking/lockdep.c",
    "kernel/locking/spinlock_debug.c", "kernel/locking/rtmutex*.c", "kernel/locking/mutex-debug.c",
    "kernel/rcu/tree*.[ch]", "kernel/rcu/tasks.h", "kernel/rcu/update.c", "kernel/rcu/tiny.c", "kernel/rcu/srcu*.c",
    "kernel/sched/core.c", "kernel/sched/topology.c", "kernel/sched/psi.c", "kernel/sched/idle.c",
    "kernel/irq/spurious.c", "kernel/kcsan/report.c", "kernel/printk/printk.c", "lib/bug.c", "lib/debugobjects.c",
    "lib/list_debug.c", "lib/refcount.c", "lib/ubsan.c", "lib/string.c", "lib/string_helpers.c", "lib/maple_tree.c",
    "lib/spinlock_debug.c", "lib/kobject.c", "lib/smp_processor_id.c", "include/linux/maple_tree.h", "mm/slub.c",
    "mm/slab.c", "mm/slab_common.c", "mm/page_alloc.c", "mm/show_mem.c", "mm/memory.c", "mm/debug.c",
    "mm/page_poison.c", "mm/debug-pagealloc.c", "mm/kmemleak.c", "mm/usercopy.c", "mm/maccess.c", "mm/oom_kill.c",
    "mm/vmalloc.c", "mm/filemap.c", "mm/swapfile.c", "mm/mempool.c", "mm/pgtable-generic.c", "mm/kasan/report*.c",
    "mm/kfence/report.c", "mm/kmsan/report.c", "arch/x86/kernel/traps.c", "arch/x86/kernel/dumpstack*.c",
    "arch/x86/kernel/irq_*.c", "arch/x86/kernel/unwind*.c", "arch/x86/kernel/doublefault*.c", "arch/x86/kernel/nmi.c",
    "arch/x86/mm/fault.c", "arch/x86/mm/extable.c", "arch/arm64/kernel/traps.c", "arch/arm64/mm/fault.c",
    "arch/riscv/kernel/traps.c", "arch/riscv/mm/fault.c", "fs/open.c", "fs/super.c", "fs/dcache.c",
)  # fmt: skip


@dataclass(frozen=True)
class Excuse:
    """`file` and `text`: patterns for the file's name, and for the message."""

    file: str
    text: str
    because: str


DETAIL = "a line of a report that has another for its first"
STATE = "says how a detector is set, or that it gave up; the kernel goes on"
OVER = "a stall that is over"

EXCUSES = (
    Excuse("nmi.c", "^INFO: NMI handler .* took too long", "a slow machine's"),
    Excuse("unwind_orc.c", "^WARNING: $", "a macro's beginning; what follows it is heard"),
    Excuse("mm/fault.c", "^MCE: Killing", "of the memory's hardware"),
    Excuse("", "^Thread overran stack, or stack corrupted$", DETAIL),
    Excuse("hung_task.c", r"^INFO: task \S+ (<\w+> )?(is )?blocked on an? (mutex|semaphore|rw-semaphore)", DETAIL),
    Excuse("", "^INFO: lockdep is turned off", STATE),
    Excuse("kernel/rcu|rcutree", r"^INFO: (Expedited s|S)tall ended", OVER),
    Excuse("kernel/rcu|rcutree", "^\t", STATE),
    Excuse("kernel/rcu", "^rcu: \t", STATE),
    Excuse("topology.c", "^ERROR: forking$", "its words are its caller's"),
    Excuse("watchdog.c", "Delayed init of the lockup detector|lockup watchdog for .* failed|during lockup:$", STATE),
    Excuse("spurious.c", "^IRQ lockup detection disabled", STATE),
    Excuse("workqueue.c", "^WARNING: Flushing system-wide workqueues|^Showing backtraces of", "a notice; a detail"),
    Excuse("filemap.c", "^Page cache invalidation failure on direct I/O", "of a program that writes in two ways"),
    Excuse("kfence/report.c", "^Corrupted memory at", DETAIL),
    Excuse("oom_kill.c", "^Huh VM_FAULT_OOM leaked", "the fault is tried again"),
    Excuse("slub.c", r"^INFO: (Object |Slab |0x)", DETAIL),
    Excuse("slub.c", r"^(Object|Freepointer|Freechain|page slab pointer) corrupt", "an argument of slab_bug()"),
    Excuse("slub.c", "[Cc]orrupti(ng|on) ", "a test of SLUB's own"),
    Excuse("arm64|riscv", r"^forking\[7\]: unhandled (exception|signal)", "of a program"),
    Excuse("arm64|riscv", r"^Overflow stack: \[0x", DETAIL),
    Excuse("dumpstack", "^ Bad [ER]IP value", DETAIL),
    Excuse("lockdep.c", "^lockdep:forking bad (path found|BFS)", DETAIL),
    Excuse("rtmutex", "blocked|deadlocking current task|turning off deadlock detection", DETAIL),
    Excuse("", "bad option string|bad CPU range|^Bad debug_guardpage", "of the command line"),
    Excuse("kernel/smp.c", "got unstuck", OVER),
    Excuse("workqueue.c", "^ stuck for", DETAIL),
    Excuse("maple_tree.c", r"^\(ma_overflow\)", DETAIL),
    Excuse("mm/slab.c", "double free|Single bit error detected", "an argument of slab_error(), or a detail of one"),
    Excuse("swapfile.c", "swap header version|[Bb]ad slot", "of what lies in a swap file"),
    Excuse("vmalloc.c", "^tree is corrupted", "of DEBUG_AUGMENT_*_CHECK, which no option sets"),
    Excuse("kmemleak.c", r"^kmemleak: +(backtrace|comm|min_count|count|flags|checksum|\.\.\.)", DETAIL),
    Excuse("kmemleak.c", r"^kmemleak: (Object\w* 0x|Unknown object at|Found object by|object->use_count)", DETAIL),
    Excuse("kmemleak.c", r"^kmemleak: forking\(0x", "pr_debug()"),
    Excuse("kmemleak.c", "^kmemleak: (Cannot allocate|Failed to create|Automatic memory|Memory pool|Early log)", STATE),
    Excuse("kmemleak.c", "^kmemleak: (Kernel memory leak detector|Kmemleak) (disabled|initialized)", STATE),
)
