"""What kit hears in other projects' kernel logs: their folders in, what is missed, miscalled, false and named out.

    tests/bench/corpus.py --syzkaller pkg/report/testdata/linux/report --lkp spec/fixtures/stats/dmesg \\
        --logspec tests/logs/linux_boot

of google/syzkaller, intel/lkp-tests and kernelci/logspec; -v lists the logs. None of them is kept here. A log of
syzkaller has its expected TITLE before it; that kinds agree is read from the table below.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.records import Splat  # noqa: E402
from kit.vm.splats import classify  # noqa: E402

# Titles of what is no kernel's: syzkaller's own programs, another kernel beside it, a guest that is gone.
ELSEWHERE = re.compile(r"SYZFAIL|SYZFATAL|go runtime error|unexpected kernel reboot|trusty: ")
OTHERS = re.compile(
    r"Internal error: |^.*\bpc : |PC is at|Mem abort info|\bepc : |Unhandled fault: |linux,dummy-virt|riscv"
    r"|^.*Call trace:",
    re.M,
)

# Of these syzkaller names the system call or the timer that the CPU came by, kit the function in which it was found.
HANGS = re.compile(r"rcu detected stall|soft lockup")

OOPS = "oops list-corruption usercopy fortify slab cfi page-state"
WARN = "warning debugobjects kobject refcount usercopy fortify list-corruption slab hard-lockup"
# Title → the kinds that are right, first match first.
RIGHT = (
    (r"rcu detected stall", "rcu-stall"),
    (r"task hung|task can't die", "hung-task"),
    (r"soft lockup", "soft-lockup"),
    (r"workqueue lockup", "workqueue-lockup"),
    (
        r"possible (circular|deadlock)",
        "lockdep-circular lockdep-recursive lockdep-irq-inversion lockdep-irq-unsafe lockdep-inconsistent",
    ),
    (r"inconsistent lock state", "lockdep-inconsistent"),
    (r"bad unlock balance", "lockdep-unbalanced"),
    (r"held lock freed", "lockdep-held-freed"),
    (r"still has locks held", "lockdep-held-at-exit"),
    (r"lock held when returning", "lockdep-held-in-user"),
    (r"nested lock", "lockdep-nested"),
    (r"[Ii]nvalid wait context", "lockdep-context"),
    (r"suspicious RCU", "lockdep-rcu"),
    (r"non-static key", "lockdep-key"),
    (r"MAX_\w+ too low", "lockdep-limits"),
    (r"locking bug", "warning lockdep-context"),
    (r"BUG: (spinlock|rwlock)", "spinlock"),
    (r"^(KASAN|KFENCE)", "kasan"),
    (r"^KMSAN", "kmsan"),
    (r"^KCSAN", "kcsan"),
    (r"^UBSAN", "ubsan"),
    (r"memory leak", "kmemleak"),
    (r"refcount bug", "refcount"),
    (r"ODEBUG bug", "debugobjects"),
    (r"kobject bug", "kobject warning"),
    (r"kernel stack (regs|frame)", "unwinder"),
    (r"bad usercopy", "usercopy"),
    (r"corrupted list", "list-corruption"),
    (r"BUG: Bad (page|rss)", "page-state"),
    (r"scheduling while atomic|sleeping function", "sleep-in-atomic"),
    (r"Freed in|Allocated in|Object already free", "slab"),
    (r"^kernel panic: bad mode", "oops"),
    (r"^kernel panic", "panic"),
    (r"^kernel BUG", OOPS),
    (
        r"unable to handle|general protection|double fault|stack guard page|divide error|int3|stack segment"
        r"|with overflow|Internal error|Unhandled fault|Alignment trap|kernel stack overflow|invalid opcode",
        "oops",
    ),
    (r"^WARNING", WARN),
    (r"^BUG|^VFS|^unregister_netdevice|^INFO: corrupted", "bug"),
)


@dataclass(frozen=True)
class Log:
    """A log. `title`: its failure as its project names it, "" for none; `text`: the log itself."""

    name: str
    title: str
    text: str

    @property
    def x86(self) -> bool:
        """Whether an x86 kernel wrote it, as far as the log shows."""
        return not OTHERS.search(self.text)


def syzkaller(folder: Path) -> Iterator[Log]:
    """The numbered files: header lines, an empty line, the log, and after REPORT: the expected report."""
    for path in sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name)):
        head, _, rest = path.read_bytes().decode(errors="replace").partition("\n\n")
        if head.startswith("\n"):
            head, rest = "", head + "\n\n" + rest
        title = re.search(r"^TITLE: (.*)", head, re.MULTILINE)
        yield Log(path.name, title[1] if title else "", rest.split("\n\nREPORT:\n")[0])


def function_of(title: str) -> tuple[str, ...]:
    """The functions, any of which may be the subject of a title; () if it names none."""
    match = re.search(r"\bin ([A-Za-z_]\w*(?: ?/ ?[A-Za-z_]\w*)?)(?: at addr ADDR| age=NUM.*)?$", title)
    names = re.split(r" ?/ ?", match[1]) if match else []
    return tuple(name for name in names if name not in ("corrupted", "unmount", "use"))


def right_kinds(title: str) -> list[str]:
    """The kinds that are right for a title."""
    return next((kinds.split() for pattern, kinds in RIGHT if re.search(pattern, title)), [])


def judge(logs: Sequence[tuple[Log, list[Splat]]], verbose: bool) -> str:
    """A line of figures about logs of failures."""
    kernels = [(log, found) for log, found in logs if not ELSEWHERE.search(log.title)]
    missed = [log for log, found in kernels if not found]
    miscalled = [(log, found) for log, found in kernels if found and found[0].kind not in right_kinds(log.title)]
    functions = [(log, found, names) for log, found in kernels if (names := function_of(log.title))]
    named = [
        log
        for log, found, names in functions
        if any(re.search(rf"(\b|sys_|SyS_){n}\b", s.title) for s in found for n in names)
    ]
    if verbose:
        print(*(f"  missed {log.name}: {log.title}" for log in missed), sep="\n")
        print(*(f"  called {f[0].kind} {log.name}: {log.title}" for log, f in miscalled), sep="\n")
        print(
            *(
                f"  not named {g.name}: {g.title} | {f[0].title if f else ''}"
                for g, f, _ in functions
                if g not in named
            ),
            sep="\n",
        )
    others = [log for log, _, _ in functions if not HANGS.search(log.title)]
    right = len(kernels) - len(missed) - len(miscalled)
    return (
        f"{len(kernels)} logs of failures: {len(missed)} missed, {len(miscalled)} called another kind "
        f"({100 * right / max(len(kernels), 1):.1f}% right), the function named in {len(named)} of {len(functions)}, "
        f"{sum(log in others for log in named)} of {len(others)} without stalls and lockups"
    )


def of_syzkaller(folder: Path, verbose: bool) -> None:
    """Prints the figures of syzkaller's corpus."""
    logs = [(log, classify(log.text)) for log in syzkaller(folder)]
    failures = [(log, found) for log, found in logs if log.title]
    for name, group in (("x86", [x for x in failures if x[0].x86]), ("others", [x for x in failures if not x[0].x86])):
        print(f"syzkaller, {name}: {judge(group, verbose)}")
    clean = [(log, found) for log, found in logs if not log.title]
    false = [(log, found) for log, found in clean if found]
    print(
        f"syzkaller, clean: {len(false)} of {len(clean)} with a false splat",
        *(f"  {log.name}: {found[0].title}" for log, found in false),
        sep="\n",
    )


