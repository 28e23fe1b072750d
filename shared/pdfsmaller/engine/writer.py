"""Writes a PDF object by object, straight to disk, so that memory does not grow with the document.

qpdf holds every object of a document until it is saved; here an object is gone as soon as it is written, and what stays
is eight bytes of offset for each, and a digest for each that may be shared. Objects are given as PDF syntax
(ISO 32000-1, 7.3), with references to numbers that this writer has handed out.

*Values* are objects that are nothing but their content (images, fonts, profiles): one written twice is stored once.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import IO

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.options import Effort

#: Objects in one object stream. Readers inflate a whole stream for one object of it; qpdf packs 100, others 200.
OBJECTS_PER_STREAM = 200
_DIGEST_BYTES = 16

_IN_STREAM = 1 << 62


class PdfWriter:
    """One file being written. ``finish`` makes it whole.

    Args:
        file: open for writing in binary, at its start.
        version: the header's, e.g. ``1.7``; object streams need 1.5.
        object_streams: pack objects that are no streams into compressed ones.
        effort: how hard this writer deflates what it deflates itself.
    """

    def __init__(
        self, file: IO[bytes], *, version: str = "1.7", object_streams: bool = True, effort: Effort = "default"
    ) -> None:
        self._file = file
        self._effort: Effort = effort
        self._packing = object_streams
        self._position = 0
        #: Where each object is: its offset, or ``_IN_STREAM`` + number of its object stream << 16 + index; 0 = free.
        self._where = array("Q", [0])
        self._values: dict[bytes, int] = {}
        self._waiting: list[tuple[int, bytes]] = []
        self._fingerprint = hashlib.md5(usedforsecurity=False)
        # The second line tells programs that the file is binary (7.5.2).
        self._put(b"%%PDF-%s\n%%\xbf\xf7\xa2\xfe\n" % version.encode())

    def reserve(self) -> int:
        """A number for an object that is written later. One that never is stands for null."""
        self._where.append(0)
        return len(self._where) - 1

    def write(self, body: bytes, number: int | None = None) -> int:
        """Write an object that is no stream; its number (a new one unless given)."""
        number = number or self.reserve()
        self._fingerprint.update(body)
        if not self._packing:
            self._put_object(number, body)
            return number
        self._waiting.append((number, body))
        if len(self._waiting) >= OBJECTS_PER_STREAM:
            self._flush()
        return number

    def write_stream(self, entries: bytes, data: bytes, number: int | None = None) -> int:
        """Write a stream; its number.

        Args:
            entries: the entries of its dictionary, without ``<<``, ``>>`` and ``/Length``.
            data: its data, encoded as ``entries`` say.
        """
        number = number or self.reserve()
        self._fingerprint.update(entries)
        self._fingerprint.update(len(data).to_bytes(8, "big"))
        self._mark(number)
        self._put(b"%d 0 obj\n<<%s /Length %d>>\nstream\n" % (number, entries, len(data)))
        self._put(data)
        self._put(b"\nendstream\nendobj\n")
        return number

    def write_value(self, body: bytes, data: bytes | None = None) -> int:
        """Write an object (with ``data``: a stream) that is nothing but its content, or find the one like it.

        Returns:
            Its number.
        """
        digest = hashlib.blake2b(body, digest_size=_DIGEST_BYTES, key=b"" if data is None else b"stream")
        if data is not None:
            digest.update(len(body).to_bytes(8, "big"))
            digest.update(data)
        key = digest.digest()
        number = self._values.get(key)
        if number is None:
            number = self.write(body) if data is None else self.write_stream(body, data)
            self._values[key] = number
        return number

    def finish(self, root: int, info: int | None = None) -> None:
        """Write what makes the objects a document: the cross-reference table and the trailer.

        Args:
            root: the catalog's number.
            info: the document information's number.
        """
        self._flush()
        identity = self._fingerprint.hexdigest().encode()
        trailer = b"/Root %d 0 R /ID [<%s><%s>]" % (root, identity, identity)
        if info:
            trailer += b" /Info %d 0 R" % info
        start = self._write_xref_stream(trailer) if self._packing else self._write_xref_table(trailer)
        self._put(b"startxref\n%d\n%%%%EOF\n" % start)

    # --- details ------------------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _mark(self, number: int) -> None:
        self._where[number] = self._position

    def _put_object(self, number: int, body: bytes) -> None:
        self._mark(number)
        self._put(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def _flush(self) -> None:
        """Write the waiting objects as one object stream (7.5.7)."""
        if not self._waiting:
            return
        holder = self.reserve()
        index, offset = [], 0
        for place, (number, body) in enumerate(self._waiting):
            index.append(b"%d %d" % (number, offset))
            offset += len(body) + 1
            self._where[number] = _IN_STREAM | holder << 16 | place
        head = b" ".join(index) + b"\n"
        packed = zlib_compress(head + b"\n".join(body for _, body in self._waiting), self._effort)
        entries = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(self._waiting), len(head))
        self._waiting.clear()
        self.write_stream(entries, packed, holder)

    def _write_xref_stream(self, trailer: bytes) -> int:
        """The cross-reference stream (7.5.8), its rows as differences to the row above; where it starts."""
        number = self.reserve()
        start = self._position
        self._mark(number)
        width = max(4, (start.bit_length() + 7) // 8)
        columns = 1 + width + 2
        rows = bytearray()
        above = bytes(columns)
        for place, where in enumerate(self._where):
            if where & _IN_STREAM:
                row = b"\2" + (where >> 16 & (1 << 40) - 1).to_bytes(width, "big") + (where & 0xFFFF).to_bytes(2, "big")
            elif where:
                row = b"\1" + where.to_bytes(width, "big") + b"\0\0"
            else:
                row = bytes(columns - 2) + (b"\xff\xff" if place == 0 else b"\0\0")
            rows.append(2)  # PNG's filter "up"
            rows += bytes((new - old) & 0xFF for new, old in zip(row, above, strict=True))
            above = row
        entries = b"/Type /XRef /Size %d /W [1 %d 2] /Filter /FlateDecode " % (len(self._where), width)
        entries += b"/DecodeParms <</Predictor 12 /Columns %d>> " % columns
        self.write_stream(entries + trailer, zlib_compress(bytes(rows), self._effort), number)
        return start

    def _write_xref_table(self, trailer: bytes) -> int:
        start = self._position
        self._put(b"xref\n0 %d\n0000000000 65535 f \n" % len(self._where))
        for where in self._where[1:]:
            self._put(b"%010d 00000 n \n" % where if where else b"0000000000 00000 f \n")
        self._put(b"trailer\n<<%s /Size %d>>\n" % (trailer, len(self._where)))
        return start
