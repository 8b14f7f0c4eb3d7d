"""Each report is found once, wherever its lines are, whatever the kernel's version and whoever else prints."""

from __future__ import annotations

import pytest

from kit.vm.splats import classify


def found(log: str) -> list[tuple[str, str]]:
    return [(splat.kind, splat.title) for splat in classify(log)]


def kinds(log: str) -> list[str]:
    return [splat.kind for splat in classify(log)]


def stamped(*texts: str, caller: str = "") -> str:
    return "".join(f"[    4.{n:06d}]{caller} {text}\n" for n, text in enumerate(texts))


def test_a_warning_since_6_19_says_the_place_first() -> None:
    log = stamped(
        "------------[ cut here ]------------",
        "WARNING: mm/rmap.c:420 at unlink_anon_vmas+0x1b/0x20, CPU#0: forking/23",
        "Call Trace:",
        "---[ end trace 0000000000000000 ]---",
    )
    assert found(log) == [("warning", "WARNING: mm/rmap.c:420 at unlink_anon_vmas+0x1b/0x20, CPU#0: forking/23")]


def test_a_task_that_waits_for_its_disk_hangs_too() -> None:
    log = stamped("INFO: task forking:23 blocked in I/O wait for more than 15 seconds.", "      Not tainted 7.3.4 #1")
    assert kinds(log) == ["hung-task"]


def test_options_of_a_users_own_each_have_their_report() -> None:
    log = stamped(
        "kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        "pagealloc: memory corruption",
        "BUG at mas_validate_gaps:7001 (1)",
        "forking: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO), nodemask=(null)",
        "WARNING: kernel stack regs at 00000000aaaa0000 in forking:23 has bad 'bp' value 00000000bbbb0000",
    )
    assert kinds(log) == ["kmemleak", "page-poison", "maple-tree", "page-allocation", "unwinder"]


def test_a_stack_guard_page_of_4_9_is_an_oops() -> None:
    log = stamped(
        "BUG: stack guard page was hit at 00000000aaaa0000 (stack is 00000000aaaa1000..00000000aaaa8000)",
        "kernel stack overflow (page fault): 0000 [#1] SMP",
        "RIP: 0010:anon_vma_clone+0x1a/0x190",
    )
    assert [(kind, title.endswith(" in anon_vma_clone")) for kind, title in found(log)] == [("oops", True)]


PANIC = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000b00"
WARNING = "WARNING: CPU: 0 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20"
BUG = "BUG: non-zero pgtables_bytes on freeing mm: 4096"


