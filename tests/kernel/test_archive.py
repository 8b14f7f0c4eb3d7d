"""Kernel source from Debian's archive, played by a local server: good packages are taken, bad ones refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from notes import Notes
from openpgp import SHA1, Key
from repository import ARCHIVE_KEY, DAY, OTHER_KEY, Mirror, Suite, deb, kernel, serving, tar

from kit.base.errors import KitError, MachineError, UserError
from kit.base.progress import Progress
from kit.kernel import archive, debian, download, signature
from kit.kernel.archive import MIRROR, Settings, settings
from kit.kernel.deb import compare
from kit.kernel.debian import cached_debian, fetch_debian
from kit.setup import packages
from kit.store.cache import Cache

CHECKERS = [name for name in signature.TOOLS if shutil.which(name)]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror with Linux 6.1, and a machine that knows only this mirror and has its archive's key."""
    if not CHECKERS:
        pytest.skip("neither gpgv nor sqv is here")
    keys = tmp_path / "keys.gpg"
    keys.write_bytes(ARCHIVE_KEY.keyring())
    monkeypatch.setattr(signature, "KEYRINGS", (str(keys),))
    monkeypatch.setattr(packages, "ARCHIVE", ())
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.setattr(archive, "settings", lambda progress: told)
    with serving() as made:
        monkeypatch.setenv(MIRROR, made.address)
        told = Settings((made.address,), (made.address + "-security",))
        made.put(Suite("bookworm", [("linux-source-6.1", "6.1.9-1", kernel("6.1"))]))
        yield made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def refusal(cache: Cache, version: str = "6.1") -> KitError:
    """The error with which it ends; nothing may be left that could be taken for a tree."""
    with pytest.raises(KitError) as caught:
        fetch_debian(version, cache, Progress())
    assert cached_debian(version, cache) is None
    assert not list((cache.root / "trees").glob("debian-*"))
    return caught.value


def package(series: str = "6.1", version: str = "6.1.9-1") -> tuple[str, str, bytes]:
    return (f"linux-source-{series}", version, kernel(series))


def test_the_tree_is_had_and_known(mirror: Mirror, cache: Cache) -> None:
    key, root = fetch_debian("6.1", cache, Progress())
    assert (root / "Makefile").read_text().startswith("VERSION = 6\nPATCHLEVEL = 1\n")
    assert key.startswith("debian-6.1.9-1-")
    asked = len(mirror.asked)
    assert fetch_debian("6.1", cache, Progress()) == (key, root) == cached_debian("6.1", cache)
    assert len(mirror.asked) == asked
    assert not list((cache.root / "apt").glob("*.deb"))


@pytest.mark.parametrize(
    "others",
    [
        ["linux-source-6.12"],
        ["linux-source-6.1-rt", "linux-source-6x1", "my-linux-source-6.1"],
        ["linux-source-6.10", "linux-source", "linux-source-6.11"],
    ],
)
def test_names_are_compared_whole(mirror: Mirror, cache: Cache, others: list[str]) -> None:
    wrong = [(name, "9.9-1", kernel("6.12", name)) for name in others]
    mirror.put(Suite("bookworm", wrong))
    assert "Debian has no package linux-source-6.1" in str(refusal(cache))
    mirror.put(Suite("bookworm", [*wrong, package()]))
    assert fetch_debian("6.1", cache, Progress())[0].startswith("debian-6.1.9-1-")


def test_the_newest_of_several_versions_and_suites(mirror: Mirror, cache: Cache) -> None:
    versions = ["6.1.99-1", "6.1.170-3", "6.1.170-3~deb11u1", "6.1.170-2"]
    mirror.put(Suite("bookworm", [package(version=v) for v in versions]))
    mirror.put(Suite("bookworm-security", [package(version="6.1.164-1")]), security=True)
    assert fetch_debian("6.1", cache, Progress())[0].startswith("debian-6.1.170-3-")


def test_a_suite_of_fixes_is_asked_too(mirror: Mirror, cache: Cache) -> None:
    mirror.put(Suite("bookworm-security", [package(version="6.1.10-1")], by_hash=False), security=True)
    assert fetch_debian("6.1", cache, Progress())[0].startswith("debian-6.1.10-1-")


def test_a_suite_of_backports_is_of_another_origin(mirror: Mirror, cache: Cache) -> None:
    backports = Suite("trixie-backports", [package("7.3", "7.3.4-1~bpo13+1")], origin="Debian Backports")
    mirror.put(backports)
    mirror.put(Suite("sid", []))
    assert fetch_debian("7.3", cache, Progress())[0].startswith("debian-7.3.4-1~bpo13+1-")


