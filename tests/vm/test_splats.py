"""Splats are found in consoles that have them, and not in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.vm.lines import messages
from kit.vm.patterns import NO_SPLAT, PATTERNS
from kit.vm.reports import row_of
from kit.vm.splats import EXCERPT_LINES, MOST_ALIKE, MOST_NAMED, classify, first_fatal, kind_of

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def test_a_good_boot_has_none() -> None:
    log = (GOLDEN / "console-6.1-good.log").read_text()
    assert "kit: done" in log
    assert classify(log) == []


def test_a_real_panic_is_found_once_with_its_line() -> None:
    log = (GOLDEN / "console-6.1-panic.log").read_text()
    [splat] = classify(log)
    assert splat.kind == "panic"
    assert splat.title.startswith("Kernel panic - not syncing: Attempted to kill init!")
    assert "Kernel panic" in log.split("\n")[splat.line - 1]
    assert "Call Trace:" in splat.excerpt
    assert len(splat.excerpt.split("\n")) <= EXCERPT_LINES


@pytest.mark.parametrize("name", ["broken-3.0-null-in-fork", "broken-6.1-warn-in-clone", "broken-2.6.38-warn-in-clone"])
def test_an_excerpt_ends_where_the_report_does(name: str) -> None:
    first = classify((GOLDEN / f"{name}.log").read_text())[0]
    assert "---[ end trace" in first.excerpt.split("\n")[-1]


# As kernels print them, 2.6.38 to 7.3; kit.vm.patterns says which function of which versions.
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("[    1.0] kernel BUG at mm/rmap.c:123!", "oops"),
        ("[    1.0] kernel BUG at lib/list_debug.c:50!", "list-corruption"),
        ("[    1.0] invalid opcode: 0000 [#1] SMP", "oops"),
        ("[    1.0] BUG: unable to handle kernel NULL pointer dereference at (null)", "oops"),
        ("[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008", "oops"),
        ("[    1.0] general protection fault, probably for non-canonical address 0xdead: 0000 [#1] PREEMPT", "oops"),
        ("[    1.0] WARNING: CPU: 1 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20", "warning"),
        ("[    1.0] WARNING: at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20()", "warning"),
        ("[    1.0] WARNING: possible circular locking dependency detected", "lockdep-circular"),
        ("[    1.0] [ INFO: possible recursive locking detected ]", "lockdep-recursive"),
        ("[    1.0] [ INFO: inconsistent lock state ]", "lockdep-inconsistent"),
        ("[    1.0] [ BUG: bad unlock balance detected! ]", "lockdep-unbalanced"),
        ("[    1.0] WARNING: suspicious RCU usage", "lockdep-rcu"),
        ("[    1.0] BUG: MAX_LOCK_DEPTH too low!", "lockdep-limits"),
        ("[    1.0][    T1] rcu: INFO: rcu_sched self-detected stall on CPU", "rcu-stall"),
        ("[    1.0] INFO: rcu_sched_state detected stalls on CPUs/tasks: { 1} (detected by 0)", "rcu-stall"),
        ("[    1.0] INFO: task worker:23 blocked for more than 122 seconds.", "hung-task"),
        ("[    1.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: soft lockup - CPU#0 stuck for 61s! [worker:23]", "soft-lockup"),
        ("[    1.0] BUG: sleeping function called from invalid context at mm/slab.h:1", "sleep-in-atomic"),
        ("[    1.0] BUG: Bad page state in process worker  pfn:0123", "page-state"),
        ("[    1.0] WARNING: possible irq lock inversion dependency detected", "lockdep-irq-inversion"),
        ("[    1.0] WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected", "lockdep-irq-unsafe"),
        ("[    1.0] WARNING: held lock freed!", "lockdep-held-freed"),
        ("[    1.0] [ BUG: held lock freed! ]", "lockdep-held-freed"),
        ("[    1.0] WARNING: worker/23 still has locks held!", "lockdep-held-at-exit"),
        ("[    1.0] [ BUG: lock held at task exit time! ]", "lockdep-held-at-exit"),
        ("[    1.0] WARNING: lock held when returning to user space!", "lockdep-held-in-user"),
        ("[    1.0] [ BUG: lock held when returning to user space! ]", "lockdep-held-in-user"),
        ("[    1.0] WARNING: Nested lock was not taken", "lockdep-nested"),
        ("[    1.0] [ BUG: Invalid wait context ]", "lockdep-context"),
        ("[    1.0] WARNING: chain_key collision", "lockdep-chain-key"),
        ("[    1.0] INFO: trying to register non-static key.", "lockdep-key"),
        ("[    1.0] INFO: suspicious rcu_dereference_check() usage.", "lockdep-rcu"),
        ("[    1.0] BUG: scheduling while atomic: worker/23/0x00000002", "sleep-in-atomic"),
        ("[    1.0] BUG: spinlock bad magic on CPU#0, worker/23", "spinlock"),
        ("[    1.0] BUG: workqueue lockup - pool cpus=0", "workqueue-lockup"),
        ("[    1.0] Watchdog detected hard LOCKUP on cpu 1", "hard-lockup"),
        ("[    1.0] BUG: KASAN: use-after-free in unlink_anon_vmas+0x1b/0x20", "kasan"),
        ("[    1.0] BUG: KFENCE: use-after-free read in unlink_anon_vmas+0x1b/0x20", "kasan"),
        ("[    1.0] BUG: KCSAN: data-race in a / b", "kcsan"),
        ("[    1.0] UBSAN: array-index-out-of-bounds in mm/rmap.c:420:12", "ubsan"),
        ("[    1.0] list_del corruption, ffff888003333000->next is LIST_POISON1 (dead000000000100)", "list-corruption"),
        ("[    1.0] list_add double add: new=ffff888003333000, prev=", "list-corruption"),
        ("[    1.0] refcount_t: underflow; use-after-free.", "refcount"),
        ("[    1.0] BUG anon_vma (Not tainted): Redzone overwritten", "slab"),
        ("[    1.0] BUG anon_vma_chain: Poison overwritten", "slab"),
        ("[    1.0] WARNING: ../src/mm/slub.c:1257 at object_err+0x177/0x182, CPU#0: sh/31", "slab"),
        ("[    1.0] WARNING: CPU: 0 PID: 31 at mm/slub.c:1127 object_err+0x177/0x182", "slab"),
        ("[    1.0] WARNING: CPU: 0 PID: 31 at mm/slub.c:1127 slab_alloc+0x177/0x182", "warning"),
        ("[    1.0] BUG: Bad rss-counter state mm:00000000 type:MM_ANONPAGES val:1", "page-state"),
        ("[    1.0] worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0", "oom"),
        ("[    1.0] Kernel panic - not syncing: Attempted to kill init!", "panic"),
        ("[    1.0] Kernel panic - not syncing: NMI: Not continuing", "nmi"),
        ("[    1.0] BUG: non-zero pgtables_bytes on freeing mm: 4096", "bug"),
        ("[    1.0] WARNING: at mm/rmap.c:420", "warning"),
        ("[    1.0] WARNING: at ffffffff81096b1b [verbose debug info unavailable]", "warning"),
        ("[    1.0] WARNING: CPU: 0 PID: 1 at unlink_anon_vmas+0x1b/0x20", "warning"),
        ("[    1.0] WARNING: mm/rmap.c:420 at unlink_anon_vmas+0x1b/0x20, CPU#0: forking/23", "warning"),
        ("[    1.0] WARNING: at unlink_anon_vmas+0x1b/0x20, CPU#0: forking/23", "warning"),
        ("[    1.0] WARNING: [!avc->anon_vma] mm/rmap.c:420 at unlink_anon_vmas+0x1b/0x20, CPU#0: a b/23", "warning"),
        ("[    1.0] WARNING: ../src/mm/rmap.c:420 at 0x0, CPU#1: worker/9", "warning"),
        ("[    1.0] WARNING: what nobody has heard of yet", "warning"),
        ("[    1.0] Kernel BUG at unlink_anon_vmas+0x1b/0x20 [verbose debug info unavailable]", "oops"),
        ("[    1.0] kernel BUG at unlink_anon_vmas+0x1b/0x20 [verbose debug info unavailable]", "oops"),
        ("[    1.0] BUG: unable to handle kernel paging request at ffff8801d100fea8", "oops"),
        ("[    1.0] BUG: unable to handle page fault for address: ffffc90000123000", "oops"),
        ("[    1.0] BUG: unable to handle kernel ", "oops"),
        (
            "[    1.0] BUG: stack guard page was hit at 00000000aaaa0000 (stack is 00000000aaaa1000..00000000aaaa8000)",
            "oops",
        ),
        ("[    1.0] BUG: TASK stack guard page was hit at ffffc900 (stack is ffffc901..ffffc908)", "oops"),
        ("[    1.0] BUG: IRQ stack guard page was hit at ffffc900 (stack is ffffc901..ffffc908)", "oops"),
        ("[    1.0] kernel stack overflow (double-fault): 0000 [#1] SMP", "oops"),
        ("[    1.0] traps: PANIC: double fault, error_code: 0x0", "oops"),
        ("[    1.0] PANIC: double fault, error_code: 0x0", "oops"),
        ("[    0.0] PANIC: early exception 0x0d IP 10:ffffffff81096b1b error 0 cr2 0xffff888003400000", "oops"),
        ("[    1.0] forking: Corrupted page table at address 7ffe2000", "oops"),
        ("[    1.0] Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP", "oops"),
        ("[    1.0] Oops: 0002 [#2] ", "oops"),
        ("[    1.0] divide error: 0000 [#1] PREEMPT SMP NOPTI", "oops"),
        ("[    1.0] Fixing recursive fault but reboot is needed!", "oops"),
        ("[    1.0] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008", "oops"),
        ("[    1.0] Unable to handle kernel paging request at virtual address dead000000000108", "oops"),
        (
            "[    1.0] Unable to handle kernel access to user memory without uaccess routines at virtual address 0c",
            "oops",
        ),
        ("[    1.0] Internal error: Oops: 0000000096000044 [#1] PREEMPT SMP", "oops"),
        ("[    1.0] Internal error: Oops - BUG: 00000000f2000800 [#1] PREEMPT SMP", "oops"),
        ("[    1.0] Internal error: synchronous external abort: 96000010 [#1] SMP", "oops"),
        ("[    1.0] Bad mode in Error handler detected on CPU0, code 0xbf000002 -- SError", "oops"),
        ("[    1.0] Unhandled fault: page domain fault (0x01b) at 0x00000ea3", "oops"),
        ("[    1.0] rust_kernel: panicked at mm/rmap.rs:4:5:", "oops"),
        ("[    1.0] Insufficient stack space to handle exception!", "oops"),
        ("[    1.0] Oops - illegal instruction [#1]", "oops"),
        ("[    1.0] Oops [#1]", "oops"),
        ("[    1.0] Kernel BUG [#1]", "oops"),
        ("[    1.0] load access fault [#1]", "oops"),
        ("[    1.0] BUG: KASan: use after free in unlink_anon_vmas+0x1b/0x20 at addr ffff880003333000", "kasan"),
        ("[    1.0] BUG: KASAN: double-free or invalid-free in kfree+0x1b/0x20", "kasan"),
        ("[    1.0] BUG: KMSAN: uninit-value in unlink_anon_vmas+0x1b/0x20", "kmsan"),
        ("[    1.0] UBSAN: Undefined behaviour in mm/rmap.c:420:12", "ubsan"),
        ("[    1.0] UBSAN: integer addition overflow in unlink_anon_vmas+0x1b/0x20", "ubsan"),
        (
            "[    1.0] list_add corruption. prev->next should be next (ffff888003333000), but was NULL. (prev=f).",
            "list-corruption",
        ),
        (
            "[    1.0] usercopy: Kernel memory exposure attempt detected from SLUB object 'a' (offset 0, size 9)!",
            "usercopy",
        ),
        (
            "[    1.0] usercopy: kernel memory overwrite attempt detected to ffff8800 (<process stack>) (8 bytes)",
            "usercopy",
        ),
        ("[    1.0] Buffer overflow detected (8 < 16)!", "usercopy"),
        ("[    1.0] detected buffer overflow in memcpy", "fortify"),
        ("[    1.0] strnlen: detected buffer overflow: 9 byte read of buffer size 8", "fortify"),
        (
            '[    1.0] memcpy: detected field-spanning write (size 16) of single field "a" at mm/rmap.c:4 (size 8)',
            "fortify",
        ),
        (
            "[    1.0] CFI failure at unlink_anon_vmas+0x1b/0x20 (target: g+0x0/0x10; expected type: 0x0badcafe)",
            "cfi",
        ),
        ("[    1.0] CFI failure (target: anon_vma_ctor+0x0/0x10):", "cfi"),
        ("[    1.0] ODEBUG: free active (active state 0) object type: timer_list hint: foo+0x0/0x10", "debugobjects"),
        (
            "[    1.0] ODEBUG: assert_init not available (active state 0) object: ff80 object type: rcu_head hint: 0",
            "debugobjects",
        ),
        ("[    1.0] ODEBUG: object 00000000aaaa is on stack 00000000aaab, but NOT annotated.", "debugobjects"),
        ("[    1.0] BUG kmalloc-64 (Tainted: G    B W        ): Freechain corrupt", "slab"),
        ("[    1.0] BUG vm_area_struct: Object already free", "slab"),
        ("[    1.0] slab error in verify_redzone_free(): cache `anon_vma': double free detected", "slab"),
        ("[    1.0] Slab corruption (Not tainted): anon_vma start=ffff8880, len=64", "slab"),
        ("[    1.0] INFO: Freed in unlink_anon_vmas+0x14/0x20 age=624 cpu=0 pid=3", "slab"),
        ("[    1.0] BUG: Bad page map in process worker  pte:80000000 pmd:0123", "page-state"),
        ("[    1.0] BUG: Bad page cache in process worker  pfn:0123", "page-state"),
        ("[    1.0] cache_from_obj: Wrong slab cache. anon_vma but object is from vm_area_struct", "slab"),
        (
            "[    1.0] slab: Internal list corruption detected in cache 'anon_vma'(8), slabp ffff8880(2). Hexdump:",
            "slab",
        ),
        ("[    1.0] vmalloc error: size 4096, page order 0, failed to allocate pages, mode:0xcc0", "page-allocation"),
        ("[    1.0] BUG: memory leak", "kmemleak"),
        ("[    1.0] ERROR: domain->span does not contain CPU1", "bug"),
        ("[    1.0] initcall anon_vma_init+0x0/0x20 returned with preemption imbalance ", "bug"),
        ("[    1.0] genirq: Flags mismatch irq 4. 00000000 (serial) vs. 00000080 (other)", "bug"),
        ("[    1.0] sysctl duplicate entry: /kernel/hung_task_warnings", "bug"),
        ("[    1.0] neighbour: Destroying alive neighbour ffff888003333000", "bug"),
        ("[    1.0] low stack detected by irq handler", "bug"),
        ("[    1.0] INFO: ", "bug"),
        ("[    1.0] page dumped because: VM_BUG_ON_PAGE(PageTail(page))", "page-state"),
        ("[    1.0] ../mm/pgtable-generic.c:54: bad pmd 00000000f2a2c3c5(8000000000000000)", "page-state"),
        ("[    1.0] swap_info_get: Bad swap file entry 3ffffffffffff", "page-state"),
        ("[    1.0] pagealloc: memory corruption", "page-poison"),
        ("[    1.0] pagealloc: single bit error", "page-poison"),
        ("[    1.0] forking: page allocation failure. order:4, mode:0xd0", "page-allocation"),
        (
            "[    1.0] a b: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_ZERO), nodemask=(null)",
            "page-allocation",
        ),
        (
            "[    1.0] forking: page allocation stall for 10 secs: order:0, mode:0xcc0(GFP_KERNEL) nodemask=(null)",
            "page-allocation",
        ),
        ("[    1.0] SLUB: Unable to allocate memory on node -1, gfp=0xcc0(GFP_KERNEL)", "page-allocation"),
        ("[    1.0] kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "kmemleak"),
        ("[    1.0] kmemleak: unreferenced object 0xffff888003333000 (size 64):", "kmemleak"),
        ("[    1.0] BUG at mas_validate_gaps:7001 (1)", "maple-tree"),
        ("[    1.0] WARN at mas_validate_child_slot:7001 (1)", "maple-tree"),
        ("[    1.0] INFO: rcu_bh_state detected stall on CPU 1 (t=15000 jiffies)", "rcu-stall"),
        (
            "[    1.0] rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... } 21 jiffies s: 5",
            "rcu-stall",
        ),
        ("[    1.0] INFO: rcu_tasks detected stalls on tasks:", "rcu-stall"),
        ("[    1.0] rcu_tasks: Please check any exiting tasks stuck between calls to a and b", "rcu-stall"),
        ("[    1.0] Unhandled fault at 0xffff000008080000", "oops"),
        (
            "[    1.0] rcu: INFO: rcu_preempt detected stall, but suppressed full report due to a stuck CSD-lock.",
            "rcu-stall",
        ),
        ("[    1.0] INFO: task forking:23 blocked in I/O wait for more than 15 seconds.", "hung-task"),
        ("[    1.0] INFO: task a b c:23 blocked for more than 15 seconds.", "hung-task"),
        ("[    1.0] watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1", "hard-lockup"),
        ("[    1.0] NMI watchdog: Watchdog detected hard LOCKUP on cpu 1", "hard-lockup"),
        (
            "[    1.0] smp: csd: Detected non-responsive CSD lock (#1) on CPU#0, waiting 9 ns for CPU#01 f+0x0/0x9(f).",
            "csd-lock",
        ),
        ('[    1.0] irq 9: nobody cared (try booting with the "irqpoll" option)', "nobody-cared"),
        ("[    1.0] [ BUG: circular locking deadlock detected! ]", "lockdep-circular"),
        ("[    1.0] [ INFO: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected ]", "lockdep-irq-unsafe"),
        ("[    1.0] [ BUG: bad contention detected! ]", "lockdep-unbalanced"),
        ("[    1.0] [ BUG: worker/23 still has locks held! ]", "lockdep-held-at-exit"),
        ("[    1.0] [chain_key collision ]", "lockdep-chain-key"),
        ("[    1.0] [ INFO: suspicious RCU usage. ]", "lockdep-rcu"),
        ("[    1.0] [ INFO: suspicious rcu_dereference_check() usage. ]", "lockdep-rcu"),
        ("[    1.0] BUG: key ffff888003333000 has not been registered!", "lockdep-key"),
        ("[    1.0] BUG: key ffff880003333000 not in .data!", "lockdep-key"),
        ("[    1.0] BUG: looking up invalid subclass: 8", "lockdep-limits"),
        ("[    1.0] BUG: MAX_STACK_TRACE_ENTRIES too low!", "lockdep-limits"),
        ("[    1.0] bad: scheduling from the idle thread!", "sleep-in-atomic"),
        ("[    1.0] BUG: scheduling in a non-blocking section: worker/23/1", "sleep-in-atomic"),
        ("[    1.0] BUG: rwlock bad magic on CPU#0, worker/23, 00000000aaaa0000", "spinlock"),
        ("[    1.0] BUG: write-lock lockup on CPU#0, worker/23, ffff880003333000", "spinlock"),
        (
            "[    1.0] WARNING: kernel stack regs at 00000000aaaa0000 in a:23 has bad 'bp' value 00000000bbbb0000",
            "unwinder",
        ),
        (
            "[    1.0] WARNING: kernel stack frame pointer at 00000000aaaa in a:1 has bad value 00000000bbbb0000",
            "unwinder",
        ),
        ("[    1.0] WARNING: stack recursion on stack type 5", "unwinder"),
        ("[    1.0] WARNING: WARNING: bad lookup idx: idx=5 num=4 ip=unlink_anon_vmas+0x1b/0x20", "unwinder"),
        ("[    1.0] WARNING: can't access registers at asm_exc_page_fault+0x1b/0x20", "unwinder"),
        ("[    1.0] kobject (ffff8880): tried to init an initialized object, something is seriously wrong.", "kobject"),
        ("[    1.0] sysfs: cannot create duplicate filename '/kernel/mm'", "kobject"),
        ("[    1.0] VFS: Busy inodes after unmount of loop0. Self-destruct in 5 seconds.  Have a nice day...", "bug"),
        ("[    1.0] VFS: Close: file count is 0", "bug"),
        ("[    1.0] unregister_netdevice: waiting for lo to become free. Usage count = 2", "bug"),
        (
            "[    1.0] huh, entered softirq 4 BLOCK ffffffff81096b1b with preempt_count 00000100, exited with 0?",
            "bug",
        ),
        ("[    1.0] psi: inconsistent task state! task=23:forking cpu=0 psi_flags=4 clear=1 set=0", "bug"),
        ("[    1.0] BUG: workqueue leaked lock or atomic: kworker/0:1/0x00000001/23", "bug"),
        ("[    1.0] BUG: using smp_processor_id() in preemptible [00000000] code: worker/23", "bug"),
        ("[    1.0] ---[ end Kernel panic - not syncing: Fatal exception ]---", "detail"),
        ("[    1.0] page dumped because: unmovable page", "detail"),
        ("[    1.0] FAULT_INJECTION: forcing a failure.", None),
        ("[    1.0] Speculative Return Stack Overflow: WARNING: kernel not compiled with CPU_SRSO.", "detail"),
        ("[    1.0] ITS: WARNING: Spectre-v2 mitigation is off, disabling ITS", "detail"),
        ("[    1.0] process: WARNING: polling idle and HT enabled, performance may degrade", "detail"),
        ("[    1.0] WARNING: 'bootconfig' found on the kernel command line but not set.", "detail"),
        ("[    1.0] workqueue: WARNING: Flushing system-wide workqueues will be prohibited in near future.", "detail"),
        ("[    1.0] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on", "detail"),
        ("[    1.0] DEBUG: nothing", None),
        ("[    1.0] INFO: lockdep is turned off.", None),
        ("[    1.0] INFO: NMI handler (perf_event_nmi_handler) took too long to run: 2.277 msecs", None),
        ("[    1.0] ODEBUG: Out of memory. ODEBUG disabled", None),
        ("[    1.0] ODEBUG: selftest passed", None),
        ("[    1.0] rcu: INFO: Stall ended before state dump start", None),
        ("[    1.0] smp: csd: CSD lock (#1) got unstuck on CPU#00, CPU#01 released the lock.", None),
        ("[    1.0] INFO: task a:23 is blocked on a mutex likely owned by task b:24.", None),
        ("[    1.0] request [#12] done", None),
        ("[    1.0] worker: step: 7 [#12]", None),
        ("[    1.0] worker: no detected stalls", None),
        ("[    1.0] sysrq: Show Blocked State", None),
        ("[    1.0] NMI backtrace for cpu 0", None),
        ("[    1.0] Uhhuh. NMI received for unknown reason 30 on CPU 0.", None),
        (
            "[    1.0] traps: a[3615] general protection fault ip:7feb96eb56a1 sp:20000fd0 error:0 in a[7feb+84000]",
            None,
        ),
        ("[    1.0] worker[23]: segfault at 0 ip 0000000000401000", None),
        ("[    1.0] stalls are detected elsewhere", None),
    ],
)
def test_lines_have_their_kind(line: str, kind: str | None) -> None:
    assert kind_of(line) == kind


def test_an_oops_is_one_splat_and_the_panic_after_it_another() -> None:
    log = "\n".join(
        [
            "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008",
            "[    1.0] Oops: 0000 [#1] SMP",
            "[    1.0] ---[ end trace 0000000000000000 ]---",
            "[    1.1] Kernel panic - not syncing: Fatal exception",
        ]
    )
    assert [(s.kind, s.line) for s in classify(log)] == [("oops", 1), ("panic", 4)]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["BUG: non-zero pgtables_bytes on freeing mm: 4096"], None),
        (["list_del corruption, f->next is NULL", "WARNING: CPU: 0 PID: 1 at lib/list_debug.c:5 f+0x1/0x2"], None),
        (["list_del corruption, f->next is NULL", "kernel BUG at lib/list_debug.c:5!"], "list-corruption"),
        (["list_del corruption, f->next is NULL", "kernel BUG at a.c:5!", "Oops: 0000 [#1]"], "list-corruption"),
        (["detected buffer overflow in memcpy", "kernel BUG at lib/string.c:5!"], "fortify"),
        (["refcount_t: addition on 0; use-after-free.", "Kernel panic - not syncing: none"], "panic"),
    ],
)
def test_what_ends_in_an_oops_is_fatal(texts: list[str], kind: str | None) -> None:
    fatal = first_fatal(classify("".join(f"[    1.0] {text}\n" for text in texts)))
    assert (fatal.kind if fatal else None) == kind


def test_two_warnings_are_two_splats() -> None:
    one = "[    1.0] WARNING: at a.c:1 f()\r\n[    1.0] ---[ end trace 0 ]---\r\n"
    assert [s.line for s in classify(one + one)] == [1, 3]


def test_a_corrupt_list_is_one_splat_not_a_warning_besides() -> None:
    log = "\n".join(
        [
            "[    1.0] ------------[ cut here ]------------",
            "[    1.0] list_del corruption, ffff888003333000->next is LIST_POISON1 (dead000000000100)",
            "[    1.0] WARNING: CPU: 0 PID: 23 at lib/list_debug.c:56 __list_del_entry_valid+0x61/0xc0",
            "[    1.0] ---[ end trace 0000000000000000 ]---",
        ]
    )
    assert [(s.kind, s.line) for s in classify(log)] == [("list-corruption", 2)]


def test_a_warning_with_words_says_them() -> None:
    log = "---------[ cut here ]---\nsem is not held\nWARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n---[ end trace 0 ]---"
    [splat] = classify(log.replace("---------[", "------------["))
    assert splat.title == "WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2: sem is not held"
    assert splat.excerpt.startswith("sem is not held\n")


def test_every_kind_of_the_table_is_tried_here() -> None:
    tried = {mark.args[1][i][1] for mark in test_lines_have_their_kind.pytestmark for i in range(len(mark.args[1]))}
    assert {pattern.kind for pattern in PATTERNS} <= tried


def test_every_row_of_the_table_is_heard_here() -> None:
    [mark] = test_lines_have_their_kind.pytestmark
    tried = {row for line, _ in mark.args[1] for m in messages(line) if (row := row_of(m, False))}
    assert [row.regex.pattern for row in PATTERNS if row not in tried and row.kind not in NO_SPLAT] == []


def test_a_flood_of_alike_lines_is_not_named_each() -> None:
    log = "".join(f"[    1.0] BUG: bad {n}\n[    1.0]  f{chr(97 + n % 26)}_x+0x1/0x2\n" for n in range(2000))
    assert MOST_ALIKE <= len(classify(log)) <= MOST_NAMED


def test_of_many_alike_the_first_are_kept() -> None:
    log = "".join(f"list_del corruption, ffff{n:04x}->next is NULL\n---[ end trace {n} ]---\n" for n in range(500))
    assert [s.line for s in classify(log + "BUG: other\n")] == [1, 3, 5, 1001]
    assert MOST_ALIKE == 3
