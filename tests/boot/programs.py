"""Programs in the guest's language, one for each thing that the model must know: name → text. Data only.

Each is small, and each of its steps is in a window of its own, so that a wrong count tells which step it was. A
window's name is the program's, a slash, and what happens in it. Only `users` depends on the scheduler.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.model.jobs import DIRECT, JOBS, MAIL, PREPARE, SOCKETS

FORK_CHAIN = """
map 0 4
write 0 0
map 1 4
write 1 0
window fork-chain/0
  fork
  end
end
fork
  window fork-chain/1
    fork
    end
  end
  map 2 4
  write 2 0
  fork
    window fork-chain/2
      repeat 3
        fork
          write 1 1
        end
      end
    end
    fork
      fork
        window fork-chain/4
          fork
          end
        end
      end
    end
  end
end
window fork-chain/whole
  fork
    fork
      fork
        fork
        end
      end
    end
  end
end
"""

WIDE_FORK = """
map 0 4
write 0 0
window wide-fork/one-by-one
  repeat 4
    fork
    end
  end
end
window wide-fork/hold-1
  hold
  end
end
window wide-fork/hold-2-3
  hold
    write 0 1
  end
  hold
  end
end
window wide-fork/fork-beside
  fork
    fork
    end
  end
end
window wide-fork/release
  release
end
hold
  hold
  end
  window wide-fork/child-of-held
    fork
    end
  end
end
window wide-fork/fork-above-held
  fork
  end
end
window wide-fork/release-nested
  release
end
"""

# 6.1 reuses an anon_vma without VMAs and with fewer than two children (anon_vma_clone).
PARENT_EXITS = """
map 0 4
write 0 0
map 1 4
window parent-exits/whole
  fork
    orphan
      fork
      end
    end
  end
end
fork
  write 1 0
  orphan
    window parent-exits/fork-reuses
      fork
      end
    end
    window parent-exits/two-held
      hold
      end
      hold
      end
    end
    window parent-exits/release
      release
    end
    fork
      window parent-exits/grandchild
        fork
        end
      end
    end
  end
end
fork
  write 1 1
  orphan
    window parent-exits/first
      fork
      end
    end
  end
  orphan
    window parent-exits/second
      fork
        fork
        end
      end
    end
  end
end
window parent-exits/after
  fork
  end
end
"""

MIDDLE_EXITS = """
map 0 4
write 0 0
fork
  orphan
    orphan
      window middle-exits/2
        fork
        end
      end
      orphan
        window middle-exits/3
          fork
          end
        end
        orphan
          window middle-exits/4
            repeat 3
              fork
                write 0 1
              end
            end
          end
          window middle-exits/hold
            hold
              fork
              end
            end
            hold
            end
          end
          window middle-exits/release
            release
          end
        end
      end
    end
  end
end
window middle-exits/whole
  fork
    orphan
      orphan
        orphan
          fork
          end
        end
      end
    end
  end
end
window middle-exits/chain-below-orphan
  fork
    fork
      orphan
        fork
        end
      end
    end
    fork
    end
  end
end
"""

BRK = """
window brk/first
  brk 4
end
window brk/write
  writebrk 0
end
window brk/grow
  brk 8
end
window brk/write-again
  writebrk 7
end
window brk/shrink
  brk 6
end
fork
  window brk/grow-after-fork
    brk 10
  end
  window brk/write-after-fork
    writebrk 9
  end
  window brk/shrink-after-fork
    brk 2
  end
  window brk/fork
    fork
      brk 12
    end
  end
end
window brk/fork-above
  fork
    brk 7
  end
end
window brk/grow-two
  brk 9
  brk 10
end
window brk/none
  brk 0
end
window brk/anew
  brk 3
  writebrk 2
end
"""

BRK_NEVER_WRITTEN = """
brk 4
fork
  window brk-unwritten/grow
    brk 8
  end
  window brk-unwritten/write
    writebrk 5
  end
  window brk-unwritten/grow-again
    brk 12
  end
  window brk-unwritten/none
    brk 0
  end
end
"""

MPROTECT = """
map 0 8
write 0 0
window mprotect/middle
  mprotect 0 2 2 ro
end
window mprotect/fork-of-three
  fork
  end
end
window mprotect/merge-middle
  mprotect 0 2 2 rw
end
window mprotect/head
  mprotect 0 0 2 ro
end
window mprotect/head-grows
  mprotect 0 2 1 ro
end
window mprotect/head-shrinks
  mprotect 0 2 1 rw
end
window mprotect/merge-head
  mprotect 0 0 2 rw
