"""make on the fake kernel tree without a process: what its Makefile does, in this process, in a fraction of the time.

Only what the Makefile of tests/fakes/linux is known to do is played. A tree with another Makefile, a target that is not
here, and a source that does not compile go the long way, through make. `test_playedmake.py` holds the two together.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kit.base.commands import Done, run
from kit.base.progress import Progress

MAKEFILE = (Path(__file__).resolve().parent / "fakes" / "linux" / "Makefile").read_bytes()
SOURCES = ("mm/rmap.c", "kernel/fork.c")
NOT_THERE = re.compile(r"^.*CONFIG_NOT_THERE[ =].*\n", re.M)


def played_run(
    argv: Sequence[str],
    *,
    progress: Progress,
    limit: float,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    **more: Any,
) -> Done:
    """As `kit.base.commands.run`."""
    lines = play(argv, os.environ) if argv[0] == "make" and "-C" in argv else None
    if lines is None:
        return run(argv, progress=progress, limit=limit, log=log, on_line=on_line, **more)
    progress.command(argv, "")
    with progress.busy.work():
        text = "".join(f"{line}\n" for line in lines)
        if log is not None:
            with log.open("a") as file:
                file.write(text)
        for line in lines:
            if on_line is not None:
                on_line(line)
    return Done(0, text, 0.001)


def play(argv: Sequence[str], environment: Mapping[str, str]) -> list[str] | None:
    """The lines that make would print, once what it would do is done; None for what is not played."""
    source = Path(argv[argv.index("-C") + 1])
    words = [word for word in argv[1:] if not word.startswith("-") and word != str(source)]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    targets = [word for word in words if "=" not in word]
    if len(targets) != 1 or targets[0] not in TARGETS or "KIT_FAKE_TOLD" in environment or not _is_known(source):
        return None
    if "KIT_FAKE_LOG" in environment:
        with open(environment["KIT_FAKE_LOG"], "a") as file:
            file.write(f"make {targets[0]}\n")
    return TARGETS[targets[0]](source, Path(given["O"]), given, "-n" in argv)


def _is_known(source: Path) -> bool:
    try:
        if (source / "Makefile").read_bytes() != MAKEFILE:
            return False
        return not any(b"syntax_error" in (source / name).read_bytes() for name in SOURCES)
    except OSError:
        return False


def _tinyconfig(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    (out / ".config").write_text(f"# Linux/{given['ARCH']} 6.1.0-fake Kernel Configuration\n")
    return []


def _allnoconfig(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    (out / ".config").write_text(NOT_THERE.sub("", Path(given["KCONFIG_ALLCONFIG"]).read_text()))
    return []


def _olddefconfig(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    config = out / ".config"
    config.write_text(NOT_THERE.sub("", config.read_text()))
    return []


def _prepare(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    assert (out / ".config").exists()
    return ["  CALL    scripts/checksyscalls.sh"]


def _vmlinux(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    lines, objects, anew = [], [], False
    for name in SOURCES:
        made = out / name.replace(".c", ".o")
        objects.append(made)
        if _is_older(made, source / name, out / ".config"):
            lines += [f"  CC      {name.replace('.c', '.o')}", *([] if dry else _warnings(source, name))]
            anew = True
            if not dry:
                made.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, made)
    if anew or _is_older(out / "vmlinux", *objects):
        lines.append("  LD      vmlinux")
        if not dry:
            (out / "vmlinux").write_bytes(b"".join(made.read_bytes() for made in objects))
    return [f"echo '{line}'" for line in lines] if dry else lines


def _warnings(source: Path, name: str) -> list[str]:
    lines = (source / name).read_text().splitlines()
    found = ((n, re.search(r".*/\* warns: (.*?) \*/", line)) for n, line in enumerate(lines, 1))
    return [f"{name}:{n}:9: warning: {match[1]}" for n, match in found if match]


def _bzimage(source: Path, out: Path, given: Mapping[str, str], dry: bool) -> list[str]:
    lines = _vmlinux(source, out, given, dry)
    image = out / "arch" / "x86" / "boot" / "bzImage"
    image.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(out / "vmlinux", image)
    return lines


def _is_older(target: Path, *sources: Path) -> bool:
    """Whether make would make the target."""
    if not target.exists():
        return True
    return target.stat().st_mtime_ns < max(source.stat().st_mtime_ns for source in sources)


TARGETS: Mapping[str, Callable[[Path, Path, Mapping[str, str], bool], list[str]]] = {
    "tinyconfig": _tinyconfig,
    "allnoconfig": _allnoconfig,
    "olddefconfig": _olddefconfig,
    "prepare": _prepare,
    "vmlinux": _vmlinux,
    "bzImage": _bzimage,
}
