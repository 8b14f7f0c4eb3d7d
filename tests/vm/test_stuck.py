"""Where a guest hangs, from its kernel's answers."""

from __future__ import annotations

from kit.vm.stuck import stuck

# As a counting kernel of 6.1 answered, which guesses its frames: what lies on the stack from before is among them.
GUESSED = """\
sysrq: Show Blocked State
task:init            state:D stack:0     pid:19    ppid:1      flags:0x00004000
Call Trace:
 <TASK>
 ? __schedule+0x3af/0x3ea
 ? schedule+0x67/0x94
 ? rwsem_down_write_slowpath+0x3ad/0x3ea
 ? sched_clock_cpu+0x11/0x92
 ? down_write+0x54/0x63
 ? anon_vma_free+0x19/0x35
 ? __put_anon_vma+0xd/0x28
"""


def test_what_a_clock_left_on_the_stack_is_not_where_a_task_stands() -> None:
    found = stuck(GUESSED, 1)
    assert found is not None
    assert found.title == "task init stands in anon_vma_free"
