"""Downloads files over HTTP, with a limit on their size. Callers check hashes and signatures: nothing is trusted here.

A download that breaks off is resumed, even after kit was killed. Proxies come from the environment, else from apt.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.request import Request

from kit.base.errors import MachineError
from kit.base.progress import Task

TIMEOUT = 60.0  # seconds without a byte
LIMIT = 3600.0  # seconds for one file
TRIES = 5  # in a row that bring no byte
PAUSE = 1.0  # seconds before the second try, doubled before each further one
CHUNK = 1 << 18
SCHEMES = ("http", "https")


class NotThereError(Exception):
    """The server has no such file."""


class Web:
    """Downloads through this machine's proxies. `proxies`: scheme → URL, used if the environment names none."""

    def __init__(self, proxies: Mapping[str, str] | None = None) -> None:
        used = {**(proxies or {}), **urllib.request.getproxies()}
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler(used), _Redirects())
        self.opener.addheaders = [("User-Agent", "kit")]

    def save(self, url: str, path: Path, size: int, task: Task | None = None) -> None:
        """Downloads a file of exactly `size` bytes to `path`, resuming what is already there.

        Raises NotThereError, and MachineError if its size differs or the download fails.
        """
        self._bring(url, path, size, exact=True, task=task or Task())

    def read(self, url: str, most: int, folder: Path) -> bytes:
        """The content of a small file, of at most `most` bytes. `folder` holds it while it is downloaded. Raises as
        `save` does."""
        path = folder / "small"
        path.unlink(missing_ok=True)
        self._bring(url, path, most, exact=False, task=Task())
        return path.read_bytes()

    def _bring(self, url: str, path: Path, most: int, exact: bool, task: Task) -> None:
        _require_scheme(url)
        deadline = time.monotonic() + LIMIT
        tries, had = 0, _size(path)
        while True:
            try:
                if self._go_on(url, path, most, exact, deadline, task):
                    return
                why = f"it breaks off after {_size(path)} bytes"
            except urllib.error.HTTPError as error:
                if error.code in (404, 410):
                    raise NotThereError(url) from None
                if error.code < 500 and error.code not in (408, 429):
                    raise MachineError(f"cannot be downloaded: {error.code} {error.reason}", where=url) from error
                why = f"{error.code} {error.reason}"
            except (OSError, http.client.HTTPException) as error:
                why = _in_words(error)
            tries, had = (0, _size(path)) if _size(path) > had else (tries + 1, had)
            if tries >= TRIES or time.monotonic() > deadline:
                hint = "is there a network? The next start goes on where this one ended"
                raise MachineError(f"cannot be downloaded: {why}", where=url, hint=hint)
            time.sleep(min(PAUSE * 2**tries, 30))

    def _go_on(self, url: str, path: Path, most: int, exact: bool, deadline: float, task: Task) -> bool:
        """Makes one try; returns whether the file is complete. Raises MachineError if it is too large."""
        begun = _size(path)
        if exact and begun == most:
            return True
        request = Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
        with self.opener.open(request, timeout=TIMEOUT) as answer, path.open("ab") as file:
            if begun and not _goes_on(answer, begun):
                file.truncate(0)
            declared = answer.headers.get("Content-Length", "")
            whole = _size(path) + int(declared) if re.fullmatch("[0-9]{1,18}", declared) else None
            return _copy(answer, file, most, exact, whole, deadline, task, url)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        """As the library does it, but only to http and https URLs."""
        _require_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_scheme(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme not in SCHEMES:
        raise MachineError("not a web address", where=url, hint="it begins with http:// or https://")


def _goes_on(answer: http.client.HTTPResponse, begun: int) -> bool:
    """Whether the server sends the rest, not the whole file again."""
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-")


def _copy(
    answer: http.client.HTTPResponse,
    file: IO[bytes],
    most: int,
    exact: bool,
    whole: int | None,
    deadline: float,
    task: Task,
    url: str,
) -> bool:
    """Writes the answer to `file`; returns whether it is complete. `whole`: the size that the server declares."""
    if whole is not None and (whole > most or (exact and whole != most)):
        raise MachineError(f"has {whole} bytes instead of {'' if exact else 'at most '}{most}", where=url)
    while chunk := answer.read1(min(CHUNK, most + 1 - file.tell())):
        file.write(chunk)
        if file.tell() > most:
            raise MachineError(f"sends more than {most} bytes", where=url)
        task.update(file.tell(), most)
        if time.monotonic() > deadline:
            return False
    return file.tell() == (most if exact else whole if whole is not None else file.tell())


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _in_words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(reason).__name__
