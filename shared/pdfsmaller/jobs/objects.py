"""What a ``Storage`` tells of an object, and the forms and links by which others send and fetch one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

#: What the paths of forms and links begin with where this service itself answers to them.
FILES_PATH = "/files"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: key, size in bytes, entity tag (unquoted), when it was written (seconds since the epoch), the
    owner's metadata (names in small letters; ``list`` does not tell it).
    """

    key: str
    bytes: int
    etag: str = ""
    modified: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UploadForm:
    """A form for one file: POST ``fields`` and then ``file`` to ``url`` as multipart/form-data.

    ``url`` is a path below ``FILES_PATH`` where this service itself takes it.
    """

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartLink:
    """One part of a file that comes in parts: its number, counted from 1, its size in bytes, where to PUT it (None: it
    has come, or its link is to be asked for), and whether it has come.
    """

    number: int
    bytes: int
    url: str | None
    arrived: bool


@dataclass(frozen=True, slots=True)
class UploadParts:
    """What brings a file to the store in parts: which of its job's inputs it is, counted from 0, the size of every part
    but the last, in bytes, and the parts.
    """

    index: int
    part_bytes: int
    parts: list[PartLink]


#: What brings a file to the store.
Upload = UploadForm | UploadParts


@dataclass(frozen=True, slots=True)
class FormGrant:
    """What a form allows: an object of the uploads bucket under ``key``, of 1 to ``max_bytes`` bytes."""

    key: str
    max_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part of an object that has come: its number, counted from 1, its size in bytes, and its entity tag, which
    changes whenever its bytes do.
    """

    number: int
    bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class PartGrant:
    """What a link for a part allows: to send the part of this number, counted from 1, of exactly ``bytes`` bytes, of an
    upload to ``key``.
    """

    key: str
    upload_id: str
    number: int
    bytes: int


@dataclass(frozen=True, slots=True)
class LinkGrant:
    """What a link allows: to download an object of the results bucket under a name, as a media type."""

    key: str
    file_name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class ServedFile:
    """What a link leads to, open for reading, and what to say of it.

    Attributes:
        path: where the bytes lie below the store's folder, as names with slashes between them.
    """

    stream: BinaryIO
    path: str
    info: ObjectInfo
    grant: LinkGrant