end
window mprotect/tail
  mprotect 0 6 2 ro
end
window mprotect/tail-grows
  mprotect 0 5 1 ro
end
window mprotect/tail-shrinks
  mprotect 0 5 1 rw
end
window mprotect/merge-tail
  mprotect 0 6 2 rw
end
window mprotect/whole
  mprotect 0 0 8 ro
end
window mprotect/whole-back
  mprotect 0 0 8 rw
end
mprotect 0 0 2 ro
mprotect 0 4 2 ro
window mprotect/over-four
  mprotect 0 0 8 rw
end
window mprotect/fork-of-one
  fork
  end
end
"""

MPROTECT_AFTER_FORK = """
map 0 8
write 0 0
fork
  window mprotect-fork/middle
    mprotect 0 2 2 ro
  end
  window mprotect-fork/fork-of-three
    fork
    end
  end
  window mprotect-fork/merge
    mprotect 0 2 2 rw
  end
  window mprotect-fork/head
    mprotect 0 0 3 ro
  end
  window mprotect-fork/merge-head
    mprotect 0 0 3 rw
  end
  fork
    window mprotect-fork/deeper
      mprotect 0 2 2 ro
    end
    window mprotect-fork/deeper-merge
      mprotect 0 2 2 rw
    end
  end
end
window mprotect-fork/above
  fork
    mprotect 0 1 1 ro
    mprotect 0 1 1 rw
  end
end
"""

# Written after the split, so that each piece looks for a neighbour's anon_vma (find_mergeable_anon_vma).
MPROTECT_UNWRITTEN = """
map 0 8
window mprotect-unwritten/middle
  mprotect 0 2 2 ro
end
window mprotect-unwritten/write-head
  write 0 0
end
window mprotect-unwritten/write-tail
  write 0 7
end
window mprotect-unwritten/merge
  mprotect 0 2 2 rw
end
window mprotect-unwritten/write-middle
  write 0 2
end
map 1 8
mprotect 1 2 2 ro
write 1 0
window mprotect-unwritten/merge-one
  mprotect 1 2 2 rw
end
window mprotect-unwritten/write-behind
  write 1 7
end
map 2 8
mprotect 2 2 2 ro
fork
  write 2 0
  window mprotect-unwritten/write-head-in-child
    write 2 7
  end
  window mprotect-unwritten/merge-in-child
    mprotect 2 2 2 rw
  end
  fork
    window mprotect-unwritten/fork-in-child
      fork
        write 2 3
      end
    end
  end
end
map 3 8
write 3 7
window mprotect-unwritten/tail-has-it
  mprotect 3 0 4 ro
end
window mprotect-unwritten/tail-has-it-merge
  mprotect 3 0 4 rw
end
map 4 8
mprotect 4 0 4 ro
write 4 7
window mprotect-unwritten/before-written
  mprotect 4 0 4 rw
end
map 5 8
mprotect 5 0 4 ro
write 5 7
window mprotect-unwritten/written-after
  mprotect 5 4 4 ro
end
window mprotect-unwritten/fork
  fork
  end
end
"""

MUNMAP = """
map 0 8
write 0 0
window munmap/middle
  munmap 0 3 2
end
window munmap/fork-of-two
  fork
  end
end
window munmap/head
  munmap 0 0 1
end
window munmap/tail
  munmap 0 7 1
end
window munmap/all
  munmap 0 0 8
end
map 0 8
write 0 0
fork
  window munmap/middle-after-fork
    munmap 0 3 2
  end
  window munmap/fork-of-two-after-fork
    fork
    end
  end
  fork
    window munmap/across-hole
      munmap 0 2 4
    end
    window munmap/deeper-all
      munmap 0 0 8
    end
  end
  window munmap/all-after-fork
    munmap 0 0 8
  end
end
window munmap/while-held
  hold
    munmap 0 0 4
  end
  munmap 0 2 4
  release
end
map 1 8
window munmap/unwritten
  munmap 1 2 2
end
window munmap/write-both
  write 1 0
  write 1 7
end
"""

MREMAP = """
map 0 8
write 0 0
window mremap/whole
  mremap 0 0 8 1
end
window mremap/head
  mremap 1 0 2 2
end
window mremap/tail
  mremap 1 6 2 3
end
window mremap/middle
  mremap 1 3 2 4
end
window mremap/fork-of-five
  fork
  end
end
window mremap/write
  write 2 1
  write 4 1
end
window mremap/back
  mremap 4 0 2 0
end
map 5 4
window mremap/unwritten
  mremap 5 0 4 6
end
window mremap/unwritten-middle
  mremap 6 1 2 7
