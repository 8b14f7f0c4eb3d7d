"""What is fuzzed: each reader of what comes from outside, what it may refuse with, and the texts to begin from."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kit.base.errors import KitError, UserError
from kit.base.progress import Progress
from kit.experiment.reader import check_source
from kit.experiment.yamlfile import Source as YamlSource
from kit.kernel.archive import parse_release
from kit.kernel.build import cached_kernel, source_folders
from kit.kernel.config import values
from kit.kernel.debian import cached_debian
from kit.kernel.forms import unreadable
from kit.kernel.hunks import scan
from kit.kernel.mail import split_mails
from kit.kernel.ownconfig import read_own
from kit.kernel.patch import read_patches
from kit.kernel.quilt import read_series
from kit.kernel.reject import Asked, explain
from kit.kernel.tarball import unpack_tarball
from kit.kernel.workspace import Workspace
from kit.kernel.wrapping import unwrap
from kit.model.elf import static_layout
from kit.model.errors import ModelError
from kit.model.explore.asked import read_scene
from kit.model.lockstat import parse_lock_stat
from kit.model.parse import parse_program
from kit.model.reading.compared import read_patch, read_source
from kit.model.reading.compared import told as read_told
from kit.model.smaps import SmapsVma, parse_smaps
from kit.outside import read_outside
from kit.outside.cells import read_cell
from kit.outside.directions import rules_of
from kit.outside.formats import read_text
from kit.outside.source import STDIN, Source
from kit.report.formats import REPORTS
from kit.run.runner import load_boots
from kit.store.cache import Cache
from kit.store.eviction import entries, parse_age, parse_size
from kit.store.runfolder import RunFolder
from kit.verbs.reported import AskedReport, report
from kit.vm.splats import classify, first_fatal
from kit.vm.stuck import stuck
from kit.workload.aim7 import read_mix
from kit.workload.ktap import read_ktap
from kit.workload.metrics import FORMATS, read_metrics
from kit.workload.results import read_results, read_session

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
RECORDED = PROJECT / "tests/report/recorded"
NONCE = "abc123"
STACK = SmapsVma(0x7FFC00000000, 0x7FFC00021000, "rw-p", 12, "[stack]")


@dataclass(frozen=True)
class Target:
    """`read` is given the bytes of a case. `share`: cases of this target to each one of the dearest. `seeds`: globs of
    files of the project; beside them are those of corpus/NAME."""

    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    share: int
    seeds: tuple[str, ...] = ()

    def texts(self, name: str) -> list[bytes]:
        """The texts to begin from; those of the corpus first. No one is larger than a case may be."""
        own = sorted((HERE / "corpus" / name).glob("*"))
        found = [*own, *sorted(path for glob in self.seeds for path in PROJECT.glob(glob) if path.is_file())]
        return [path.read_bytes()[:SEED_MOST] for path in found]


SEED_MOST = 1 << 14


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of a path, given the file's bytes."""

    def reads(data: bytes) -> object:
        path = _scratch() / name
        path.write_bytes(data)
        return read(path)

    return reads


