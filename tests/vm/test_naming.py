"""Titles name the function that a report is about, not the helpers that found the fault."""

from __future__ import annotations

import pytest

from kit.vm.naming import HELPERS, titled
from kit.vm.splats import classify

X86 = [
    "CPU: 0 PID: 23 Comm: a",
    "RIP: 0010:{}+0x1a/0x190",
    "Code: 90",
    "Call Trace:",
    " <TASK>",
    " anon_vma_fork+0x1/0x2",
]


@pytest.mark.parametrize(
    ("kind", "lines", "function"),
    [
        ("oops", ["BUG: kernel NULL pointer dereference, address: 8", *X86], "anon_vma_clone"),
        (
            "oops",
            ["kernel BUG at mm/rmap.c:1!", "RIP: 0010:[<ffffffff81>]  [<ffffffff81>] anon_vma_clone+0x1/0x2"],
            "anon_vma_clone",
        ),
        (
            "oops",
            ["BUG: unable to handle kernel paging request at f", "IP: [<ffffffff81>] anon_vma_clone+0x1/0x2"],
            "anon_vma_clone",
        ),
        (
            "oops",
            ["BUG: unable to handle page fault for address: f", "EIP: anon_vma_clone.isra.0+0x1/0x2"],
            "anon_vma_clone",
        ),
        (
            "oops",
            ["BUG: unable to handle kernel paging request at f", "EIP is at anon_vma_clone+0x1/0x2"],
            "anon_vma_clone",
        ),
        (
            "oops",
            [
                "Unable to handle kernel paging request at virtual address f",
                "pc : anon_vma_clone+0x1/0x2",
                "lr : other+0x1/0x2",
                "Call trace:",
            ],
            "anon_vma_clone",
        ),
        (
            "oops",
            ["Unable to handle kernel paging request at virtual address f", "PC is at anon_vma_clone.part.3+0x1/0x2"],
            "anon_vma_clone",
        ),
        ("oops", ["Oops [#1]", "epc : anon_vma_clone+0x72/0xb2", " ra : other+0x70/0xb2"], "anon_vma_clone"),
        (
            "oops",
            [
                "Unhandled fault: page domain fault (0x01b) at 0x0",
                "PC is at 0x0",
                "Backtrace:",
                "[<802b4048>] (dump_backtrace) from [<80>] (show_stack+0x18/0x1c)",
                "[<802b4048>] (anon_vma_clone) from [<80>] (anon_vma_fork+0x18/0x1c)",
            ],
            "anon_vma_clone",
        ),
        (
            "oops",
            [
                "BUG: kernel NULL pointer dereference, address: 8",
                "RIP: 0010:memcpy_erms+0x6/0x10",
                "Call Trace:",
                " ? guess+0x1/0x2",
                " anon_vma_clone+0x1/0x2",
            ],
            "anon_vma_clone",
        ),
        (
            "oops",
            [
                "BUG: kernel NULL pointer dereference, address: 8",
                "RIP: 0033:0x7f",
                "Call Trace:",
                " [<ffffffff81>] anon_vma_clone+0x1/0x2",
            ],
            "anon_vma_clone",
        ),
        (
            "refcount",
            [
                "refcount_t: underflow; use-after-free.",
                "WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 f+0x1/0x2",
                "RIP: 0010:refcount_warn_saturate+0x1/0x2",
                "Call Trace:",
                " put_anon_vma+0x1/0x2",
            ],
            "put_anon_vma",
        ),
        (
            "sleep-in-atomic",
            [
                "BUG: sleeping function called from invalid context at mm/slab.h:1",
                "Call Trace:",
                " dump_stack_lvl+0x1/0x2",
                " __might_resched+0x1/0x2",
                " kmem_cache_alloc+0x1/0x2",
                " anon_vma_clone+0x1/0x2",
            ],
            "anon_vma_clone",
        ),
        (
            "hung-task",
            [
                "INFO: task a:23 blocked for more than 15 seconds.",
                "task:a state:D",
                "Call Trace:",
                " __schedule+0x1/0x2",
                " schedule+0x1/0x2",
                " io_schedule+0x1/0x2",
                " folio_wait_bit_common+0x1/0x2",
                " swap_readpage+0x1/0x2",
            ],
            "swap_readpage",
        ),
        (
            "hung-task",
            [
                "INFO: task a:23 blocked for more than 15 seconds.",
                "Call Trace:",
                " __schedule+0x1/0x2",
                " rwsem_down_write_slowpath+0x1/0x2",
                " unlink_anon_vmas+0x1/0x2",
            ],
            "unlink_anon_vmas",
        ),
        (
            "soft-lockup",
            [
                "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:23]",
                "CPU: 0",
                "RIP: 0010:unlink_anon_vmas+0x1/0x2",
            ],
            "unlink_anon_vmas",
        ),
        (
            "rcu-stall",
            [
                "rcu: INFO: rcu_sched self-detected stall on CPU",
                "Call Trace:",
                " <IRQ>",
                " rcu_dump_cpu_stacks+0x1/0x2",
                " odd_irq_thing+0x1/0x2",
                " </IRQ>",
                "RIP: 0010:unlink_anon_vmas+0x1/0x2",
            ],
            "unlink_anon_vmas",
        ),
        (
            "rcu-stall",
            [
                "INFO: rcu_sched_state detected stall on CPU 0 (t=9 jiffies)",
                "Call Trace:",
                " <IRQ>  [<f>] odd+0x1/0x2",
                " <EOI>  [<ffffffff81>] ? x+0x1/0x2",
                " [<ffffffff81>] unlink_anon_vmas+0x1/0x2",
            ],
            "unlink_anon_vmas",
        ),
        (
            "ubsan",
            [
                "UBSAN: shift-out-of-bounds in mm/rmap.c:388:11",
                "Call Trace:",
                " dump_stack+0x1/0x2",
                " __ubsan_handle_shift_out_of_bounds+0x1/0x2",
                " anon_vma_clone+0x1/0x2",
            ],
            "anon_vma_clone",
        ),
        (
            "lockdep-rcu",
            [
                "WARNING: suspicious RCU usage",
                "stack backtrace:",
                "Call Trace:",
                " lockdep_rcu_suspicious+0x1/0x2",
                " anon_vma_clone+0x1/0x2",
            ],
            "anon_vma_clone",
        ),
        (
            "page-allocation",
            [
                "a: page allocation failure: order:4, mode:0xdc0",
                "Call Trace:",
                " dump_stack+0x1/0x2",
                " warn_alloc+0x1/0x2",
                " __alloc_pages+0x1/0x2",
                " kmalloc_order+0x1/0x2",
                " dup_mm+0x1/0x2",
            ],
            "dup_mm",
        ),
        (
            "debugobjects",
            [
                "ODEBUG: free active (active state 0) object: f object type: timer_list hint: foo+0x0/0x9",
                "RIP: 0010:debug_print_object+0x1/0x2",
                " exit_mmap+0x1/0x2",
            ],
            "exit_mmap",
        ),
        ("unwinder", ["WARNING: kernel stack regs at f in a:23 has bad 'bp' value f"], ""),
        ("slab", ["BUG a (Not tainted): Poison overwritten", "Call Trace:", " ? one+0x1/0x2", " ? two+0x1/0x2"], "one"),
    ],
)
def test_a_title_names_the_function(kind: str, lines: list[str], function: str) -> None:
    lines = [line.format("anon_vma_clone") for line in lines]
    title = titled(kind, lines[0], "", lines[1:])
    assert title == (f"{lines[0]} in {function}" if function else lines[0])
    [splat] = classify("".join(f"[    1.0][   T1] {line}\n[    1.0][   T2] other_task+0x1/0x2\n" for line in lines))
    assert (splat.kind, splat.title) == (kind, title)