end
fork
  window mremap/after-fork
    mremap 3 0 2 8
  end
  window mremap/part-after-fork
    mremap 2 0 1 9
  end
  window mremap/fork-after
    fork
    end
  end
  fork
    window mremap/deeper
      mremap 8 0 1 10
    end
  end
end
"""

# Pages that come to stand beside others of their region: whether VMAs merge is a matter of offsets and chains.
MERGE = """
map 0 8
write 0 7
munmap 0 0 4
window merge/map-before-written
  map 0 4
end
window merge/fork-of-one
  fork
  end
end
munmap 0 0 4
window merge/map-with-gap
  map 0 2
end
window merge/write-apart
  write 0 0
end
map 1 8
write 1 0
window merge/move-head
  mremap 1 0 2 2
end
window merge/move-head-back
  mremap 2 0 2 1
end
window merge/fork-of-four
  fork
  end
end
fork
  window merge/move-in-child
    mremap 1 0 2 3
  end
  window merge/move-back-in-child
    mremap 3 0 2 1
  end
end
map 4 8
window merge/unwritten
  mremap 4 0 2 5
  mremap 5 0 2 4
end
write 4 7
mremap 4 0 2 5
window merge/unwritten-part-back
  mremap 5 0 2 4
end
map 6 8
mremap 6 0 2 7
write 6 7
window merge/unwritten-beside-written
  mremap 7 0 2 6
end
map 8 8
munmap 8 0 2
map 9 8
write 9 0
window merge/other-offset
  mremap 9 0 2 8
end
map 10 8
write 10 0
fork
  munmap 10 0 4
  window merge/map-in-child
    map 10 4
  end
  window merge/write-in-child
    write 10 0
  end
  window merge/fork-in-child
    fork
    end
  end
end
"""

# A whole page table (512 pages) moves as one, under the lock.
MREMAP_LARGE = """
map 0 1024
write 0 0
window mremap-large/first-table
  mremap 0 0 1024 1
end
write 1 1023
window mremap-large/both-tables
  mremap 1 0 1024 0
end
window mremap-large/less-than-a-table
  mremap 0 0 511 2
end
window mremap-large/rest
  mremap 0 512 512 3
end
fork
  window mremap-large/after-fork
    mremap 3 0 512 4
  end
end
"""

GROW = """
map 0 4
window grow/unwritten
  grow 0 6
end
write 0 0
window grow/written
  grow 0 8
end
fork
  window grow/after-fork
    grow 0 10
  end
  fork
    window grow/deeper
      grow 0 12
      grow 0 13
    end
  end
  window grow/fork
    fork
    end
  end
end
munmap 0 4 4
window grow/after-munmap
  grow 0 6
end
"""

ADVICE = """
map 0 8
write 0 0
map 1 8
write 1 0
map 2 8
window advice/fork-before
  fork
  end
end
window advice/dontfork
  madvise 0 dontfork
end
window advice/fork-without
  fork
    fork
    end
  end
end
window advice/wipeonfork
  madvise 1 wipeonfork
end
window advice/fork-wiped
  fork
    fork
    end
  end
end
fork
  window advice/write-wiped
    write 1 0
  end
  window advice/fork-written
    fork
      write 1 1
    end
  end
  window advice/map-where-it-was
    map 0 4
    write 0 0
  end
end
window advice/discard
  discard 1 0 4
end
window advice/unwritten
  madvise 2 dontfork
end
mprotect 1 0 4 ro
window advice/split-wiped
  fork
    write 1 7
    mprotect 1 0 4 rw
  end
end
window advice/discard-and-write
  discard 0 0 8
  write 0 0
  fork
  end
end
window advice/wiped-and-not-copied
  madvise 1 dontfork
  fork
  end
end
"""

FILE = """
mapfile 0 8
window file/fork-unwritten
  fork
    write 0 1
  end
end
window file/write-child-first
  fork
    write 0 0
    fork
      write 0 1
    end
  end
end
window file/write
  write 0 0
end
window file/fork-written
  fork
    write 0 3
  end
end
fork
  window file/split
    mprotect 0 2 2 ro
  end
  window file/merge
    mprotect 0 2 2 rw
  end
  window file/munmap
    munmap 0 4 2
  end
  window file/move
    mremap 0 6 2 1
  end
  window file/fork-of-three
    fork
    end
  end
end
window file/discard
  discard 0 0 8
  write 0 0
end
window file/grow
  grow 0 12
end
"""

EXEC = """
map 0 4
write 0 0
window exec/fork
  fork
  end
end
window exec/one
  exec
  end