@cache
def _scratch() -> Path:
    place = tempfile.TemporaryDirectory(prefix="kit-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    _KEPT.append(place)
    for name in ("patches", "configs"):  # what an experiment names
        (Path(place.name) / name).symlink_to(PROJECT / name)
    return Path(place.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _program(data: bytes) -> None:
    program = parse_program(_text(data))
    assert parse_program(program.text()) == program


def _frames(data: bytes) -> None:
    """The lines of the case as frames whose numbers, lengths and sums are right."""
    framed = b"".join(
        b"K %s %d %d %08x %s\n" % (NONCE.encode(), n, len(line), zlib.crc32(line), line)
        for n, line in enumerate(data.split(b"\n"))
    )
    _raw_frames(framed)


def _raw_frames(data: bytes) -> None:
    outcome, why, results = read_results(data, NONCE)
    assert (results is None) == bool(why), outcome
    with contextlib.suppress(ValueError):  # ResultsError is one
        read_session(data, NONCE)


def _console(data: bytes) -> None:
    log = _text(data)
    found = classify(log)
    first_fatal(found)
    stuck(log, 0)
    assert all(splat.title for splat in found)


def _metrics(data: bytes) -> None:
    for form in FORMATS:
        read_metrics(_text(data), form)


def _cell(data: bytes) -> None:
    for text in _text(data).split("\n"):
        with contextlib.suppress(ValueError):
            read_cell(text)
        with contextlib.suppress(UserError):
            if text != STDIN:
                read_outside(text)
        for parse in (parse_size, parse_age):
            with contextlib.suppress(UserError):
                parse(text, "here")
        with contextlib.suppress(UserError):
            rules_of([text])


def _outside(data: bytes) -> None:
    read_text(Source("file", _text(data)))


def _experiment(path: Path) -> None:
    check_source(YamlSource(path))


def _overrides(data: bytes) -> None:
    source = YamlSource(PROJECT / "configs/quick.yaml")
    for line in _text(data).split("\n"):
        source.override(line)
    check_source(source)


def _patches(data: bytes) -> None:
    for _ in read_patches("file", data):
        pass


UNREAD = ("error: No valid patches in input", "error: corrupt patch at line 9")
REFUSALS = ("No such file or directory", "already exists in working directory", "patch does not apply")


def _explained(data: bytes) -> None:
    """All that kit's own code says of a patch file, with every kind of refusal that git may give."""
    text, _ = unwrap("file", data)
    found = scan(text)
    paths = tuple(section.source or section.names[0].partition("/")[2] for section in found.sections)
    for err in UNREAD:
        assert str(unreadable("file", text, err))
    for reverse in (False, True):
        asked = Asked("file", found, 0, paths, 1, reverse)
        for path, section in list(zip(paths, found.sections, strict=True))[:3]:
            errs = [f"error: {path}: {why}" for why in REFUSALS]
            errs += [f"error: patch failed: {path}:{hunk.old_start}\n" for hunk in section.hunks[:3]]
            for err in errs:
                assert str(explain(asked, err, lambda _: b"a\n" * 9))


def _release(data: bytes) -> None:
    parse_release(_text(data))


def _config(path: Path) -> None:
    read_own([str(path)])
    values(path.read_text(encoding="utf-8", errors="replace"))


def _elf(data: bytes) -> None:
    static_layout(data, "worker", STACK)


def _source(data: bytes) -> None:
    for line in read_told(read_source(_text(data), "tree")):
        assert line


def _rmap_patch(data: bytes) -> None:
    for line in read_told(read_patch(_text(data), "file")):
        assert line


def _scene(data: bytes) -> None:
    start, *tasks = _text(data).split("\n")
    read_scene(start, tasks)


@cache
def _run_folder(name: str) -> Path:
    """A folder with the experiment of a recorded run; the rest is the case."""
    place = _scratch() / f"{name}-20261130-120000"
    place.mkdir()
    (place / "console").mkdir()
    return place


def _verdict(data: bytes) -> None:
    """A folder of a run with this verdict.json, in every format, and from `kit report` itself."""
    folder = _run_folder("run")
    (folder / "experiment.yaml").write_text("name: x\n")
    (folder / "verdict.json").write_bytes(data)
    _every_report(folder)


def _bisection(data: bytes) -> None:
    folder = _run_folder("bisection")
    (folder / "bisect.yaml").write_text("name: x\n")
    (folder / "bisect.json").write_bytes(data)
    (folder / "tests.jsonl").write_bytes(data)
    _every_report(folder)


def _every_report(folder: Path) -> None:
    for form in REPORTS:
        with contextlib.suppress(KitError):
            assert report(AskedReport([str(folder)], folder.parent, form, None, 80)).encode()


def _boots(data: bytes) -> None:
    folder = _run_folder("boots")
    (folder / "boots.jsonl").write_bytes(data)
    load_boots(RunFolder(folder))


def _cache_record(data: bytes) -> None:
    """The case as each record of the cache in turn."""
    root = _scratch() / "cache"
    kernel, objects = root / "kernels/k", root / "objects/o"
    for place in (kernel, objects, root / "trees/t", root / "boots/b"):
        place.mkdir(parents=True, exist_ok=True)
    (kernel / "vmlinux").write_bytes(b"x")
    cached = Cache(root)
    for path in (
        kernel / "kernel.json",
        objects / "state.json",
        root / "trees/debian-6.1.json",
        root / "sizes.json",
        root / "boots/b/boot.json",
    ):
        path.write_bytes(data)
        with contextlib.suppress(KitError):
            cached_kernel("k", cached)
            source_folders("k", cached)
            cached_debian("6.1", cached)
            entries(cached)
            Workspace(objects)
        path.unlink()


def _tarball(data: bytes) -> None:
    path = _scratch() / "tree.tar"
    path.write_bytes(data)
    unpack_tarball(path, Cache(_scratch() / "unpacked"), Progress())


REFUSED = (UserError,)
MODEL = (ModelError,)
TARGETS: Mapping[str, Target] = {
    "program": Target(_program, MODEL, 60),
    "lockstat": Target(lambda data: parse_lock_stat(_text(data)), MODEL, 60),
    "smaps": Target(lambda data: parse_smaps(_text(data)), MODEL, 60),
    "frames": Target(_frames, (), 60),
    "raw-frames": Target(_raw_frames, (), 60),
    "ktap": Target(lambda data: read_ktap(_text(data)), (), 60),
    "metrics": Target(_metrics, (), 60),
    "cell": Target(_cell, (), 10),
    "workfile": Target(_in_file("workfile", read_mix), (ValueError,), 60),
    "outside": Target(_outside, REFUSED, 40),
    "scene": Target(_scene, MODEL, 60),
    "release": Target(_release, (), 60),
    "elf": Target(_elf, MODEL, 60),
    "hunks": Target(scan, (), 40, ("patches/v*/*.patch",)),
    "wrapped": Target(lambda data: unwrap("file", data), REFUSED, 40),
    "boots": Target(_boots, (KitError,), 40),
    "cache": Target(_cache_record, (), 4),
    "console": Target(_console, (), 4, ("tests/golden/*.log",)),
    "experiment": Target(_in_file("experiment.yaml", _experiment), REFUSED, 4, ("configs/*.yaml",)),
    "overrides": Target(_overrides, REFUSED, 4),
    "config": Target(_in_file("config", _config), REFUSED, 20, ("configs/kernel/*.config",)),
    "series": Target(_in_file("series", read_series), REFUSED, 40),
    "source": Target(_source, MODEL, 4),
    "rmap-patch": Target(_rmap_patch, MODEL, 4, ("patches/v*/*.patch",)),
    "verdict": Target(_verdict, (), 1, ("tests/report/recorded/*/verdict.json",)),
    "bisection": Target(_bisection, (), 1, ("tests/report/recorded/*/bisect.json",)),
    "tarball": Target(_tarball, (KitError,), 1),
    "explained": Target(_explained, REFUSED, 20, ("patches/v*/*.patch",)),
    "mail": Target(lambda data: split_mails("file", data), REFUSED, 1, ("patches/v*/*.patch",)),
    "patch": Target(_patches, REFUSED, 1, ("patches/v*/*.patch",)),
}
