"""Checks a clearsigned file and returns the signed text.

gpgv or sqv does the check, whichever this machine has for apt. Only the text that it returns as signed is used.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from kit.base import commands
from kit.base.errors import MachineError
from kit.base.progress import Progress

KEYRINGS = (  # Debian's and Ubuntu's debian-archive-keyring, Arch's, Fedora's debian-keyring; .pgp since 2025
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
)
STRONG = ("8", "9", "10", "11")  # RFC 9580, 9.5: SHA-256, SHA-384, SHA-512, SHA-224
LIMIT = 60.0
HINT = "nothing of it is used. If the keyring's package is old, renew it; else the mirror or the way to it is bad"


def keyring() -> Path:
    """The file with the archive's keys on this machine. Raises MachineError if there is none."""
    found = next((Path(name) for name in KEYRINGS if os.path.exists(name)), None)
    if found is None:
        raise MachineError("the keys of Debian's archive are not installed", where=KEYRINGS[0])
    return found


def signed_text(data: bytes, url: str, keys: Path, folder: Path, progress: Progress) -> str:
    """The text in `data` that a key of `keys` signed. Raises MachineError if none did, or a signature is wrong."""
    message, text = folder / "InRelease", folder / "InRelease.text"
    message.write_bytes(data)
    text.unlink(missing_ok=True)
    check = next((TOOLS[name] for name in TOOLS if shutil.which(name)), None)
    if check is None:
        raise MachineError(f"neither {' nor '.join(TOOLS)} is installed to check the signature", where=url)
    why = check(message, text, keys, progress)
    if why or not text.exists():
        raise MachineError(f"is not signed by Debian's archive: {why or 'no signed text'}", where=url, hint=HINT)
    return text.read_text(encoding="utf-8", errors="replace")


def _gpgv(message: Path, text: Path, keys: Path, progress: Progress) -> str:
    """Why the signature is rejected; empty if it is good. A further signature by an unknown key does no harm."""
    argv = ["gpgv", "--status-fd", "1", "--keyring", str(keys), "--output", str(text), str(message)]
    output = commands.run(argv, progress=progress, limit=LIMIT).output
    said = [line.split()[1:] for line in output.splitlines() if re.match(r"\[GNUPG:\] \S", line)]
    words = {line[0] for line in said}
    hashes = {line[8] for line in said if line[0] == "VALIDSIG" and len(line) > 8}
    if "GOODSIG" in words and not words & {"BADSIG", "NODATA"}:
        return "" if hashes and hashes <= set(STRONG) else "its hash is too weak"
    return "; ".join(line for line in output.splitlines() if line.startswith("gpgv: ")) or "gpgv finds no signature"


def _sqv(message: Path, text: Path, keys: Path, progress: Progress) -> str:
    argv = ["sqv", "--keyring", str(keys), "--output", str(text), "--cleartext", str(message)]
    done = commands.run(argv, progress=progress, limit=LIMIT)
    return "" if done.status == 0 else done.output.strip() or f"sqv ends with status {done.status}"


TOOLS = {"gpgv": _gpgv, "sqv": _sqv}
"""Tool → its check, in order of preference. Debian 13 has only sqv, in a version that reads clearsigned files (1.2)."""
