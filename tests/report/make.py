"""Makes the run folders of tests/report/recorded: `python tests/report/make.py`.

Each is a small, complete folder that `kit run` or `kit bisect` left for a fake kernel tree in a fake QEMU
(tests/fakes). Consoles are left out: reports show the records' excerpts. Make them anew when kit writes more than
before.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / folder) for folder in ("", "bisection", "report"))]

from keep import RECORDED as HERE  # noqa: E402
from keep import keep  # noqa: E402
from rig import Bench, lay_out  # noqa: E402
from test_bisect import Bisection  # noqa: E402

from kit.cli import main  # noqa: E402
from kit.workload.guestimage import GuestImage, build_guest  # noqa: E402

MAIL = """\
From: Ada Example <ada@example.org>
Date: Mon, 2 Nov 2026 10:00:00 +0000
Subject: [PATCH] mm/rmap: take the root's lock once for all entries <b>&amp;
Message-ID: <20261102100000.1-ada@example.org>

Every entry of a chain took the lock of the root anew.

Fixes: 012345678901 ("mm/rmap: lock the root for each entry")
Closes: https://lore.kernel.org/r/20261101120000.1-bob@example.org
Signed-off-by: Ada Example <ada@example.org>
---
"""


def better(bench: Bench) -> list[str]:
    """Counts on one and two vCPUs, as predicted; another lock class differs, too."""
    bench.experiment["guest"]["cpus"] = [1, 2]
    bench.experiment["workloads"][0]["fork-chain"]["depth"] = [0, 1, 2, 4, 8]
    bench.experiment["locks"] = ["anon_vma", "*"]
    bench.experiment["evidence"] = ["model", "count", "check"]
    return ["run", bench.write()]


def worse(bench: Bench) -> list[str]:
    """The patch of a mail makes it worse, and the name of a lock class looks like markup."""
    patch = Path(bench.patch("worse", "profile: 6.1 ", "profile: 6.1-unbatched-clone "))
    patch.write_text(MAIL + patch.read_text())
    bench.arms([], [str(patch)])
    bench.experiment["locks"] = ["anon_vma"]
    return ["run", bench.write()]


def broken(bench: Bench) -> list[str]:
    """The patched arm warns."""
    bench.arms([], [bench.fault("boots: warning")])
    bench.experiment["evidence"] = ["count", "check"]
    return ["run", bench.write()]


def nothing(bench: Bench) -> list[str]:
    """The baseline does not compile."""
    bench.arms([bench.patch("typo", "\treturn 0;", "\tsyntax_error x;")], [])
    return ["run", bench.write()]


def timed(bench: Bench) -> list[str]:
    """Instructions by layout, and time under emulation, which decides nothing."""
    bench.arms([], [bench.fault("takes 1100")])
    bench.experiment["guest"]["cpus"] = [1, 2]
    bench.experiment["evidence"] = ["instructions", "time"]
    bench.experiment["budget"] = {"blocks": 6, "stopping": "fixed"}
    return ["run", bench.write()]


def bisected(bench: Bench) -> list[str]:
    """A history of ten commits, one of which does not compile."""
    bisection = Bisection(bench)
    for i in range(2):
        bisection.linux.harmless(f"before {i}")
    bisection.linux.edit("\treturn 0;", "\tsyntax_error x;")
    bisection.linux.commit("rmap: does not compile")
    bisection.linux.edit("\tsyntax_error x;", "\treturn 0;")
    bisection.linux.commit("rmap: compiles again")
    bisection.linux.culprit()
    for i in range(4):
        bisection.linux.harmless(f"after {i} <script>alert(1)</script>")
    return ["bisect", bisection.config()]


MAKERS: tuple[Callable[[Bench], list[str]], ...] = (better, worse, broken, nothing, timed, bisected)


@contextlib.contextmanager
def bench_in(folder: Path, guest: GuestImage) -> Iterator[Bench]:
    """A bench with the fakes first on PATH; restores the environment at its end."""
    before, here = dict(os.environ), Path.cwd()
    made = Bench(folder)
    (folder / "answers").mkdir()
    os.environ.update(lay_out(made, guest, folder / "answers"))
    os.chdir(folder)
    try:
        yield made
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def make(maker: Callable[[Bench], list[str]], target: Path, guest: GuestImage) -> None:
    """Makes one folder."""
    with tempfile.TemporaryDirectory() as place, bench_in(Path(place), guest) as bench:
        argv = maker(bench)
        with contextlib.redirect_stdout(io.StringIO()):
            code = main(argv)
        print(f"{maker.__name__}: exit code {code}")
        keep(bench.runs()[-1], target, place)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        image = build_guest(Path(work))
        for number, maker in enumerate(MAKERS):
            if len(sys.argv) == 1 or maker.__name__ in sys.argv[1:]:
                stamp = f"20261130-12{number:02d}00"
                for old in HERE.glob(f"{maker.__name__}-*"):
                    shutil.rmtree(old)
                make(maker, HERE / f"{maker.__name__}-{stamp}", image)