@pytest.mark.parametrize("text", [PANIC, WARNING, BUG, "WARNING: foo", "BUG: KASAN: use-after-free in foo+0x1/0x2"])
@pytest.mark.parametrize(
    "before",
    [
        "[    4.500000] ",
        "[    4.500000][    T1] ",
        "[ 1448.582383][    C1] ",
        "[  T12] ",
        "[    C0] ",
        "<4>[    4.500000] ",
        "<0>[    4.500000][   T23] ",
        "starting worker 3 of 4[    4.500000] ",
        "[    4.499999] a line of another CPU, cut[    4.500000][    C1] ",
        "Nov 30 00:42:37 guest kernel: [    4.500000] ",
        "Nov  3 00:42:37 guest kernel: ",
        "2026-11-30T00:42:37.123456+00:00 guest kernel: ",
        "kernel: ",
        "** 2158 printk messages dropped ** [    4.500000] ",
        "login: [    4.500000] [4:SdpManagerServi: 3874] ",
        "[    4.500000] CPU1: ",
        "\x1b[0m[    4.500000] ",
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", ""])
def test_a_line_is_found_wherever_it_stands(text: str, before: str, ends: str) -> None:
    [splat] = classify(f"[    4.000000] kit: init\n{before}{text}{ends}")
    assert text in splat.title
    assert splat.line == 2


@pytest.mark.parametrize("text", [PANIC, BUG, WARNING, "WARNING: foo"])
def test_a_log_without_time_stamps_is_believed_everywhere(text: str) -> None:
    assert [text in title for _, title in found(f"worker 3 of 4: {text}\n")] == [True]


@pytest.mark.parametrize(
    "line",
    [
        "test 3 of 9: BUG: the list is empty",
        "worker: WARNING: 3 files left",
        "WARNING: 3 files left",
        "INFO:",
        "aim7 DEBUG: nothing",
    ],
)
def test_a_program_may_say_such_words(line: str) -> None:
    assert found(f"[    4.000000] kit: init\n{line}\n[    5.000000] kit: done\n") == []


def test_reports_of_two_cpus_are_told_apart_by_their_callers() -> None:
    log = "".join(
        f"[    4.00000{n}][{caller:>6}] {text}\n"
        for n, (caller, text) in enumerate(
            [
                ("T23", "------------[ cut here ]------------"),
                ("T24", "------------[ cut here ]------------"),
                ("T24", "refcount_t: underflow; use-after-free."),
                ("T23", "WARNING: CPU: 0 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20"),
                ("T24", "WARNING: CPU: 1 PID: 24 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110"),
                ("T24", "Call Trace:"),
                ("T23", "Call Trace:"),
                ("T24", " put_anon_vma+0x1b/0x20"),
                ("T23", " exit_mmap+0x1b/0x20"),
                ("T23", "---[ end trace 0000000000000000 ]---"),
                ("T24", "---[ end trace 0000000000000000 ]---"),
            ]
        )
    )
    assert found(log) == [
        ("refcount", "refcount_t: underflow; use-after-free. in put_anon_vma"),
        ("warning", "WARNING: CPU: 0 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20"),
    ]


def test_reports_of_two_cpus_are_told_apart_without_callers() -> None:
    log = stamped(
        "------------[ cut here ]------------",
        "------------[ cut here ]------------",
        "WARNING: CPU: 0 PID: 23 at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20",
        "WARNING: CPU: 1 PID: 24 at mm/mmap.c:99 exit_mmap+0x1b/0x20",
        "---[ end trace 0000000000000000 ]---",
        "---[ end trace 0000000000000000 ]---",
    )
    assert kinds(log) == ["warning", "warning"]


def test_two_oopses_mixed_are_two() -> None:
    log = stamped(
        "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "BUG: kernel NULL pointer dereference, address: 0000000000000010",
        "Oops: 0000 [#1] SMP",
        "Oops: 0000 [#2] SMP",
    )
    assert [splat.line for splat in classify(log)] == [1, 2]


def test_an_oops_has_one_number() -> None:
    heading = "BUG: kernel NULL pointer dereference, address: 0000000000000008"
    log = stamped(heading, "Oops: 0000 [#1] SMP", "general protection fault: 0000 [#2] SMP")
    assert [splat.line for splat in classify(log)] == [1, 3]
    far = stamped(heading, *["a line"] * 100, "general protection fault: 0000 [#2] SMP")
    assert [splat.line for splat in classify(far)] == [1, 102]


def test_an_oops_in_the_trace_of_a_warning_is_not_swallowed() -> None:
    log = stamped(WARNING, "Call Trace:", "BUG: kernel NULL pointer dereference, address: 8", "Oops: 0000 [#1] SMP")
    assert kinds(log) == ["warning", "oops"]


def test_what_a_mark_is_followed_by_counts_though_no_row_knows_it() -> None:
    log = stamped("------------[ cut here ]------------", "ALERT! something of 9.1 at unlink_anon_vmas", "Call Trace:")
    assert found(log) == [("warning", "ALERT! something of 9.1 at unlink_anon_vmas")]
    assert kinds(stamped("------------[ cut here ]------------", "kernel BUG at mm/rmap.c:1!")) == ["oops"]


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (
            [
                "list_del corruption, ffff8880->next is NULL",
                "kernel BUG at lib/list_debug.c:50!",
                "invalid opcode: 0000 [#1] SMP",
            ],
            "list-corruption",
        ),
        (
            [
                "usercopy: Kernel memory overwrite attempt detected to SLUB object 'a' (offset 0, size 9)!",
                "------------[ cut here ]------------",
                "kernel BUG at mm/usercopy.c:102!",
                "Oops: invalid opcode: 0000 [#1]",
            ],
            "usercopy",
        ),
        (
            [
                "detected buffer overflow in memcpy",
                "------------[ cut here ]------------",
                "kernel BUG at lib/string.c:1!",
                "invalid opcode: 0000 [#1] SMP",
            ],
            "fortify",
        ),
        (
            [
                "------------[ cut here ]------------",
                "ODEBUG: free active (active state 0) object type: timer_list hint: f",
                "WARNING: lib/debugobjects.c:615 at debug_print_object+0x1/0x2, CPU#1: a/7",
            ],
            "debugobjects",
        ),
        (
            [
                "CFI failure at f+0x1/0x2 (target: g+0x0/0x10; expected type: 0x0badcafe)",
                "invalid opcode: 0000 [#1] SMP",
            ],
            "cfi",
        ),
        (
            [
                "Unable to handle kernel paging request at virtual address dead",
                "Internal error: Oops: 96000004 [#1] SMP",
            ],
            "oops",
        ),
        (["Unable to handle kernel NULL pointer dereference at virtual address 0", "Oops [#1]"], "oops"),
        (["PANIC: double fault, error_code: 0x0", "double fault: 0000 [#1] SMP"], "oops"),
        (
            [
                "BUG: Bad page state in process a  pfn:1",
                "page:ffffea00 refcount:0",
                "page dumped because: nonzero mapcount",
            ],
            "page-state",
        ),
        (
            [
                "page:ffffea00 refcount:0",
                "page dumped because: VM_BUG_ON_PAGE(1)",
                "kernel BUG at mm/rmap.c:1!",
                "invalid opcode: 0000 [#1]",
            ],
            "page-state",
        ),
        (
            [
                "BUG anon_vma (Not tainted): Poison overwritten",
                "INFO: Allocated in f+0x1/0x2 age=1 cpu=0 pid=7",
                "INFO: Freed in f+0x1/0x2 age=1 cpu=0 pid=7",
            ],
            "slab",
        ),
        (
            [
                "[Poison overwritten] 0xffff8880-0xffff8887 @offset=1296. First byte 0x0 instead of 0x6b",
                "BUG anon_vma (Not tainted): Object corrupt",
                "------------[ cut here ]------------",
                "WARNING: mm/slub.c:1257 at object_err+0x177/0x182, CPU#0: sh/31",
            ],
            "slab",
        ),
        (
            [
                "rust_kernel: panicked at a.rs:1:1:",
                "------------[ cut here ]------------",
                "kernel BUG at rust/helpers/bug.c:7!",
            ],
            "oops",
        ),
    ],
)
def test_a_report_of_several_known_lines_is_one(lines: list[str], kind: str) -> None:
    assert kinds(stamped(*lines, "---[ end trace 0000000000000000 ]---")) == [kind]


