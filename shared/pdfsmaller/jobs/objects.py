"""What a ``Storage`` tells of an object, and the form by which somebody else sends one."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """A form for one file: POST ``fields`` and then ``file`` to ``url`` as multipart/form-data."""

    url: str
    fields: dict[str, str]
