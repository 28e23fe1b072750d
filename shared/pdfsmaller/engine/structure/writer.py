"""Writes a PDF object by object, straight to disk, so that memory does not grow with the document.

qpdf holds every object of a document until it is saved; here an object is gone as soon as it is written, and what stays
is eight bytes of offset for each, and a digest for each that may be shared. Objects are given as PDF syntax
(ISO 32000-1, 7.3), with references to numbers that this writer has handed out.

*Values* are objects that are nothing but their content (images, fonts, profiles): one written twice is stored once.
"""

from __future__ import annotations

import hashlib
from array import array
from concurrent.futures import Executor, Future
from typing import IO

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.structure.objects import write_string

#: One object stream holds at most so many objects, and about so many bytes before it is deflated. Readers inflate a
#: whole stream for one object of it, and keep some; Deflate itself looks back 32 KB.
OBJECTS_PER_STREAM = 4000
STREAM_BYTES = 200_000
_DIGEST_BYTES = 16

_IN_STREAM = 1 << 62


class PdfWriter:
    """One file being written. ``finish`` makes it whole.

    Args:
        file: open for writing in binary, at its start.
        version: the header's, e.g. ``1.7``; object streams need 1.5.
        object_streams: pack objects that are no streams into compressed ones.
        effort: how hard this writer deflates what it deflates itself.
        pool: deflates object streams aside; they are then held until the end.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        version: str = "1.7",
        object_streams: bool = True,
        effort: Effort = "default",
        pool: Executor | None = None,
    ) -> None:
        self._file = file
        self._effort: Effort = effort
        self._packing = object_streams
        self._pool = pool
        self._deflating: list[tuple[int, bytes, Future[bytes]]] = []
        self._position = 0
        #: Where each object is: its offset, or ``_IN_STREAM`` + number of its object stream << 16 + index; 0 = free.
        self._where = array("Q", [0])
        self._values: dict[bytes, int] = {}
        self._waiting: list[tuple[int, bytes]] = []
        self._waiting_bytes = 0
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
            self._mark(number)
            self._put(b"%d 0 obj\n%s\nendobj\n" % (number, body))
            return number
        self._waiting.append((number, body))
        self._waiting_bytes += len(body)
        if len(self._waiting) >= OBJECTS_PER_STREAM or self._waiting_bytes >= STREAM_BYTES:
            self.flush()
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
        # Every line end here is one that PDF/A wants (ISO 19005-1, 6.1.7 and 6.1.8).
        self._put(b"%d 0 obj\n<<%s/Length %d>>stream\n" % (number, entries, len(data)))
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

    def flush(self, *, is_last: bool = False) -> None:
        """Write the waiting objects as one object stream (7.5.7); where it is the last, no thread is needed for it."""
        if not self._waiting:
            return
        holder = self.reserve()
        index, bodies, offset = [], [], 0
        for place, (number, body) in enumerate(self._waiting):
            index.append(b"%d %d" % (number, offset))
            if body[-1:] not in (b">", b"]", b")"):
                body += b" "
            bodies.append(body)
            offset += len(body)
            self._where[number] = _IN_STREAM | holder << 16 | place
        head = b" ".join(index) + b" "
        data = head + b"".join(bodies)
        entries = b"/Type/ObjStm/N %d/First %d/Filter/FlateDecode" % (len(self._waiting), len(head))
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._pool is None:
            self.write_stream(entries, zlib_compress(data, self._effort), holder)
        elif is_last:
            packed: Future[bytes] = Future()
            packed.set_result(zlib_compress(data, self._effort))
            self._deflating.append((holder, entries, packed))
        else:
            self._deflating.append((holder, entries, self._pool.submit(zlib_compress, data, self._effort)))

    def finish(self, root: int, info: int | None = None, *, lasting: bytes | None = None) -> None:
        """Write what makes the objects a document: the cross-reference table and the trailer.

        Args:
            root: the catalog's number.
            info: the document information's number.
            lasting: the file identifier of all versions of the document, as PDF syntax; empty where there is to be
                none. Default: one made from the objects.
        """
        self.flush(is_last=True)
        for holder, entries, packed in self._deflating:
            self.write_stream(entries, packed.result(), holder)
        self._deflating.clear()
        trailer = b"/Root %d 0 R" % root
        if info:
            trailer += b"/Info %d 0 R" % info
        if lasting != b"":
            own = write_string(self._fingerprint.digest())
            trailer += b"/ID[%s%s]" % (own if lasting is None else lasting, own)
        start = self._write_xref_stream(trailer) if self._packing else self._write_xref_table(trailer)
        self._put(b"startxref\n%d\n%%%%EOF\n" % start)

    # --- details ------------------------------------------------------------------------------------------------

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _mark(self, number: int) -> None:
        self._where[number] = self._position

    def _write_xref_stream(self, trailer: bytes) -> int:
        """The cross-reference stream (7.5.8), where it starts; its rows in the shortest of three forms.

        As they are, deflated, or deflated as differences to the row above.
        """
        number = self.reserve()
        start = self._position
        self._mark(number)
        indices = [where & 0xFFFF for where in self._where if where & _IN_STREAM]
        width = (max(start, len(self._where)).bit_length() + 7) // 8
        last = (max(indices, default=0).bit_length() + 7) // 8
        rows = []
        for where in self._where:
            if where & _IN_STREAM:
                holder = where >> 16 & (1 << 40) - 1
                rows.append(b"\2" + holder.to_bytes(width, "big") + (where & 0xFFFF).to_bytes(last, "big"))
            else:
                rows.append((b"\1" if where else b"\0") + where.to_bytes(width, "big") + bytes(last))
        plain = b"".join(rows)
        above = bytes(1 + width + last)
        predicted = bytearray()
        for row in rows:
            predicted.append(2)  # PNG's filter "up"
            predicted += bytes((new - old) & 0xFF for new, old in zip(row, above, strict=True))
            above = row
        flate, parameters = b"/Filter/FlateDecode", b"/DecodeParms<</Predictor 12/Columns %d>>" % len(above)
        forms = [
            (b"", plain),
            (flate, zlib_compress(plain, self._effort)),
            (flate + parameters, zlib_compress(bytes(predicted), self._effort)),
        ]
        coding, data = min(forms, key=lambda form: len(form[0]) + len(form[1]))
        entries = b"/Type/XRef/Size %d/W[1 %d %d]" % (len(self._where), width, last)
        self.write_stream(entries + coding + trailer, data, number)
        return start

    def _write_xref_table(self, trailer: bytes) -> int:
        start = self._position
        self._put(b"xref\n0 %d\n0000000000 65535 f \n" % len(self._where))
        for where in self._where[1:]:
            self._put(b"%010d 00000 n \n" % where if where else b"0000000000 00000 f \n")
        self._put(b"trailer\n<<%s/Size %d>>\n" % (trailer, len(self._where)))
        return start
