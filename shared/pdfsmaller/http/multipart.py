"""One file that comes by a multipart form (RFC 7578), read while it comes: text fields first, then the file.

Werkzeug's own reader of forms lays every file down before anybody is asked whether it may come.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

from werkzeug.sansio.multipart import Data, Event, Field, File, NeedData

from pdfsmaller import errors
from pdfsmaller.http.form_decoder import FormDecoder

_CHUNK_BYTES = 1 << 18
#: Of all that comes before the file, in bytes. A form of ours has a tenth of it.
_MAX_FIELDS_BYTES = 100_000
_FILE = "file"


class UploadedForm:
    """The text fields of a form, and its file as a stream.

    Args:
        body: the request's.
        boundary: the parameter of its media type; None where it has none.

    Attributes:
        fields: those that came before the file.

    Raises:
        BadRequest: it is no form that has a file after its fields.
    """

    def __init__(self, body: IO[bytes], boundary: str | None) -> None:
        if not boundary:
            raise errors.BadRequest("Send the form's fields, and then its file, as multipart/form-data.")
        self._body = body
        self._decoder = FormDecoder(boundary.encode(errors="replace"))
        self.fields: dict[str, str] = {}
        self._read_fields()

    def file(self, max_bytes: int) -> IO[bytes]:
        """The file, to be read once.

        Reading it raises EmptyFile or FileTooLarge where it has no byte or more than ``max_bytes``, and BadRequest
        where the form breaks off.
        """
        return io.BufferedReader(_Stream(self._checked(max_bytes)), _CHUNK_BYTES)

    def _read_fields(self) -> None:
        name, value, read = "", b"", 0
        while True:
            event = self._next_event()
            if isinstance(event, NeedData):
                read += self._receive()
                if read > _MAX_FIELDS_BYTES + _CHUNK_BYTES:
                    raise errors.BadRequest(f"The file must come within the form's first {_MAX_FIELDS_BYTES:,} bytes.")
            elif isinstance(event, File | Field) and event.name == _FILE:
                return
            elif isinstance(event, File):
                raise errors.BadRequest(f"A file came in the field {event.name!r}. The field is called {_FILE!r}.")
            elif isinstance(event, Field):
                name, value = event.name, b""
            elif isinstance(event, Data):
                value += event.data
                self.fields[name] = value.decode(errors="replace")

    def _checked(self, max_bytes: int) -> Iterator[bytes]:
        """The file's bytes as they come."""
        given, ended = 0, False
        while not ended:
            event = self._next_event()
            if isinstance(event, NeedData):
                self._receive()
            elif isinstance(event, Data):
                given, ended = given + len(event.data), not event.more_data
                if given > max_bytes:
                    raise errors.FileTooLarge(
                        f"The file has more than the {max_bytes:,} bytes that were announced for it. Begin an upload "
                        "(POST /api/uploads) with its real size."
                    )
                yield event.data
        if not given:
            raise errors.EmptyFile("The file is empty (0 bytes). Send one with something in it.")

    def _next_event(self) -> Event:
        try:
            return self._decoder.next_event()
        except ValueError:  # what is not UTF-8 is one too
            raise errors.BadRequest(
                "The form is broken, or broke off. Send its fields, and then its file in the field 'file'."
            ) from None

    def _receive(self) -> int:
        chunk = self._body.read(_CHUNK_BYTES)
        self._decoder.receive_data(chunk or None)
        return len(chunk)


class _Stream(io.RawIOBase):
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
