"""Debian's archive: finds the newest version of a package in some suites, and downloads and checks its file.

The chain of trust is apt's: the archive's key signs a suite's InRelease; InRelease has the hash of the list of packages
(Packages.xz); the list has the hash of each package. A broken link in this chain is an error. A package matches only by
its whole name.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import lzma
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.base import commands
from kit.base.errors import MachineError
from kit.base.progress import Progress, Task
from kit.kernel.deb import newest
from kit.kernel.download import NotThereError, Web
from kit.kernel.signature import keyring, signed_text
from kit.store.files import read_json, sha256_of, write_json

MIRROR = "KIT_DEBIAN_MIRROR"
DEFAULT = "http://deb.debian.org/debian"
SECURITY = "-security"  # ends the names of security suites (bookworm-security) and the URL of their mirror
LISTS = ("main/binary-amd64/Packages.xz", "main/binary-all/Packages.xz")  # today the first holds `all` packages too
MOST_RELEASE = 2_000_000  # bytes; bookworm's has 151,000
MOST_LIST = 100_000_000  # bytes, compressed; sid's has 5,100,000
MOST_UNPACKED = 500_000_000
MOST_PACKAGE = 600_000_000
LAG = datetime.timedelta(days=7)  # how far one mirror may lag behind another
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """A package in a suite. `size` is in bytes; `sha256` is in hex."""

    package: str
    version: str
    suite: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Settings:
    """The settings of this machine's apt. `mirrors`: base URLs of the archive, `security`: those of its security
    suites, both best first. `valid_until` and `date`: whether these two fields of InRelease are checked."""

    mirrors: tuple[str, ...] = (DEFAULT,)
    security: tuple[str, ...] = (DEFAULT + SECURITY,)
    proxies: dict[str, str] = field(default_factory=dict)
    valid_until: bool = True
    date: bool = True


def settings(progress: Progress) -> Settings:
    """Read from KIT_DEBIAN_MIRROR, or else from apt's configuration if there is one, then Debian's public mirror."""
    told = _apt(["apt-config", "dump"], progress)
    listed = _apt(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"], progress)
    mirrors = tuple(dict.fromkeys(re.findall(r"^Debian\|Debian\|(https?://\S+?)/*$", listed, re.MULTILINE)))
    security = tuple(dict.fromkeys(re.findall(r"^Debian\|Debian-Security\|(https?://\S+?)/*$", listed, re.MULTILINE)))
    proxies = dict(re.findall(r'^Acquire::(https?)::Proxy "(https?://[^"]+)";$', told, re.MULTILINE | re.IGNORECASE))
    if named := os.environ.get(MIRROR, "").rstrip("/"):
        mirrors, security = (named,), (named + SECURITY,)
    else:
        mirrors = tuple(dict.fromkeys((*mirrors, DEFAULT)))
        security = tuple(dict.fromkeys((*security, DEFAULT + SECURITY)))
    return Settings(mirrors, security, proxies, not _is_off(told, "Valid-Until"), not _is_off(told, "Date"))


def _apt(argv: Sequence[str], progress: Progress) -> str:
    return commands.run(argv, progress=progress, limit=60).output if shutil.which(argv[0]) else ""


def _is_off(told: str, check: str) -> bool:
    pattern = rf'^Acquire::Check-{check} "(false|no|0|off|without|disable)";$'
    return re.search(pattern, told, re.MULTILINE | re.IGNORECASE) is not None


class Archive:
    """Debian's archive, through this machine's mirrors. `folder` keeps unfinished downloads and the dates of the
    suites that were seen."""

    def __init__(self, folder: Path, progress: Progress, how: Settings | None = None) -> None:
        self.folder, self.progress = folder, progress
        self.how = how or settings(progress)
        self.web = Web(self.how.proxies)

    def find(self, package: str, suites: Sequence[str]) -> Entry | None:
        """The newest package with exactly that name in these suites; None if no suite has it.

        A suite that does not exist or cannot be used is skipped if another suite has the package. Raises MachineError
        if none has it and a suite could not be used.
        """
        found: list[Entry] = []
        faults: list[MachineError] = []
        for suite in suites:
            try:
                found += self._entries(package, suite)
            except _UnusableError as error:
                faults.append(error)
        if found:
            for fault in faults:
                self.progress.note(f"passed over: {str(fault).splitlines()[0]}")
            return max(found, key=lambda entry: newest(entry.version))
        if faults:
            raise faults[0]
        return None

    def save(self, entry: Entry, task: Task) -> Path:
        """Downloads the package into `folder`, checks its SHA-256 and returns its path. Raises MachineError."""
        path = self.folder / f"{entry.sha256}.deb"
        begun = path.exists()
        try:
            self.web.save(entry.url, path, entry.size, task)
        except NotThereError:
            raise MachineError("is missing, although the list of packages names it", where=entry.url) from None
        if sha256_of(path) == entry.sha256:
            return path
        path.unlink()
        if begun:  # the part that an earlier start left was damaged, or of another file
            return self.save(entry, task)
        raise MachineError("is not the package that the archive signed: wrong SHA-256", where=entry.url)

    def _entries(self, package: str, suite: str) -> list[Entry]:
        """All versions of the package in a suite, from the first usable mirror that has the suite."""
        fault = None
        for mirror in self.how.security if suite.endswith(SECURITY) else self.how.mirrors:
            try:
                return self._listed(package, mirror, suite)
            except NotThereError:
                continue
            except _UnusableError as error:
                fault = error
        if fault is not None:
            raise fault
        return []

    def _listed(self, package: str, mirror: str, suite: str) -> list[Entry]:
        """All versions of the package in one mirror's suite. Raises NotThereError if the mirror lacks the suite."""
        url = f"{mirror}/dists/{suite}"
        release = self._release(url, suite)
        names = [name for name in LISTS if name in release.files]
        if not names:
            raise MachineError("has no list of packages (Packages.xz)", where=url)
        for name in names:
            text = self._packages(f"{url}/{_path(name, release)}", *release.files[name])
            if found := [_entry(stanza, package, suite, mirror) for stanza in _stanzas(text, package)]:
                return found
        return []

    def _packages(self, url: str, size: int, sha256: str) -> str:
        """The text of a list of packages, its hash checked. Raises MachineError."""
        if size > MOST_LIST:
            raise MachineError(f"has a declared size of {size} bytes, which is too large", where=url)
        try:
            data = self._read(url, size)
        except NotThereError:
            raise _UnusableError("is missing, although the suite names it", where=url) from None
        if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
            raise MachineError("is not what the archive signed: wrong SHA-256", where=url)
        return _unpacked(data, url)

    def _release(self, url: str, suite: str) -> Release:
        data = self._read(f"{url}/InRelease", MOST_RELEASE)
        release = parse_release(signed_text(data, f"{url}/InRelease", keyring(), self.folder, self.progress))
        self._require_right(release, suite, f"{url}/InRelease")
        return release

    def _read(self, url: str, most: int) -> bytes:
        try:
            return self.web.read(url, most, self.folder)
        except MachineError as error:
            raise _UnusableError(error.what, where=error.where, hint=error.hint) from error

    def _require_right(self, release: Release, suite: str, where: str) -> None:
        """Raises MachineError if an InRelease is another suite's, dated in the future, or no longer valid."""
        fields, now = release.fields, datetime.datetime.now(datetime.UTC)
        if suite not in (fields.get("codename"), fields.get("suite")) or fields.get("origin") != _origin(suite):
            says = f"{fields.get('origin')} {fields.get('codename')}"
            raise MachineError(f"is of {says}, not of {_origin(suite)} {suite}", where=where)
        date, until = _time(fields.get("date"), where), fields.get("valid-until")
        if self.how.date and date > now + DAY:
            hint = "is this machine's clock right?"
            raise _UnusableError(f"is of {fields['date']}: in the future", where=where, hint=hint)
        if self.how.valid_until and until and _time(until, where) < now:
            hint = "the mirror is not kept up to date, or something blocks its updates; is this machine's clock right?"
            raise _UnusableError(f"was valid until {until}", where=where, hint=hint)
        self._require_no_way_back(suite, date, where)

    def _require_no_way_back(self, suite: str, date: datetime.datetime, where: str) -> None:
        """Raises MachineError if a much newer InRelease was seen before: a replayed old one brings back old bugs."""
        path = self.folder / "seen.json"
        content = read_json(path)
        seen: dict[str, float] = content if isinstance(content, dict) else {}
        last = float(seen.get(suite, 0))
        if date.timestamp() < last - LAG.total_seconds():
            before = datetime.datetime.fromtimestamp(last, datetime.UTC)
            hint = f"another mirror: {MIRROR}=http://…/debian"
            raise _UnusableError(f"is of {date:%Y-%m-%d}; one of {before:%Y-%m-%d} was seen", where=where, hint=hint)
        write_json(path, {**seen, suite: max(last, date.timestamp())})


