"""JPEG 2000 as far as an image has to be taken out of it: the codestream inside its file (ISO/IEC 15444-1).

A PDF's own colour space overrules the file's, so that where there is one the codestream alone matters.
"""

from __future__ import annotations

import struct

_START_OF_TILE_PART = 0x90
_SIZES = 0x51
_CODING_STYLE = 0x52
_END = 0xD9
_REVERSIBLE = 1


def codestream(data: bytes) -> bytes:
    """The codestream of a JP2 file (or the data itself, where it is one), readable by a strict decoder.

    Some encoders give the number of a tile's parts as one too few: it is made "not given", which every decoder takes.
    """
    stream = bytearray(_contiguous(data))
    position = 2
    while position + 12 <= len(stream) and stream[position] == 0xFF and stream[position + 1] != _END:
        length = struct.unpack(">H", stream[position + 2 : position + 4])[0]
        if stream[position + 1] != _START_OF_TILE_PART:
            position += 2 + length
            continue
        part = struct.unpack(">I", stream[position + 6 : position + 10])[0]
        stream[position + 11] = 0
        if part < 14:  # 0: up to the end; less is damaged
            break
        position += part
    return bytes(stream)


def is_plain(stream: bytes, components: int, *, lossless: bool) -> bool:
    """Whether a codestream holds so many components of 8 bits, all at full resolution.

    Args:
        lossless: ask also for the wavelet that gives back every sample in every decoder.
    """
    header = _main_header(stream)
    sizes, coding = header.get(_SIZES, b""), header.get(_CODING_STYLE, b"")
    if len(sizes) < 36 + 3 * components or len(coding) < 10:
        return False
    exact = coding[9] == _REVERSIBLE or not lossless
    return _components(sizes) == b"\x07\x01\x01" * components and exact


def is_of_8_bits(data: bytes) -> bool:
    """Whether all components of a JP2 file or a codestream have 8 bits, with a sign or without."""
    parts = _components(_main_header(_contiguous(data)).get(_SIZES, b""))
    return bool(parts) and all(depth & 0x7F == 7 for depth in parts[::3])


def _main_header(stream: bytes) -> dict[int, bytes]:
    """What the marker segments before the first tile hold, by the second byte of the marker."""
    found: dict[int, bytes] = {}
    position = 2
    while position + 4 <= len(stream) and stream[position + 1] != _START_OF_TILE_PART:
        length = struct.unpack(">H", stream[position + 2 : position + 4])[0]
        found[stream[position + 1]] = stream[position + 4 : position + 2 + length]
        position += 2 + length
    return found


def _components(sizes: bytes) -> bytes:
    """Three bytes for each: bits, and how far apart its samples are across and down."""
    count = struct.unpack(">H", sizes[34:36])[0] if len(sizes) >= 36 else 0
    return sizes[36 : 36 + 3 * count]


def _contiguous(data: bytes) -> bytes:
    """What the box of the codestream holds."""
    position = 0
    while position + 16 <= len(data) and data[:2] != b"\xff\x4f":
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        head = 8
        if length == 1:
            length, head = struct.unpack(">Q", data[position + 8 : position + 16])[0], 16
        if kind == b"jp2c":
            return data[position + head : position + length] if length else data[position + head :]
        if length < 8:
            break
        position += length
    return data