def test_what_slub_found_stands_above_its_report() -> None:
    found = "[Right Redzone overwritten] 0xffff8880-0xffff8881 @offset=8. First byte 0x0 instead of 0xcc"
    lines = [found, "=" * 77, "BUG anon_vma (Not tainted): Object corrupt", "-" * 77]
    [splat] = classify(stamped(*lines))
    assert splat.title == "BUG anon_vma (Not tainted): Object corrupt: Right Redzone overwritten"
    assert splat.excerpt.startswith(found)
    [without] = classify(stamped(*lines[1:]))
    assert without.title == "BUG anon_vma (Not tainted): Object corrupt"


@pytest.mark.parametrize(
    "below",
    [
        ["Hardware name: Bochs", "list_del corruption, ffff8880->next is NULL"],
        ["list_del corruption, ffff8880->next is NULL"],
    ],
)
def test_words_below_a_warning_give_its_kind_in_old_kernels(below: list[str]) -> None:
    log = stamped(
        "------------[ cut here ]------------",
        "WARNING: at lib/list_debug.c:49 __list_del_entry+0x63/0xd0()",
        *below,
        "Modules linked in:",
        "Call Trace:",
    )
    assert found(log) == [
        ("list-corruption", f"WARNING: at lib/list_debug.c:49 __list_del_entry+0x63/0xd0(): {below[-1]}")
    ]


def test_words_above_a_warning_are_the_first_of_them() -> None:
    log = stamped("------------[ cut here ]------------", "the tree is bad", "it has 3 roots", WARNING)
    [splat] = classify(log)
    assert splat.title == f"{WARNING}: the tree is bad"
    assert splat.excerpt.startswith("the tree is bad\nit has")


def test_a_lost_rest_of_a_line_is_not_a_second_report() -> None:
    log = "[  584.3][   T31] INFO: t\n** replaying previous printk message **\n"
    assert kinds(log + "[  584.3][   T31] INFO: task udevd:5612 blocked for more than 143 seconds.\n") == ["hung-task"]
