"""Makes the golden files anew from real boots: a good boot's console and results, and the console of a panic.

From the project's folder: `.venv/bin/python tests/golden/make.py VMLINUX`

VMLINUX is a counting kernel of `kit run`, as in ~/.cache/kit/kernels/*/vmlinux. It is booted twice under TCG, in about
ten seconds.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent
sys.path.insert(0, str(GOLDEN.parents[1]))

from kit.model.program import Fork, Map, Program, Repeat, Users, Window, Write  # noqa: E402
from kit.records import Machine, Outcome, Results  # noqa: E402
from kit.vm.boot import BootRun, run_boot  # noqa: E402
from kit.workload.guestimage import boot_initramfs, build_guest  # noqa: E402
from kit.workload.load import Load, boot_program  # noqa: E402
from kit.workload.results import read_results  # noqa: E402

NONCE = "c44cc98974343144"
MACHINE = Machine("x86_64", 1, 512, "tcg")
FORKS = Repeat(20, (Fork(),))
CHAIN = Program((Map(0, 4), Write(0, 0), Window("d0", (FORKS,)), Fork((Window("d1", (FORKS,)),))))
USERS = Program((Map(0, 4), Write(0, 0), Users("u2", ((Fork(),), (Fork(),)))))


def main(vmlinux: Path, temp: Path) -> None:
    """Does both boots; `temp` is for files that are not kept."""
    base = build_guest(temp).base_cpio_path
    program = boot_program((Load("chain", CHAIN, ()), Load("users", USERS, ())))
    initramfs = boot_initramfs(base, program, {"nonce": NONCE, "limit": "300"})
    good, sent, results = boot(vmlinux, initramfs, temp / "good.log", "")
    if results is None:
        sys.exit(f"the boot that should be good: {good.outcome}: {good.why}")
    version = ".".join(results.release.split(".")[:2])
    # A shell without arguments for init ends at once, and the kernel panics.
    panic, _, _ = boot(vmlinux, initramfs, temp / "panic.log", "rdinit=/bin/sh")
    if panic.outcome is not Outcome.PANIC:
        sys.exit(f"the boot that should panic: {panic.outcome}: {panic.why}")
    (GOLDEN / f"results-{version}.txt").write_bytes(sent)
    for name, run in (("good", good), ("panic", panic)):
        (GOLDEN / f"console-{version}-{name}.log").write_bytes(run.console.read_bytes())
    print(f"{results.release}: {len(sent)} bytes of results, {good.seconds:.1f} s and {panic.seconds:.1f} s")


def boot(vmlinux: Path, initramfs: bytes, console: Path, append: str) -> tuple[BootRun, bytes, Results | None]:
    """How it ended, the bytes of the results channel, and the results."""
    sent: list[bytes] = []

    def read(data: bytes) -> tuple[Outcome, str, Results | None]:
        sent.append(data)
        return read_results(data, NONCE)

    run = run_boot(vmlinux, initramfs, MACHINE, console=console, read=read, append=append)
    return run, sent[0] if sent else b"", run.results


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="kit-golden-") as folder:
        main(Path(sys.argv[1]), Path(folder))