@pytest.mark.parametrize(
    "line",
    [
        "BUG: KASAN: slab-use-after-free in unlink_anon_vmas+0x1b/0x20",
        "WARNING: mm/rmap.c:420 at unlink_anon_vmas+0x1b/0x20, CPU#0: forking/23",
        "BUG: KCSAN: data-race in unlink_anon_vmas / anon_vma_clone",
        "CFI failure at unlink_anon_vmas+0x1b/0x20 (target: g+0x0/0x10; expected type: 0x0badcafe)",
        "BUG at mas_validate_gaps:7001 (1)",
    ],
)
def test_what_the_line_names_is_not_named_again(line: str) -> None:
    assert titled("kasan", line, "", X86) == line


def test_a_helper_that_the_line_names_is_followed_by_who_called_it() -> None:
    report = ["Call Trace:", " dump_stack+0x1/0x2", " __list_del_entry_valid+0x1/0x2", " unlink_anon_vmas+0x1/0x2"]
    line = "BUG: KASAN: use-after-free in __list_del_entry_valid+0x15e/0x170"
    assert titled("kasan", line, "", report) == f"{line} in unlink_anon_vmas"
    assert titled("kasan", line, "", []) == line


@pytest.mark.parametrize(
    "name", ["unlink_anon_vmas", "anon_vma_clone", "dup_mm", "copy_process", "exit_mmap", "do_fork"]
)
def test_no_function_of_the_seeds_own_is_a_helper(name: str) -> None:
    assert HELPERS.match(name) is None


def test_a_title_is_of_the_report_not_of_the_numbers_in_it() -> None:
    first, second = (
        titled("oops", f"BUG: unable to handle page fault for address: {address}", "", [f"RIP: 0010:f_x+{offset}/0x9"])
        for address, offset in (("ffff888003400000", "0x1"), ("ffffc90000123000", "0x5"))
    )
    assert first.split(": ")[-1].split(" ", 1)[1] == second.split(": ")[-1].split(" ", 1)[1] == "in f_x"


def test_a_line_without_an_end_is_cut() -> None:
    assert len(titled("bug", "BUG: " + "x" * 10000, "", [])) < 400
