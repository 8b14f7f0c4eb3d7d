"""Object files of changed sources once more, with debug information, for their line tables.

The commands are those of the kernel's own build, which Kbuild keeps beside each object (`.NAME.o.cmd`), with -g added
and another place for what they make. They are the tree's: they run where the build ran, in its sandbox.
"""

from __future__ import annotations

import re
import shlex
import shutil
import struct
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from kit.base import commands
from kit.base.errors import BuildError, KitError
from kit.base.progress import Progress
from kit.kernel import elf
from kit.kernel.build import BuildInput, _Build, object_folder
from kit.kernel.functions import Image, plain
from kit.kernel.linetable import LineCode, line_code
from kit.kernel.made import opened, text_of
from kit.kernel.toolchain import Toolchain
from kit.store.cache import Cache

FOLDER = ".kit-lines"  # in the object folder: what is made here
DEBUG = "-gdwarf-4 -g1"  # line tables without types
LIMIT = 600.0  # seconds for one object
OBJECT_MOST = 1 << 28
MOST = 32  # objects for one change
ENOUGH = 8  # objects for the lines of one header
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)  # savedcmd_ since 6.3
_DEPENDENCIES = re.compile(r"-Wp,-MM?D,\S+")
_OUTPUT = re.compile(r"\s-c\s+-o\s+(\S+)\s")


@dataclass(frozen=True)
class Lines:
    """The code of the wanted lines, and why some files have none: path → reason."""

    code: LineCode
    why: Mapping[str, str]


def code_of_lines(
    job: BuildInput,
    wanted: Mapping[str, AbstractSet[int]],
    changed: AbstractSet[str],
    image: Image,
    tools: Toolchain,
    cache: Cache,
    progress: Progress,
) -> Lines:
    """The code that lines (path → numbers) have in a built kernel. `changed`: names of functions that differ, to find
    objects that show a header's lines; `image`: the kernel's. What fails is told, not raised, apart from a machine's
    faults."""
    if not wanted:
        return Lines(LineCode(), {})
    title = f"kernel {job.spec.arm} ({job.spec.instrument})"

    def waits() -> None:
        progress.note(f"{title}: another kit builds in the same object folder; waiting for it")

    with object_folder(job, cache, progress, waits), progress.task(f"{title}: line tables of what changed"):
        return _Objects(job, tools, cache, progress).code(wanted, changed, image)


class _Objects(_Build):
    """The objects of one kernel, in the place where it was built."""

    def code(self, wanted: Mapping[str, AbstractSet[int]], changed: AbstractSet[str], image: Image) -> Lines:
        """As `code_of_lines`."""
        if not (self.space.obj / "vmlinux").is_file():
            return Lines(LineCode(), dict.fromkeys(wanted, "its object folder is no longer in the cache"))
        self.space.fill(self.job.tree, self.progress)
        self.space.apply(self.job.tree, self.job.changed)
        self.place.begin()
        out, why = LineCode(), dict[str, str]()
        roots = [str(self.place.seen / "src"), str(self.place.seen / "obj")]
        try:
            for number, (path, objects) in enumerate(self._objects(wanted, changed).items()):
                if not objects:
                    why[path] = "no object of the kernel is made of it"
                elif number >= MOST:
                    why[path] = f"more than {MOST} objects"
                for name in objects if path not in why else ():
                    try:
                        out.add(line_code(self._compiled(name), wanted, image, roots, name))
                    except KitError as error:
                        why[path] = str(error).partition("\n")[0]
        finally:
            shutil.rmtree(self.space.obj / FOLDER, ignore_errors=True)
        return Lines(out, why)

    def _objects(self, wanted: Mapping[str, AbstractSet[int]], changed: AbstractSet[str]) -> dict[str, list[str]]:
        """Path → the objects that may have code of its lines; an object stands with one path only."""
        out: dict[str, list[str]] = {}
        for path in wanted:
            name = f"{path.removesuffix('.c')}.o"
            if path.endswith(".c") and self._kept(name).is_file():
                out[path] = [name]
        taken = {name for names in out.values() for name in names}
        for path in (p for p in wanted if p not in out):
            found = [n for n in self._including(path) if n in taken or self._has(n, changed)][:ENOUGH]
            out[path] = [n for n in found if n not in taken] if found else []
            if found and not out[path]:
                del out[path]  # the objects of changed files show its lines
            taken.update(found)
        return out

    def _including(self, path: str) -> Iterator[str]:
        """The objects whose sources include a file."""
        for kept in sorted(self.space.obj.rglob(".*.o.cmd")):
            name = str(kept.relative_to(self.space.obj).with_name(kept.name[1:].removesuffix(".cmd")))
            try:
                text = text_of(self.space.obj, str(kept.relative_to(self.space.obj)))
            except BuildError:
                continue
            if f"/{path}" in text:
                yield name

    def _has(self, name: str, functions: AbstractSet[str]) -> bool:
        """Whether an object has one of these functions."""
        try:
            with opened(self.space.obj, name, OBJECT_MOST) as file:
                data = file.read()
            all_ = elf.sections(data)
            tables = [s for s in all_ if s.kind == elf.SYMBOLS]
            return any(plain(x.name) in functions for t in tables for x in elf.symbols(data, t, all_) if x.section)
        except (BuildError, ValueError, KeyError, IndexError, struct.error):
            return False

    def _kept(self, name: str) -> Path:
        """The file in which Kbuild keeps the command that made an object."""
        return self.space.obj / Path(name).with_name(f".{Path(name).name}.cmd")

    def _compiled(self, name: str) -> bytes:
        """The object once more, with debug information. Raises BuildError with the compiler's words."""
        text = text_of(self.space.obj, str(self._kept(name).relative_to(self.space.obj)))
        made = f"{FOLDER}/{name.replace('/', '_')}"
        inside = shlex.quote(str(self.place.seen / "obj"))
        script = f"cd {inside} && mkdir -p {FOLDER} && {with_debug(text, name, made)}"
        done = commands.run(
            ["sh", "-c", script], progress=self.progress, limit=LIMIT, env=self._env(), within=self._within()
        )
        if done.status:
            said = [line for line in done.output.splitlines() if "error" in line.lower()][:1]
            raise BuildError(f"does not compile with -g: {said[0][:200] if said else done.status}", where=name)
        with opened(self.space.obj, made, OBJECT_MOST) as file:
            return file.read()


def with_debug(kept: str, name: str, made: str) -> str:
    """The command of a `.cmd` file, for the shell, with debug information and `made` in the place of the object `name`.
    Raises BuildError for a text that is no compilation of it."""
    found = _COMMAND.search(kept)
    command = found[1].replace("$(pound)", "#").replace("\\#", "#").replace("$$", "$") if found else ""
    output = _OUTPUT.search(command)
    if output is None or output[1] != name:
        raise BuildError("Kbuild keeps no command that compiles it", where=name)
    command = _DEPENDENCIES.sub(f"-Wp,-MMD,{made}.d", command)
    command = _OUTPUT.sub(lambda m: f" {DEBUG} -c -o {m[1]} ", command, count=1)
    return re.sub(rf"(?<!\S){re.escape(name)}(?!\S)", made, command)
