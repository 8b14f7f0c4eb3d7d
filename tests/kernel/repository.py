"""A made-up Debian archive on a local web server: serves what a mirror of Debian serves, and its faults."""

from __future__ import annotations

import email.utils
import hashlib
import io
import lzma
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openpgp import Key

ARCHIVE_KEY = Key(b"the archive's own key, made up  ")
OTHER_KEY = Key(b"somebody else's key, made up too")
DAY = 86400


def tar(files: dict[str, bytes], packing: str = "xz") -> bytes:
    """A tar file with these files."""
    out = io.BytesIO()
    quick = {"preset": 0} if packing == "xz" else {}
    with tarfile.open(fileobj=out, mode=f"w:{packing}", **quick) as made:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def deb(data: bytes, packing: str = ".xz") -> bytes:
    """A package around its data.tar."""
    out = b"!<arch>\n"
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (f"data.tar{packing}", data)):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    return out


def kernel(series: str, package: str = "", **more: bytes) -> bytes:
    """A package linux-source-SERIES with a tree of one file, and `more`."""
    version, patchlevel = series.split(".")
    package = package or f"linux-source-{series}"
    makefile = f"VERSION = {version}\nPATCHLEVEL = {patchlevel}\nSUBLEVEL = 9\nEXTRAVERSION =\n".encode()
    tree = tar({f"{package}/Makefile": makefile, **{f"{package}/{name}": data for name, data in more.items()}})
    return deb(tar({f"./usr/src/{package}.tar.xz": tree, "./usr/share/doc/x": b"text"}))


@dataclass
class Suite:
    """A suite: its packages (name, version, content), and the fields of its files."""

    name: str
    packages: list[tuple[str, str, bytes]] = field(default_factory=list)
    codename: str = ""
    origin: str = "Debian"
    date: float = 0.0
    valid_until: float = 0.0
    key: Key = ARCHIVE_KEY
    by_hash: bool = True
    filename: str = ""


class Mirror:
    """The server's files: path → content. `asked`: the paths of requests, with the byte that they began at."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.short: dict[str, list[int]] = {}
        self.extra: dict[str, bytes] = {}
        self.asked: list[tuple[str, int]] = []

    def put(self, suite: Suite, *, security: bool = False) -> str:
        """Writes a suite; returns the path of its InRelease."""
        base = "/debian-security" if security else "/debian"
        stanzas = []
        for number, (name, version, content) in enumerate(suite.packages):
            filename = suite.filename or f"pool/main/l/linux/{name}_{version.replace(':', '%3a')}_{number}_all.deb"
            self.files[f"{base}/{filename}"] = content
            sha256 = hashlib.sha256(content).hexdigest()
            stanzas.append(
                f"Package: {name}\nSource: linux\nVersion: {version}\nArchitecture: all\nDescription: source\n"
                f" Package: in a description\nFilename: {filename}\nSize: {len(content)}\n"
                f"SHA256: {sha256}\n"
            )
        packed = lzma.compress("\n".join(stanzas).encode(), preset=0)
        sha256 = hashlib.sha256(packed).hexdigest()
        folder = f"{base}/dists/{suite.name}/main/binary-amd64"
        self.files[f"{folder}/by-hash/SHA256/{sha256}" if suite.by_hash else f"{folder}/Packages.xz"] = packed
        until = f"Valid-Until: {date(suite.valid_until)}\n" if suite.valid_until else ""
        release = (
            f"Origin: {suite.origin}\nLabel: Debian\nSuite: some\nCodename: {suite.codename or suite.name}\n"
            f"Date: {date(suite.date or time.time() - DAY)}\n{until}"
            f"Acquire-By-Hash: {'yes' if suite.by_hash else 'no'}\nSHA256:\n"
            f" {sha256} {len(packed)} main/binary-amd64/Packages.xz\n"
        )
        path = f"{base}/dists/{suite.name}/InRelease"
        self.files[path] = suite.key.clearsigned(release).encode()
        return path

    def lists(self) -> list[str]:
        """The paths of all lists of packages."""
        return [path for path in self.files if "binary-amd64" in path]

    def packages(self) -> list[str]:
        """The paths of all packages."""
        return [path for path in self.files if path.endswith(".deb")]


def date(seconds: float) -> str:
    """As Release files write it."""
    return email.utils.formatdate(seconds, usegmt=True).replace("GMT", "UTC")


@contextmanager
def serving() -> Iterator[Mirror]:
    """A mirror behind a server on this machine's loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            mirror.asked.append((self.path, begin))
            if self.path in mirror.moved:
                self.answer(302, b"", {"Location": mirror.moved[self.path]})
            elif self.path not in mirror.files:
                self.answer(404, b"", {})
            else:
                content = mirror.files[self.path]
                headers = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"} if begin else {}
                self.answer(206 if begin else 200, content[begin:], headers)

        def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            extra = mirror.extra.get(self.path, b"")
            if not extra:  # with more than was declared there is no length, as with an unending answer
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            cuts = mirror.short.get(self.path, [])
            self.wfile.write(content[: cuts.pop(0)] if cuts else content + extra)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror = Mirror(f"http://127.0.0.1:{server.server_port}/debian")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
