"""The identity of a file's content: git's blob id. The content of a symbolic link is its target."""

from __future__ import annotations

import hashlib
import os


class Link(bytes):
    """The target of a symbolic link."""


def blob_id(content: bytes) -> str:
    """The git blob id (SHA-1, 40 hex digits) of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def content_id(content: bytes | None) -> str:
    """A unique id: the blob id of a file, `link TARGET` for a symbolic link, empty for no file."""
    if content is None:
        return ""
    return f"link {os.fsdecode(bytes(content))}" if isinstance(content, Link) else blob_id(content)
