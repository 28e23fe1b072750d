"""Writes a document anew from its objects' text, in as few bytes as its syntax allows.

Only what the trailer reaches is written, values once (``values``); objects that are alike stand next to each other, so
that Deflate finds them again; what is no stream goes into large object streams (ISO 32000-1, 7.5.7) unless the standard
that the document claims forbids them. Small documents get the plain cross-reference table where that is shorter.

Nothing here encrypts or linearizes: qpdf does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from pikepdf import Array, Pdf, String

from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.structure.objects import (
    Body,
    Objects,
    read_objects,
    use_device_rgb,
    walk,
    write_string,
)
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.structure.values import merge_values, place_values
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.engine.workers import WORKERS

_TYPE = re.compile(rb"/Type/(\w+)")
_VERSION = re.compile(r"[12]\.[0-9]")
# Object streams came with PDF 1.5.
_PACKED_VERSION = "1.5"
# The first version that wants annotations to be objects of their own.
_REFERRED_LINKS = "2.0"
# A document of so few objects may be smaller without object streams, which cost some 200 bytes.
_FEW_OBJECTS = 40


def write_packed(
    pdf: Pdf,
    target: Path,
    *,
    object_streams: bool,
    effort: Effort,
    device_rgb: Collection[ObjGen] = (),
    exact: bool = True,
) -> None:
    """Write the document.

    Args:
        device_rgb: profiles that mean the same as DeviceRGB.
        object_streams: the standard that the document claims, if any, allows them.
        exact: see ``read_objects``.

    Raises:
        pikepdf.PdfError: an object cannot be read.
    """
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="pack") as pool, target.open("wb") as file:
        count = _write(pdf, device_rgb, exact, file, object_streams, effort, pool)
    if object_streams and count <= _FEW_OBJECTS:
        plain = io.BytesIO()
        _write(pdf, device_rgb, exact, plain, False, effort, None)
        if plain.tell() < target.stat().st_size:
            target.write_bytes(plain.getvalue())


def _write(
    pdf: Pdf,
    device_rgb: Collection[ObjGen],
    exact: bool,
    file: IO[bytes],
    packed: bool,
    effort: Effort,
    pool: Executor | None,
) -> int:
    """Write the document; how many objects it has."""
    objects = read_objects(pdf, exact=exact)
    use_device_rgb(objects, device_rgb)
    merge_values(objects)
    version = _version(pdf, packed)
    place_values(objects, packed=packed, links=max(version, name_text(pdf.Root.get("/Version"))[1:]) < _REFERRED_LINKS)
    plain, streams = _order(objects)
    writer = PdfWriter(file, version=version, object_streams=packed, effort=effort, pool=pool)
    numbers = {place: writer.reserve() for place in (*plain, *streams)}
    for place in plain:
        writer.write(_text(objects.bodies[place], numbers), numbers[place])
    writer.flush(is_last=True)
    for place in streams:
        body = objects.bodies[place]
        assert body.stream is not None
        writer.write_stream(_text(body, numbers)[2:-2], body.stream.read_raw_bytes(), numbers[place])
    info = numbers[objects.info] if objects.info is not None else None
    writer.finish(numbers[objects.root], info, lasting=_lasting_id(pdf))
    return len(numbers)


def _order(objects: Objects) -> tuple[list[int], list[int]]:
    """The objects that are written: those that are no streams, like beside like, and the streams."""
    reached = walk(objects)
    plain = [place for place in reached if objects.bodies[place].stream is None]
    plain.sort(key=lambda place: _kind(objects.bodies[place]))
    return plain, [place for place in reached if objects.bodies[place].stream is not None]


def _kind(body: Body) -> bytes:
    """A name for objects that look much the same."""
    text = body.texts[0] if len(body.texts) == 1 else b"0 0 R".join(body.texts)
    if text[:1] == b"[":
        return b"["
    if found := _TYPE.search(text):
        return found[1]
    if b"/Rect" in text:
        return b"Annot"
    if b"/Parent" in text and b"/Title" in text:
        return b"Outline"
    return b"StructElem" if b"/S/" in text and b"/P " in text else b"~"


def _text(body: Body, numbers: dict[int, int]) -> bytes:
    pieces = [body.texts[0]]
    for place, text in zip(body.references, body.texts[1:], strict=True):
        pieces.append(b"%d 0 R" % numbers[place])
        pieces.append(text)
    return b"".join(pieces)


def _version(pdf: Pdf, packed: bool) -> str:
    version = pdf.pdf_version if _VERSION.fullmatch(pdf.pdf_version) else "1.7"
    return max(version, _PACKED_VERSION) if packed else version


def _lasting_id(pdf: Pdf) -> bytes:
    """The file identifier that stays through all versions of a document (14.4), as syntax; empty if it has none."""
    identity = pdf.trailer.get("/ID")
    if isinstance(identity, Array) and len(identity) and isinstance(first := identity[0], String):
        return write_string(bytes(first))
    return b""
