"""ICC profiles that colours come from, without what only colours going to a device need.

A profile in an ``/ICCBased`` colour space is a source: readers use its tables from the device to the connection space
(``A2B0``–``A2B2``, or a matrix and curves) and never those back (``B2A0``–``B2A2``), nor gamut, previews, measurements
and vendors' private tags (ICC.1, 8.2). The profile of an output intent is a destination and keeps its tags. Where
losses are allowed, tables and curves are written in fewer bytes (``tables``).

Some readers' black point compensation looks at ``B2A0``, which goes only where losses are allowed; and pdfium knows
sRGB by the common profile's bytes, so that it is kept as a whole where they are not.
"""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from typing import Literal

from pikepdf import Array, Dictionary, Pdf, Stream

from pdfsmaller.engine.color.tables import narrow_table, thin_curve
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_SOURCE_TAGS = frozenset(
    {b"desc", b"cprt", b"wtpt", b"chad", b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"cicp"}
    | {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC"}
)
_DEVICE_TAGS = frozenset({b"B2A0", b"B2A1", b"B2A2", b"B2D0", b"B2D1", b"B2D2", b"B2D3"})
_TABLES = frozenset({b"A2B0", b"D2B0"})
_TO_LAB = frozenset({b"A2B0", b"A2B1", b"A2B2"})
_HEADER_BYTES = 128
_MOST_TAGS = 200
# The sRGB profile by Hewlett-Packard that most files have.
_SRGB_BYTES = 3144
_SRGB_NAME = b"sRGB IEC61966-2.1"
# sRGB's primaries as they stand in profiles, adapted to D50 (IEC 61966-2-1; ICC.1, annex E).
_SRGB_PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
_PRIMARY_TOLERANCE = 0.002
_CURVE_TOLERANCE = 0.004
_SAMPLES = 33
_MOST_PROFILE_BYTES = 20_000_000

Tags = dict[bytes, bytes]


def slim_profiles(pdf: Pdf, limits: Limits, *, exact: bool) -> None:
    """Take from every source profile what no reader needs of it; those that are alike but for their date become one.

    Args:
        exact: no pixel may change.

    Raises:
        LimitExceeded: a profile is over ``max_stream_bytes``.
    """
    destinations = _destinations(pdf)
    alike: dict[bytes, bytes] = {}
    for obj in pdf.objects:
        if not isinstance(obj, Stream) or (data := _profile(obj, limits)) is None:
            continue
        if obj.objgen in destinations:
            slim = data if exact else in_fewer_bytes(data)
        else:
            slim = slim_profile(data, exact=exact)
            # Distiller makes one for every colour space of PostScript that it meets, with the time of day.
            slim = alike.setdefault(_without_date(slim), slim)
        if slim != data:
            obj.write(slim)


def srgb_profiles(pdf: Pdf, limits: Limits) -> set[ObjGen]:
    """The profiles that mean what DeviceRGB means to every reader: none in a document with an output intent.

    Raises:
        LimitExceeded: a profile is over ``max_stream_bytes``.
    """
    if _destinations(pdf) or "/OutputIntents" in pdf.Root:
        return set()
    return {
        obj.objgen
        for obj in pdf.objects
        if isinstance(obj, Stream) and (data := _profile(obj, limits)) is not None and is_srgb(data)
    }


def _destinations(pdf: Pdf) -> set[ObjGen]:
    """The profiles of output intents."""
    found: set[ObjGen] = set()
    for holder in (pdf.Root, *(page.obj for page in pdf.pages)):
        intents = entry(holder, "/OutputIntents")
        for intent in intents.as_list() if isinstance(intents, Array) else []:
            profile = intent.get("/DestOutputProfile") if isinstance(intent, Dictionary) else None
            if isinstance(profile, Stream):
                found.add(profile.objgen)
    return found


def _profile(stream: Stream, limits: Limits) -> bytes | None:
    """The data of a stream that is a profile of as many components as it says."""
    with tolerate("icc_profile") as attempt:
        space = _SPACES.get(int(entry(stream, "/N") or 0))
        if space is None or "/Type" in stream or "/F" in stream:
            return None
        data = read_decoded(stream, limits)
    if attempt.failed:
        return None
    named = len(data) > _HEADER_BYTES and data[36:40] == b"acsp" and data[16:20] == space and data[12:16] in _CLASSES
    return data if named and len(data) <= _MOST_PROFILE_BYTES else None


def read_tags(data: bytes) -> Tags | None:
    """The tags of a profile by their signatures, or None where the profile is damaged."""
    if len(data) < _HEADER_BYTES + 4:
        return None
    (count,) = struct.unpack_from(">I", data, _HEADER_BYTES)
    if count > _MOST_TAGS or _HEADER_BYTES + 4 + 12 * count > len(data):
        return None
    tags: Tags = {}
    for index in range(count):
        name, offset, size = struct.unpack_from(">4sII", data, _HEADER_BYTES + 4 + 12 * index)
        if offset + size > len(data) or size < 8:
            return None
        tags[name] = data[offset : offset + size]
    return tags


def slim_profile(data: bytes, *, exact: bool) -> bytes:
    """The profile as a source, with the same colours; the profile itself where that cannot be.

    Args:
        exact: keep the tables to the device, through which some readers look for the darkest black, and all numbers.
    """
    if exact and len(data) == _SRGB_BYTES and _SRGB_NAME in data:
        return data
    tags = read_tags(data)
    if tags is None or not {b"desc", b"cprt", b"wtpt"} <= tags.keys():
        return data
    kept = {name: value for name, value in tags.items() if name in _SOURCE_TAGS or (exact and name in _DEVICE_TAGS)}
    if not kept.keys() & _TABLES and not (b"kTRC" in kept or {b"rTRC", b"rXYZ"} <= kept.keys()):
        return data
    for name in (b"desc", b"cprt"):
        kept[name] = _one_language(kept[name])
    if not exact:
        kept = _fewer(kept, data)
    header = bytearray(data[:_HEADER_BYTES])
    if kept.keys() & _TABLES and not kept.keys() & _DEVICE_TAGS:
        header[12:16] = b"scnr"  # the class that has no way back (ICC.1, 8.3)
    return _written(bytes(header), kept)


def in_fewer_bytes(data: bytes) -> bytes:
    """The whole profile, with its curves and tables to Lab in fewer bytes."""
    tags = read_tags(data)
    if tags is None or (fewer := _fewer(tags, data)) == tags:
        return data
    return _written(data[:_HEADER_BYTES], fewer)


def _fewer(tags: Tags, data: bytes) -> Tags:
    lab = data[20:24] == b"Lab "
    return {name: narrow_table(tag) if lab and name in _TO_LAB else thin_curve(tag) for name, tag in tags.items()}


def _without_date(data: bytes) -> bytes:
    """A profile without the time it was made at, and without its digest."""
    return data[:24] + data[36:84] + data[100:]


def _one_language(text: bytes) -> bytes:
    """A text without its translations (multiLocalizedUnicodeType), or without its padding (textDescriptionType)."""
    with suppress(struct.error):
        if text[:4] == b"mluc":
            count, size = struct.unpack_from(">II", text, 8)
            records = [struct.unpack_from(">4sII", text, 16 + size * index) for index in range(min(count, _MOST_TAGS))]
            name, length, offset = (
                next((r for r in records if r[0][:2] == b"en"), records[0]) if records else (b"",) * 3
            )
            if records and offset + length <= len(text):
                return struct.pack(">4s4xII4sII", b"mluc", 1, 12, name, length, 28) + text[offset : offset + length]
        elif text[:4] == b"desc":
            (length,) = struct.unpack_from(">I", text, 8)
            if 12 + length <= len(text):
                # No Unicode, no ScriptCode; its 67 bytes are there all the same (ICC.1:2001-04, 6.5.17).
                return struct.pack(">4s4xI", b"desc", length) + text[12 : 12 + length] + bytes(8 + 3 + 67)
    return text


def _written(header: bytes, tags: Tags) -> bytes:
    """A profile of these tags; equal ones share their data."""
    start = _HEADER_BYTES + 4 + 12 * len(tags)
    table, body, places = bytearray(), bytearray(), dict[bytes, int]()
    for name, value in tags.items():
        if value not in places:
            body += bytes(-len(body) % 4)
            places[value] = start + len(body)
            body += value
        table += struct.pack(">4sII", name, places[value], len(value))
    body += bytes(-len(body) % 4)
    size = start + len(body)
    named = header[84:100] != bytes(16)
    header = struct.pack(">I", size) + header[4:84] + bytes(16) + header[100:]
    data = header + struct.pack(">I", len(tags)) + bytes(table) + bytes(body)
    if not named:
        return data
    # The profile's ID is a digest of all but its flags, intent and itself (ICC.1, 7.2.18).
    digested = data[:44] + bytes(4) + data[48:64] + bytes(4) + data[68:]
    return data[:84] + hashlib.md5(digested, usedforsecurity=False).digest() + data[100:]


# --- sRGB -----------------------------------------------------------------------------------------------------------


def is_srgb(data: bytes) -> bool:
    """Whether a profile's primaries and curves are those of sRGB, and it has no tables beside them."""
    tags = read_tags(data)
    if tags is None or data[16:24] != b"RGB XYZ " or any(name in tags for name in _TABLES):
        return False
    with tolerate("icc_profile"):
        for name, primary in _SRGB_PRIMARIES.items():
            values = struct.unpack_from(">3i", tags[name], 8)
            if any(abs(v / 65536 - p) > _PRIMARY_TOLERANCE for v, p in zip(values, primary, strict=True)):
                return False
        return all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    return False


def _is_srgb_curve(curve: bytes) -> bool:
    kind: Literal["curv", "para"] = "curv" if curve[:4] == b"curv" else "para"
    for index in range(_SAMPLES):
        x = index / (_SAMPLES - 1)
        wanted = x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4
        found = _table_value(curve, x) if kind == "curv" else _formula_value(curve, x)
        if abs(found - wanted) > _CURVE_TOLERANCE:
            return False
    return True


def _table_value(curve: bytes, x: float) -> float:
    """A value of a curveType (ICC.1, 10.6)."""
    (count,) = struct.unpack_from(">I", curve, 8)
    if count == 0:
        return x
    if count == 1:
        return float(x ** (struct.unpack_from(">H", curve, 12)[0] / 256))
    position = x * (count - 1)
    low = min(int(position), count - 2)
    first, second = struct.unpack_from(">2H", curve, 12 + 2 * low)
    return float(first + (second - first) * (position - low)) / 65535


def _formula_value(curve: bytes, x: float) -> float:
    """A value of a parametricCurveType of the kind that sRGB is written in (ICC.1, 10.18, function 3)."""
    if curve[:4] != b"para" or struct.unpack_from(">H", curve, 8)[0] != 3:
        raise ValueError("another kind of curve")
    g, a, b, c, d = (value / 65536 for value in struct.unpack_from(">5i", curve, 12))
    return float((a * x + b) ** g if x >= d else c * x)