def of_fixtures(name: str, folder: Path, verbose: bool) -> None:
    """Prints in how many logs of a folder nothing is found, and in which."""
    logs = [p for p in sorted(folder.iterdir()) if p.is_file() and p.suffix not in (".yaml", ".json")]
    found = {p.name: classify(p.read_bytes().decode(errors="replace")) for p in logs}
    silent = [name for name, splats in found.items() if not splats]
    print(f"{name}: {len(found)} logs, nothing heard in {len(silent)}: {' '.join(silent)}")
    if verbose:
        print(*(f"  {n}: {[f'{s.kind}: {s.title}'[:90] for s in splats]}" for n, splats in found.items()), sep="\n")


def of_speed() -> None:
    """Prints how long it takes to read 10 MB of the good console, of the broken ones, and of lines that each begin a
    report."""
    golden = ROOT / "tests/golden"
    broken = "\n".join(path.read_text(errors="replace") for path in sorted(golden.glob("broken-*.log")))
    flood = "".join(f"[    1.{n:06d}] BUG: Bad page state in process a  pfn:{n:05x}\n" for n in range(10000))
    logs = {"good": (golden / "console-6.1-good.log").read_text(), "broken": broken, "flood": flood}
    for name, part in logs.items():
        log = part * (10 * 2**20 // len(part) + 1)
        start = time.process_time()
        classify(log)
        print(f"speed, {name}: {time.process_time() - start:.2f} s of CPU for {len(log) / 2**20:.0f} MB")


def main() -> None:
    """Prints the figures of each given folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("syzkaller", "lkp", "logspec"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--speed", action="store_true", help="10 MB of the golden consoles, in seconds of CPU")
    parser.add_argument("-v", "--verbose", action="store_true")
    chosen = parser.parse_args()
    if chosen.speed:
        of_speed()
    if chosen.syzkaller:
        of_syzkaller(chosen.syzkaller, chosen.verbose)
    for name in ("lkp", "logspec"):
        if folder := getattr(chosen, name):
            of_fixtures(name, folder, chosen.verbose)


if __name__ == "__main__":
    main()
