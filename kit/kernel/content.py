"""The content of a tree's file: bytes in, its identity as git has it out. A symbolic link's content is its target."""

from __future__ import annotations

import hashlib
import os


class Link(bytes):
    """The target of a symbolic link."""


def blob_id(content: bytes) -> str:
    """The git blob id (SHA-1, 40 hex digits) of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def content_id(content: bytes | None) -> str:
    """The blob id of a file, the target of a link, empty for no file: two that differ have different ones."""
    if content is None:
        return ""
    return f"link {os.fsdecode(bytes(content))}" if isinstance(content, Link) else blob_id(content)