end
exec
  window exec/fork-inside
    fork
    end
  end
  map 0 4
  window exec/write-inside
    write 0 0
  end
  window exec/two
    exec
    end
  end
  exec
    window exec/fork-inside-twice
      fork
      end
    end
  end
end
window exec/from-child
  fork
    exec
      fork
      end
    end
  end
end
window exec/chain
  exec
    exec
      exec
      end
    end
  end
end
window exec/orphan
  fork
    orphan
      exec
      end
    end
  end
end
window exec/memory-inside
  exec
    brk 4
    writebrk 0
    brk 8
    stack 2
    map 1 8
    write 1 0
    mprotect 1 2 2 ro
    fork
    end
  end
end
window exec/script
  script
end
window exec/script-of-child
  fork
    script
  end
end
"""

THREADS = """
map 0 4
write 0 0
window threads/start-and-end
  threads 4
  end
end
window threads/fork
  threads 4
    fork
      write 0 1
    end
  end
end
threads 3
  window threads/fork-beside
    fork
      fork
      end
    end
  end
  window threads/memory
    map 1 8
    write 1 0
    mprotect 1 2 2 ro
    munmap 1 6 1
    brk 2
    writebrk 1
    stack 2
  end
  window threads/exec
    exec
    end
  end
  fork
    window threads/in-child
      threads 2
        fork
        end
      end
    end
    orphan
      window threads/orphan
        fork
        end
      end
    end
  end
end
window threads/after
  fork
  end
end
"""

STACK = """
window stack/one
  stack 1
end
window stack/five
  stack 5
end
fork
  window stack/after-fork
    stack 3
  end
  window stack/fork
    fork
      stack 2
    end
  end
end
window stack/above
  stack 1
end
window stack/held
  hold
    stack 4
  end
  stack 2
  release
end
window stack/orphan
  fork
    stack 2
    orphan
      stack 3
      fork
      end
    end
  end
end
"""

USERS = """
map 0 8
write 0 0
map 1 8
write 1 0
users users/fork
  user
    fork
    end
  end
  user
    fork
      fork
      end
    end
  end
  user
    write 0 1
    fork
    end
    mprotect 0 2 2 ro
  end
  user
    mremap 1 0 8 2
    stack 2
    repeat 3
      fork
      end
    end
  end
end
window users/after
  fork
  end
end
"""

SHELL = """
map 0 4
write 0 0
window shell/exec
  shell ls exec 0
end
window shell/system
  shell ls system 9
end
window shell/spawn
  spawn
  spawn
end
window shell/sleep
  shell sleep exec 20
end
fork
  write 0 1
  window shell/of-child
    shell ls exec 0
    shell ls system 9
    spawn
  end
end
"""

# What needs neither a network nor a RAM disk. Windows of AIM7's tests that move the break are in brk.
_NEEDS_MORE = {*SOCKETS, *DIRECT, *MAIL, "shared_memory", PREPARE, "mem_rtns_1"}
JOBS_ALONE = "".join(f"window jobs/{job}\njob {job} 20\nend\n" for job in JOBS if job not in _NEEDS_MORE)
JOBS_PROGRAM = f"""
job prepare 20
{JOBS_ALONE}
window jobs/page-test
  brk 256
  repeat 2
    brk 240
    brk 241
    writebrk 240
    brk 242
    writebrk 241
  end
  brk 0
end
window jobs/mem_rtns_1
  brk 128
  writebrk 0
  job mem_rtns_1 1
  brk 0
end
window jobs/forks-after
  fork
    job pipe_cpy 20
  end
end
"""

PROGRAMS: Mapping[str, str] = {
    "fork-chain": FORK_CHAIN,
    "wide-fork": WIDE_FORK,
    "parent-exits": PARENT_EXITS,
    "middle-exits": MIDDLE_EXITS,
    "brk": BRK,
    "brk-unwritten": BRK_NEVER_WRITTEN,
    "mprotect": MPROTECT,
    "mprotect-after-fork": MPROTECT_AFTER_FORK,
    "mprotect-unwritten": MPROTECT_UNWRITTEN,
    "munmap": MUNMAP,
    "mremap": MREMAP,
    "mremap-large": MREMAP_LARGE,
    "merge": MERGE,
    "grow": GROW,
    "advice": ADVICE,
    "file": FILE,
    "exec": EXEC,
    "threads": THREADS,
    "stack": STACK,
    "users": USERS,
    "shell": SHELL,
    "jobs": JOBS_PROGRAM,
}

# Where another task may hold the root's lock: the model gives an interval.
CONCURRENT = frozenset({"users/fork"})