class _UnusableError(MachineError):
    """A mirror does not answer, or its suite is out of date; another mirror may work."""


@dataclass(frozen=True)
class Release:
    """An InRelease: its fields by name in lower case, and its files: path → (size in bytes, SHA-256)."""

    fields: dict[str, str]
    files: dict[str, tuple[int, str]]


def parse_release(text: str) -> Release:
    """Parses the text of a Release or InRelease file; ignores lines that are not fields."""
    fields: dict[str, str] = {}
    files: dict[str, tuple[int, str]] = {}
    name = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"([A-Za-z0-9-]+):\s*(.*)", line):
            name = match[1].lower()
            fields[name] = match[2].strip()
        elif name == "sha256" and (match := re.fullmatch(r" ([0-9a-f]{64}) +([0-9]{1,18}) +(\S+)", line)):
            files[match[3]] = (int(match[2]), match[1])
    return Release(fields, files)


def _origin(suite: str) -> str:
    """The Origin field that a suite must have. The archive's key signs backports too, with an Origin of their own."""
    return "Debian Backports" if suite.endswith("-backports") else "Debian"


def _path(name: str, release: Release) -> str:
    """The path of a suite's file: by hash if the archive offers that, since the named file may change meanwhile."""
    if release.fields.get("acquire-by-hash") != "yes":
        return name
    return f"{os.path.dirname(name)}/by-hash/SHA256/{release.files[name][1]}"


