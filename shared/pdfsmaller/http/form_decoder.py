"""Werkzeug's decoder of multipart forms, but that it compiles nothing.

It looks for a form's boundary by two regular expressions with the boundary in them. Every client makes up a boundary
for every form, so that both were compiled for each: a quarter of the processor time of a request with a small file.
"""

from __future__ import annotations

import re
from contextlib import suppress

from werkzeug import formparser
from werkzeug.sansio.multipart import Event, MultipartDecoder

#: What may follow a boundary: the sign that it is the last one, or the end of its line.
_AFTER = re.compile(rb"(--[^\S\n\r]*(?:\r\n|\n|\r)?|[^\S\n\r]*(?:\r\n|\n|\r))")
_BREAKS = b"\r\n"
_FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n--bx\r\n--b--\r\n'
#: Its beginning, the file, the file's data.
_EVENTS = 3


class FormDecoder(MultipartDecoder):
    """See ``MultipartDecoder``."""

    def __init__(
        self, boundary: bytes, max_form_memory_size: int | None = None, *, max_parts: int | None = None
    ) -> None:
        super().__init__(b"", max_form_memory_size, max_parts=max_parts)  # Python keeps what is always the same
        self.boundary = boundary
        self.preamble_re = _Delimiter(boundary, is_first=True)  # type: ignore[assignment]
        self.boundary_re = _Delimiter(boundary, is_first=False)  # type: ignore[assignment]


def read_forms_so() -> None:
    """Have requests read their forms with this decoder, where it reads one as werkzeug's own does: another release may
    look elsewhere for what is replaced here.
    """
    if _reads(FormDecoder) == _reads(MultipartDecoder):
        formparser.MultipartDecoder = FormDecoder  # type: ignore[attr-defined]


def _reads(kind: type[MultipartDecoder]) -> list[Event] | None:
    """What a decoder makes of a small form; None where it can make nothing of it."""
    with suppress(Exception):  # whatever it is, it is not ours
        decoder = kind(b"b")
        decoder.receive_data(_FORM)
        return [decoder.next_event() for _ in range(_EVENTS)]
    return None


class _Delimiter:
    """The boundary in a line of its own: what is used of a compiled ``re.Pattern``.

    Args:
        is_first: there need be no line before it.
    """

    def __init__(self, boundary: bytes, *, is_first: bool) -> None:
        self._mark, self._is_first = b"--" + boundary, is_first

    def search(self, data: bytes | bytearray, begin: int = 0) -> _Found | None:
        at = data.find(self._mark, begin)
        while at >= 0:
            line_end = _line_break_before(data, at, begin)
            after = _AFTER.match(data, at + len(self._mark)) if line_end < at or self._is_first else None
            if after:
                return _Found(line_end, after)
            at = data.find(self._mark, at + 1)
        return None


class _Found:
    """What is used of a ``re.Match``."""

    def __init__(self, begin: int, after: re.Match[bytes]) -> None:
        self._begin = begin
        self.group, self.end = after.group, after.end

    def start(self) -> int:
        return self._begin


def _line_break_before(data: bytes | bytearray, at: int, begin: int) -> int:
    """Where the line break that ends at ``at`` begins; ``at`` where there is none from ``begin`` on."""
    if data[max(begin, at - 2) : at] == _BREAKS:
        return at - 2
    return at - 1 if at > begin and data[at - 1] in _BREAKS else at