@pytest.mark.parametrize(("suite", "origin"), [("sid", "Debian Backports"), ("trixie-backports", "Debian")])
def test_a_suite_of_another_origin(mirror: Mirror, cache: Cache, suite: str, origin: str) -> None:
    mirror.put(Suite(suite, [package("7.3")], origin=origin))
    assert f"is of {origin} {suite}, not of Debian" in str(refusal(cache, "7.3"))


def test_a_version_that_is_in_no_suite_is_the_user_s_error(mirror: Mirror, cache: Cache) -> None:
    error = refusal(cache, "9.9")
    assert isinstance(error, UserError)
    assert (error.where, error.what) == (
        "trixie-backports, sid, experimental",
        "Debian has no package linux-source-9.9",
    )
    assert "--set tree=dir:" in error.hint
    with pytest.raises(UserError, match="not a version"):
        fetch_debian("6.1/../x", cache, Progress())


def test_another_kernel_in_the_package_is_not_believed(mirror: Mirror, cache: Cache) -> None:
    mirror.put(Suite("bookworm", [("linux-source-6.1", "6.1.9-1", kernel("6.12", "linux-source-6.1"))]))
    assert "holds Linux 6.12, not 6.1" in str(refusal(cache))


def test_another_kernel_in_the_cache_is_not_believed(mirror: Mirror, cache: Cache) -> None:
    wrong = cache.folder("trees", "debian-6.12.1-1-abc")
    (wrong / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
    (cache.root / "trees" / "debian-6.1.json").write_text('{"key": "debian-6.12.1-1-abc"}')
    assert cached_debian("6.1", cache) is None
    assert fetch_debian("6.1", cache, Progress())[0].startswith("debian-6.1.9-1-")


# Signatures.


@pytest.fixture(params=CHECKERS)
def checker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each signature checker of this machine, alone."""
    monkeypatch.setattr(signature, "TOOLS", {request.param: signature.TOOLS[request.param]})
    return str(request.param)


def test_a_right_signature(mirror: Mirror, cache: Cache, checker: str) -> None:
    assert fetch_debian("6.1", cache, Progress())


def spoil(mirror: Mirror, how: str) -> None:
    """Breaks the suite's signature in one way."""
    suite = Suite("bookworm", [package()])
    path = mirror.put(suite)
    right = mirror.files[path].decode()
    text = right.split("\n\n", 1)[1].split("-----BEGIN PGP SIGNATURE")[0]
    mirror.files[path] = {
        "other key": OTHER_KEY.clearsigned(text),
        "changed": right.replace("Suite: some", "Suite: same"),
        "none": text,
        "empty": "",
        "cut": right[: len(right) // 2],
        "no signature": right.split("-----BEGIN PGP SIGNATURE")[0],
        "weak hash": ARCHIVE_KEY.clearsigned(text, digest=SHA1),
        "key of that name": Key(b"x" * 32, name=ARCHIVE_KEY.name).clearsigned(text),
        "long gone key": Key(b"y" * 32, life=3600).clearsigned(text, time=1_700_010_000),
    }[how].encode()


FORGED = ["other key", "changed", "none", "empty", "cut", "no signature", "weak hash", "key of that name"]


@pytest.mark.parametrize("how", [*FORGED, "long gone key"])
def test_a_wrong_signature(mirror: Mirror, cache: Cache, checker: str, how: str, tmp_path: Path) -> None:
    if how == "long gone key":
        (tmp_path / "keys.gpg").write_bytes(Key(b"y" * 32, life=3600).keyring())
    spoil(mirror, how)
    assert "is not signed by Debian's archive" in str(refusal(cache))
    assert [path for path, _ in mirror.asked if "binary" in path or path.endswith(".deb")] == []


@pytest.mark.parametrize("where", ["before", "after"])
def test_what_is_not_under_the_signature_is_not_read(mirror: Mirror, cache: Cache, checker: str, where: str) -> None:
    path = mirror.put(Suite("bookworm", [package()]))
    forged = "Origin: Debian\nCodename: bookworm\nSHA256:\n " + "0" * 64 + " 7 main/binary-amd64/Packages.xz\n"
    right = mirror.files[path]
    mirror.files[path] = forged.encode() + b"\n" + right if where == "before" else right + forged.encode()
    said = ""
    try:
        fetch_debian("6.1", cache, Progress())
    except MachineError as error:
        said = str(error)
    assert not said or "is not signed by Debian's archive" in said
    assert not any("0" * 64 in path for path, _ in mirror.asked)


def test_without_keys_they_are_named_with_the_command(
    mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "os-release").write_text("ID=fedora\n")
    system = packages.System(str(tmp_path / "os-release"), str(tmp_path))
    monkeypatch.setattr(packages, "this_system", lambda: system)
    need = packages.Need("file:/nowhere/a|/nowhere/b", "keys", "debian-archive-keyring", "debian-keyring", "x")
    monkeypatch.setattr(packages, "ARCHIVE", (packages.Need("command:gpgv|sqv", "", "gpgv", "gnupg2", "gnupg"), need))
    error = refusal(cache)
    assert "this machine lacks gpgv, /nowhere/a" in str(error)
    assert "install it with: dnf install -y gnupg2 debian-keyring" in str(error)
    assert mirror.asked == []
    monkeypatch.setattr(packages, "ARCHIVE", ())
    monkeypatch.setattr(signature, "KEYRINGS", ("/nowhere/a",))
    assert "the keys of Debian's archive are not installed" in str(refusal(cache))


def test_a_tool_that_is_there_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "sqv").write_text("")
    (tmp_path / "sqv").chmod(0o755)
    system = packages.System(path=str(tmp_path))
    assert packages.is_there("command:gpgv|sqv", system)
    assert not packages.is_there("command:gpgv", system)
    assert packages.is_there(f"file:/nowhere|{tmp_path}/sqv", system)


# Hashes, sizes, breaks.


def test_a_list_with_another_hash(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.lists()
    content = bytearray(mirror.files[path])
    content[20] ^= 1
    mirror.files[path] = bytes(content)
    assert "is not what the archive signed: wrong SHA-256" in str(refusal(cache))


def test_a_package_with_another_hash(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.packages()
    mirror.files[path] = mirror.files[path][:-1] + b"x"
    assert "is not the package that the archive signed: wrong SHA-256" in str(refusal(cache))
    assert not list((cache.root / "apt").glob("*.deb"))


def test_what_breaks_off_is_taken_up_where_it_stood(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.packages()
    mirror.short[path] = [100, 50]
    fetch_debian("6.1", cache, Progress())
    assert [begin for asked, begin in mirror.asked if asked == path] == [0, 100, 150]


def test_what_never_comes_whole_is_kept_for_the_next_start(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.packages()
    mirror.short[path] = [100] + [0] * 20
    error = refusal(cache)
    assert error.exit_code == 4
    assert "cannot be downloaded: it breaks off after 100 bytes" in str(error)
    mirror.short.clear()
    mirror.asked.clear()
    assert fetch_debian("6.1", cache, Progress())
    assert [begin for asked, begin in mirror.asked if asked == path] == [100]


def test_a_damaged_beginning_is_thrown_away(mirror: Mirror, cache: Cache) -> None:
    entry = archive.Archive(cache.folder("apt"), Progress()).find("linux-source-6.1", ["bookworm"])
    assert entry is not None
    (cache.root / "apt" / f"{entry.sha256}.deb").write_bytes(b"x" * 10)
    assert fetch_debian("6.1", cache, Progress())


def test_a_list_that_breaks_off(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.lists()
    mirror.files[path] = mirror.files[path][:-9]
    assert refusal(cache).exit_code == 4


@pytest.mark.parametrize("what", ["InRelease", "list", "package"])
def test_what_is_larger_than_it_may_be(
    mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    paths = {"InRelease": [p for p in mirror.files if p.endswith("InRelease")], "list": mirror.lists()}
    (path,) = paths.get(what, mirror.packages())
    monkeypatch.setattr(archive, "MOST_RELEASE", len(mirror.files[next(p for p in mirror.files if "InRel" in p)]))
    mirror.extra[path] = b"\n" * 100_000
    error = str(refusal(cache))
    assert "sends more than" in error or "instead of" in error
    assert all(p.stat().st_size < 100_000 for p in (cache.root / "apt").iterdir())


def test_sizes_that_no_list_and_no_package_has(mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_PACKAGE", 10)
    assert "linux-source-6.1 in bookworm: has a declared size" in str(refusal(cache))
    monkeypatch.setattr(archive, "MOST_UNPACKED", 10)
    assert "unpacks to more than any list of packages" in str(refusal(cache))
    monkeypatch.setattr(archive, "MOST_LIST", 10)
    assert "has a declared size" in str(refusal(cache))
    assert not [p for p, _ in mirror.asked if p.endswith(".deb")]


# Old news, other suites.


def test_a_suite_that_is_out_of_date(mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    mirror.put(Suite("bookworm", [package()], date=now - 9 * DAY, valid_until=now - DAY))
    assert "was valid until" in str(refusal(cache))
    told = Settings((mirror.address,), (), valid_until=False)
    monkeypatch.setattr(archive, "settings", lambda progress: told)
    assert fetch_debian("6.1", cache, Progress())


def test_a_suite_of_the_future(mirror: Mirror, cache: Cache) -> None:
    mirror.put(Suite("bookworm", [package()], date=time.time() + 3 * DAY))
    assert "in the future" in str(refusal(cache))


def test_a_suite_older_than_was_seen(mirror: Mirror, cache: Cache) -> None:
    reached = archive.Archive(cache.folder("apt"), Progress())
    assert reached.find("linux-source-6.1", ["bookworm"])
    mirror.put(Suite("bookworm", [package()], date=time.time() - 7 * DAY))  # a mirror may lag
    assert reached.find("linux-source-6.1", ["bookworm"])
    mirror.put(Suite("bookworm", [package()], date=time.time() - 30 * DAY))
    assert "was seen" in str(refusal(cache))


@pytest.mark.parametrize(("codename", "says"), [("trixie", "Debian trixie"), ("bookworm-updates", "bookworm-updates")])
def test_another_suite_s_file(mirror: Mirror, cache: Cache, codename: str, says: str) -> None:
    mirror.put(Suite("bookworm", [package()], codename=codename))
    assert f"is of {'Debian ' if ' ' not in says else ''}{says}, not of Debian bookworm" in str(refusal(cache))


def test_a_suite_that_cannot_be_used_is_passed_over_with_a_word(mirror: Mirror, cache: Cache) -> None:
    now = time.time()
    mirror.put(Suite("bookworm-security", [], date=now - 9 * DAY, valid_until=now - DAY), security=True)
    notes = Notes()
    assert fetch_debian("6.1", cache, notes)
    assert any("passed over: " in line and "was valid until" in line for line in notes.said)


def test_a_forged_suite_is_not_passed_over(mirror: Mirror, cache: Cache) -> None:
    mirror.put(Suite("bookworm-security", [package()], key=OTHER_KEY), security=True)
    assert "is not signed by Debian's archive" in str(refusal(cache))


def test_a_mirror_that_does_not_answer_is_passed_over(
    mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Settings(("http://127.0.0.1:9/debian", mirror.address), ())
    monkeypatch.setattr(archive, "settings", lambda progress: told)
    monkeypatch.setattr(download, "TRIES", 2)
    assert fetch_debian("6.1", cache, Progress())
    monkeypatch.setattr(archive, "settings", lambda progress: Settings(("http://127.0.0.1:9/debian",), ()))
    error = refusal(Cache(cache.root / "other"))
    assert "cannot be downloaded" in str(error)
    assert error.exit_code == 4


# Addresses and names.


def test_a_redirection_is_followed(mirror: Mirror, cache: Cache) -> None:
    (path,) = mirror.packages()
    mirror.files["/elsewhere"] = mirror.files.pop(path)
    mirror.moved[path] = "/elsewhere"
    assert fetch_debian("6.1", cache, Progress())


@pytest.mark.parametrize(
    ("target", "says"),
    [("file:///etc/passwd", "is not allowed"), ("ftp://127.0.0.1/x", "not a web address"), ("loop", "302")],
)
def test_a_redirection_that_leads_nowhere(mirror: Mirror, cache: Cache, target: str, says: str) -> None:
    (path,) = mirror.packages()
    mirror.moved[path] = path if target == "loop" else target
    error = refusal(cache)
    assert error.exit_code == 4
    assert says in str(error)


@pytest.mark.parametrize(
    "name",
    ["../../etc/x.deb", "/etc/x.deb", "pool/../../x.deb", "http://elsewhere/x.deb", "pool/x y.deb", "-o.deb", "pool/x"],
)
def test_a_file_s_name_that_leads_elsewhere(mirror: Mirror, cache: Cache, name: str) -> None:
    mirror.put(Suite("bookworm", [package()], filename=name))
    assert f"its file's path is unsafe: {name}" in str(refusal(cache))


@pytest.mark.parametrize("name", ["../../evil", "../evil", "/evil-of-kit"])
def test_nothing_is_unpacked_outside(mirror: Mirror, cache: Cache, tmp_path: Path, name: str) -> None:
    tree = tar({"linux-source-6.1/Makefile": b"VERSION = 6\nPATCHLEVEL = 1\n", f"linux-source-6.1/{name}": b"x"})
    mirror.put(Suite("bookworm", [("linux-source-6.1", "1", deb(tar({"./usr/src/linux-source-6.1.tar.xz": tree})))]))
    with suppress(MachineError):
        fetch_debian("6.1", cache, Progress())
    assert not list(tmp_path.glob("evil")) + list(cache.root.glob("evil")) + list(cache.root.glob("trees/evil"))
    assert not list(cache.root.glob("trees/.new-*"))
    assert not os.path.exists("/evil-of-kit")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no ar file"),
        (b"!<arch>\n", "no data.tar"),
        (deb(tar({"./x": b""})), "holds no usr/src/linux-source-6.1.tar.xz"),
        (kernel("6.1")[:300], "not a complete package"),
        (deb(b"", ".lzma"), "is compressed as .lzma"),
    ],
)
def test_what_is_no_package(mirror: Mirror, cache: Cache, content: bytes, says: str) -> None:
    mirror.put(Suite("bookworm", [("linux-source-6.1", "1", content or b"x")]))
    assert says in str(refusal(cache))


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_other_packings_of_a_package(mirror: Mirror, cache: Cache, packing: str) -> None:
    tree = tar({"linux-source-6.1/Makefile": b"VERSION = 6\nPATCHLEVEL = 1\n"})
    data = tar({"./usr/src/linux-source-6.1.tar.xz": tree}, packing.removeprefix("."))
    mirror.put(Suite("bookworm", [("linux-source-6.1", "1", deb(data, packing))]))
    assert fetch_debian("6.1", cache, Progress())


def test_a_full_disk_is_said_before_the_package_is_fetched(
    mirror: Mirror, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cache, "free_bytes", lambda self: 10**9)
    assert "2.3 GB are needed, 1.0 GB are free" in str(refusal(cache))
    assert not [p for p, _ in mirror.asked if p.endswith(".deb")]


# Versions, and what this machine's apt is told.

VERSIONS = "1 1.0 1.0-1 1.0-1+b1 1.0~rc1-1 1.0~~ 1.0~ 1:0.5 0:1.0 1.0a 1.0+ 1.0. 6.1.9-1 6.1.10-1~deb11u1 2-0 2"


def test_versions_are_ordered_as_dpkg_does() -> None:
    if not shutil.which("dpkg"):
        pytest.skip("no dpkg here")
    for one in VERSIONS.split():
        for other in VERSIONS.split()[::4]:
            argv = ["dpkg", "--compare-versions", one, "lt", other]
            less = subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == 0
            assert (compare(one, other) < 0) is less, (one, other)


@pytest.mark.parametrize(
    ("one", "order", "other"),
    [("6.1.9-1", -1, "6.1.10-1"), ("1.0~rc1", -1, "1.0"), ("1:0.1", 1, "9"), ("1.0-1", 0, "1.0-1"), ("1a", -1, "1+")],
)
def test_versions_in_order(one: str, order: int, other: str) -> None:
    assert (compare(one, other), compare(other, one)) == (order, -order)


CONFIG = """\
#!/bin/sh
printf '%s\\n' 'Acquire "";' 'Acquire::http "";' 'Acquire::http::Proxy "http://near:3142/";' \\
    'Acquire::https::Proxy "DIRECT";' 'Acquire::Check-Valid-Until "false";' 'Acquire::Retries "3";'
"""
TARGETS = """\
#!/bin/sh
printf '%s\\n' 'Debian|Debian-Security|http://near/security/' 'Microsoft|prod|http://far/debian/' \\
    'Debian|Debian|http://near/debian/' 'Debian|Debian|http://near/debian/' 'Debian|Debian|file:/media/x/' '||http://n/'
"""


def test_what_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MIRROR, raising=False)
    assert shutil.which("setpriv")
    for name, text in (("apt-config", CONFIG), ("apt-get", TARGETS)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    told = settings(Progress())
    assert told.mirrors == ("http://near/debian", archive.DEFAULT)
    assert told.security == ("http://near/security", f"{archive.DEFAULT}-security")
    assert (told.proxies, told.valid_until, told.date) == ({"http": "http://near:3142/"}, False, True)
    monkeypatch.setenv(MIRROR, "http://mine/debian/")
    told = settings(Progress())
    assert (told.mirrors, told.security) == (("http://mine/debian",), ("http://mine/debian-security",))
    monkeypatch.setenv("PATH", "")
    assert settings(Progress()) == Settings(("http://mine/debian",), ("http://mine/debian-security",))


def test_suites_are_named_once_for_each_version() -> None:
    assert debian.SUITES["6.1"] == ("bookworm-security", "bookworm")
    assert all(len(set(suites)) == len(suites) for suites in debian.SUITES.values())
