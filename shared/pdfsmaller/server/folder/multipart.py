"""Objects that come in parts: each part is laid where it belongs in the bytes of the object to be.

So nothing is copied when the last one has come. Which parts have come stands in a file beside the bytes (``names``):
one line with the size of a part, and then a line for each thing that happens to a part, the newest last. It is written
under the lock of the folder (``branch.alone``), down to the disk, and after the bytes that it tells of; a line that a
crash has torn counts for nothing. The bytes have no facts before the end, so ``abort_unfinished`` finds them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from pdfsmaller.jobs.objects import PartInfo
from pdfsmaller.server.folder import facts, names

_CHUNK_BYTES = 1 << 20
_APPEND = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_FILL = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
#: Instead of an entity tag: the part is being written anew, and what lies there may be half of each.
_NONE = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it stands: the size of every part but the last, the object's media type, and what has come."""

    part_bytes: int
    media_type: str
    parts: list[PartInfo]

    def is_whole(self) -> bool:
        """Whether the parts lie side by side, without a gap, and there is one at all."""
        numbers = [part.number for part in self.parts]
        full = all(part.bytes == self.part_bytes for part in self.parts[:-1])
        return bool(numbers) and numbers == list(range(1, len(numbers) + 1)) and full


def begin(target: BinaryIO, part_bytes: int, media_type: str, stem: str, token: str, folder: int) -> None:
    """Write the beginning of an upload's list into an empty file, and make the file for the object's bytes."""
    target.write(_line([part_bytes, media_type]))
    target.flush()
    os.fsync(target.fileno())
    os.close(facts.create(names.data_of(stem, token), folder))


def read(stem: str, token: str, folder: int) -> Upload | None:
    """The upload as it stands; None where there is no such one (any more)."""
    known = facts.read(stem, folder)
    if known and known.token == token:
        return None  # it has ended, and somebody died before the list was gone
    try:
        with os.fdopen(facts.open_to_read(names.parts_of(stem, token), folder), "rb") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    events = [event for event in map(_event, lines) if event]
    if not events:
        return None  # somebody died while it was begun
    part_bytes, media_type = events.pop(0)
    parts: dict[int, PartInfo] = {}
    for number, size, etag in events:
        parts.pop(number, None)
        if etag != _NONE:
            parts[number] = PartInfo(number, size, etag)
    return Upload(part_bytes, media_type, [parts[number] for number in sorted(parts)])


def fill(part: PartInfo, source: BinaryIO, upload: Upload, stem: str, token: str, folder: int) -> None:
    """Lay a part that has come where it belongs, down to the disk, and say so. For who holds the folder's lock.

    Args:
        source: its bytes.
    """
    with os.fdopen(os.open(names.parts_of(stem, token), _APPEND, dir_fd=folder), "ab") as said:
        if said.tell() and not _ends_well(said.fileno(), said.tell()):
            said.write(b"\n")
        _say(said, [part.number, 0, _NONE])
        with os.fdopen(os.open(names.data_of(stem, token), _FILL, dir_fd=folder), "r+b") as target:
            target.seek((part.number - 1) * upload.part_bytes)
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
            target.flush()
            os.fsync(target.fileno())
        _say(said, [part.number, part.bytes, part.etag])


def close(parts: Sequence[PartInfo], stem: str, token: str, folder: int) -> int:
    """Cut what lies behind the last part, down to the disk; how many bytes there are."""
    size = sum(part.bytes for part in parts)
    with os.fdopen(os.open(names.data_of(stem, token), _FILL, dir_fd=folder), "r+b") as target:
        target.truncate(size)
        os.fsync(target.fileno())
    return size


def forget(stem: str, token: str, folder: int) -> None:
    """Remove an upload's list, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(names.parts_of(stem, token), dir_fd=folder)


def _say(target: BinaryIO, event: list[object]) -> None:
    target.write(_line(event))
    target.flush()
    os.fsync(target.fileno())


def _event(line: bytes) -> list[Any] | None:
    """What a line says; None for one that a crash has torn."""
    with suppress(ValueError):
        said = json.loads(line)
        return said if isinstance(said, list) else None
    return None


def _line(value: list[object]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _ends_well(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
