"""What is known of an object beside its bytes: a small JSON file, whose appearance is the object's own."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from typing import BinaryIO

from pdfsmaller.jobs.objects import ObjectInfo
from pdfsmaller.server.folder import names

logger = logging.getLogger(__name__)

_MODE = 0o600
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Facts:
    """An object's facts.

    Attributes:
        token: which file has its bytes; new with every writing, so it is the entity tag too.
        bytes: their number.
        modified: when it was written, in seconds since the epoch.
    """

    token: str
    bytes: int
    media_type: str
    metadata: dict[str, str] = field(default_factory=dict)
    modified: float = 0.0

    def info(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, self.bytes, self.token, self.modified, dict(self.metadata))


def create(name: str, folder: int) -> int:
    """A descriptor of a new file, for its owner alone."""
    return os.open(name, _WRITE, _MODE, dir_fd=folder)


def open_to_read(name: str, folder: int) -> int:
    """A descriptor of a file that is there."""
    return os.open(name, _READ, dir_fd=folder)


def write(target: BinaryIO, facts: Facts) -> None:
    """Write facts into an empty file, down to the disk."""
    body = {
        "token": facts.token,
        "bytes": facts.bytes,
        "media_type": facts.media_type,
        "metadata": facts.metadata,
    }
    target.write(json.dumps(body).encode())
    target.flush()
    os.fsync(target.fileno())


def read(stem: str, folder: int) -> Facts | None:
    """An object's facts; None where there is no such object."""
    try:
        with os.fdopen(open_to_read(stem + names.FACTS, folder), "rb") as file:
            return Facts(**json.load(file), modified=os.fstat(file.fileno()).st_mtime)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # not written by us: an object that nobody can say anything of
        logger.error("facts of an object cannot be read: %s", stem)
        return None