def _unpacked(data: bytes, where: str) -> str:
    unpacker = lzma.LZMADecompressor()
    try:
        text = unpacker.decompress(data, MOST_UNPACKED)
    except lzma.LZMAError as error:
        raise MachineError(f"cannot be unpacked: {error}", where=where) from error
    if not unpacker.eof:
        raise MachineError("is cut off, or unpacks to more than any list of packages", where=where)
    return text.decode("utf-8", "replace")


def _stanzas(text: str, package: str) -> Iterator[dict[str, str]]:
    """The fields of each entry of a list whose name is exactly `package`."""
    for match in re.finditer(rf"^Package: {re.escape(package)}[ \t]*\n(?:.+\n?)*", text, re.MULTILINE):
        yield dict(re.findall(r"^(Version|Filename|Size|SHA256):[ \t]*(.*?)[ \t]*$", match[0], re.MULTILINE))


def _entry(stanza: dict[str, str], package: str, suite: str, mirror: str) -> Entry:
    """An Entry from its fields. Raises MachineError if a field is missing or unsafe."""
    name, size, sha256 = (stanza.get(key, "") for key in ("Filename", "Size", "SHA256"))
    where = f"{package} in {suite}"
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not re.fullmatch("[0-9]{1,18}", size) or not stanza.get("Version"):
        raise MachineError("its entry in the list of packages lacks version, size or hash", where=where)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+~_./-]*\.deb", name) or ".." in name.split("/"):
        raise MachineError(f"its file's path is unsafe: {name}", where=where)
    if not 0 < int(size) <= MOST_PACKAGE:
        raise MachineError(f"has a declared size of {size} bytes, which is too large", where=where)
    return Entry(package, stanza["Version"], suite, f"{mirror}/{name}", int(size), sha256)


def _time(text: str | None, where: str) -> datetime.datetime:
    try:
        time = email.utils.parsedate_to_datetime(text or "")
    except ValueError:
        raise MachineError(f"has no valid date: {text}", where=where) from None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
