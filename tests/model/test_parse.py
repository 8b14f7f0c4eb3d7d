"""Programs from text: which are accepted, and that every error names its line."""

from __future__ import annotations

import pytest

from kit.model.errors import ModelError
from kit.model.parse import parse_program
from kit.model.program import (
    Crew,
    Exec,
    Fork,
    Hold,
    Job,
    Madvise,
    Map,
    Mprotect,
    Munmap,
    Orphan,
    Program,
    Ramp,
    Reclaim,
    Release,
    Repeat,
    Script,
    Shell,
    Spawn,
    Threads,
    Users,
    Window,
    Write,
)


def test_every_operation() -> None:
    text = """
    # a comment, and blank lines
    map 3 4
    write 3 1

    script
    shell ls system 9
    job disk_cp 10
    spawn
    munmap 3 0 1
    mprotect 3 1 2 ro
    madvise 3 wipeonfork
    repeat 1
      fork
        window one
        end
        orphan
        end
      end
    end
    users two
      user
        write 3 0
      end
      user
      end
    end
    crew three
      user
      map 1 1
      end
    end
    ramp more/u 60000 300
      user
      spawn
      end
    end
    reclaim
      window four
      end
    end
    """
    assert parse_program(text) == Program(
        (
            Map(3, 4),
            Write(3, 1),
            Script(),
            Shell("ls", "system", 9),
            Job("disk_cp", 10),
            Spawn(),
            Munmap(3, 0, 1),
            Mprotect(3, 1, 2, "ro"),
            Madvise(3, "wipeonfork"),
            Repeat(1, (Fork((Window("one", ()), Orphan())),)),
            Users("two", ((Write(3, 0),), ())),
            Crew("three", ((Map(1, 1),),)),
            Ramp("more/u", 60000, 300, ((Spawn(),),)),
            Reclaim((Window("four", ()),)),
        )
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fork\nend\nspoon", "line 3: 'spoon' is no operation; map, write, munmap"),
        ("map 1", "line 1: map takes 2 words, not 1"),
        ("job nosuch 1", "line 1: job must be prepare or add_double or"),
        ("job add_int -1", "line 1: amount must be a number from 0 to 1000000000, not '-1'"),
        ("shell ls by 1", "line 1: how must be exec or system, not 'by'"),
        ("shell rm exec 1", "line 1: script must be ls or sleep, not 'rm'"),
        ("fork 3\nend", "line 1: fork takes 0 words, not 1"),
        ("map 64 1", "line 1: region must be a number from 0 to 63, not '64'"),
        ("map -1 1", "line 1: region must be a number from 0 to 63, not '-1'"),
        ("map 0 4096", "line 1: pages must be a number from 1 to 4095, not '4096'"),
        ("map 0 0", "line 1: pages must be a number from 1 to 4095, not '0'"),
        ("write 0 4095", "line 1: page must be a number from 0 to 4094, not '4095'"),
        ("munmap 0 4000 96", "line 1: count must be a number from 1 to 95, not '96'"),
        ("mprotect 0 0 1 rx", "line 1: access must be ro or rw, not 'rx'"),
        ("madvise 0 free", "line 1: advice must be dontfork or wipeonfork, not 'free'"),
        ("orphan\nend", "line 1: an orphan needs a fork around it"),
        ("hold\norphan\nend\nend\norphan\nend", "line 5: an orphan needs a fork around it"),
        ("discard 0 4000 96", "line 1: count must be a number from 1 to 95, not '96'"),
        ("mremap 1 0 1 1", "line 1: pages move to another region"),
        ("mremap 1 0 1 64", "line 1: region must be a number from 0 to 63, not '64'"),
        ("mapfile 1 65", "line 1: pages must be a number from 1 to 64, not '65'"),
        ("brk 4096", "line 1: pages must be a number from 0 to 4095, not '4096'"),
        ("stack 0", "line 1: pages must be a number from 1 to 1024, not '0'"),
        ("release 1", "line 1: release takes 0 words, not 1"),
        ("threads 30\nfork\nthreads 3\nend\nend\nend", "line 3: more than 32 threads at once"),
        ("repeat x\nend", "line 1: repeat must be a number from 1 to 1000000000, not 'x'"),
        ("repeat ٣\nend", "line 1: repeat must be a number"),
        ("repeat 0\nend", "line 1: repeat must be a number"),
        ("\nend", "line 2: an end without a beginning"),
        ("fork\nfork\nend", "line 3: the fork of line 1 has no end"),
        ("user\nend", "line 1: user blocks stand in users, crew or ramp, and nothing else does"),
        ("users u\nfork\nend\nend", "line 2: user blocks stand in users, crew or ramp, and nothing else does"),
        ("users u\nscript\nend", "line 2: only user blocks stand in users"),
        ("users u\nend", "line 2: users without a user"),
        ("crew c\nuser\nrepeat 2\nfork\nend\nend\nend\nend", "line 4: threads of a crew only map memory"),
        ("crew c\n" + "user\nend\n" * 33 + "end", "line 68: more than 32 threads at once"),
        ("fork\nreclaim\nend\nend", "line 2: reclaim stands in no other block, as in the fork of line 1"),
        ("ramp r 1 2\nend", "line 2: ramp without a user"),
        ("ramp r 1 2\nscript\nend", "line 2: only user blocks stand in ramp"),
        ("ramp r 1\nuser\nend\nend", "line 1: ramp takes 3 words, not 2"),
        ("ramp r 1 2\nuser\nwindow b\nend\nend\nend", "line 3: window b opens inside window r of line 1"),
        ("window a\nfork\nwindow b\nend\nend\nend", "line 3: window b opens inside window a of line 1"),
        ("users a\nuser\nwindow b\nend\nend\nend", "line 3: window b opens inside window a of line 1"),
        ("window a\nend\nusers a\nuser\nend\nend", "line 3: window a was opened in line 1 already"),
        ("repeat 2\nfork\nwindow a\nend\nend\nend", "line 3: window a opens more than once: it stands in a repeat"),
        ("fork\n" * 70, "line 65: blocks are nested more than 64 deep"),
        ("script\n" * 32769, "line 32769: more than 32768 lines"),
    ],
)
def test_errors_name_their_line(text: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        parse_program(text)
    assert str(raised.value).startswith(message)


WHOLE = """\
mapfile 1 64
discard 1 0 2
mremap 1 0 2 2
grow 2 9
brk 0
writebrk 0
stack 1024
hold
orphan
end
end
release
threads 30
exec
threads 32
end
end
end
"""


def test_the_whole_language() -> None:
    program = parse_program(WHOLE)
    assert program.text() == WHOLE
    assert program.ops[7:] == (Hold((Orphan(),)), Release(), Threads(30, (Exec((Threads(32, ()),)),)))


def test_deep_programs_are_read() -> None:
    text = "fork\n" * 64 + "end\n" * 64
    assert parse_program(text).text() == text
