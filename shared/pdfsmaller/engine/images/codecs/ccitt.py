"""CCITT group 4 by libtiff; faxes of any kind wrapped for it to read."""

from __future__ import annotations

import struct

import pyvips

from pdfsmaller.engine.images.encoded import Encoded


def group_4(image: pyvips.Image) -> Encoded:
    """A one-band image of 0 and 255 as CCITT group 4; sample 1 = 255. Exact.

    The commoner value is coded as the fax's white, for which its run codes are made.
    """
    ones_are_common = image.avg() >= 128
    coded = image.invert() if ones_are_common else image
    tiff = coded.tiffsave_buffer(
        compression="ccittfax4", bitdepth=1, tile=False, tile_height=image.height, keep="none", bigtiff=False
    )
    parms: dict[str, int | bool] = {"/K": -1, "/Columns": image.width, "/Rows": image.height}
    # libtiff codes a 0 bit as white. Read back with BlackIs1 a 0 is a 0; without it white is a 1, which undoes the
    # inversion.
    if not ones_are_common:
        parms["/BlackIs1"] = True
    return Encoded(_tiff_strip(tiff), "/CCITTFaxDecode", image.width, image.height, 1, parms, exact=True)


def _tiff_strip(tiff: bytes) -> bytes:
    """The only strip of a small TIFF file that libtiff has written."""
    order = "<" if tiff[:2] == b"II" else ">"
    directory = struct.unpack(order + "I", tiff[4:8])[0]
    count = struct.unpack(order + "H", tiff[directory : directory + 2])[0]
    tags: dict[int, tuple[int, int]] = {}
    for index in range(count):
        entry = tiff[directory + 2 + 12 * index : directory + 14 + 12 * index]
        tag, kind, values = struct.unpack(order + "HHI", entry[:8])
        value = struct.unpack(order + ("H" if kind == 3 else "I"), entry[8 : 10 if kind == 3 else 12])[0]
        tags[tag] = (values, value)
    strips, offset = tags[273]
    if strips != 1:
        raise ValueError("more than one strip")
    return tiff[offset : offset + tags[279][1]]


def as_tiff(data: bytes, width: int, height: int, k: int, *, black_is_1: bool) -> bytes:
    """CCITT data wrapped as a TIFF file, for libtiff to decode (TIFF 6.0, section 11)."""
    compression, option = (4, (293, 0)) if k < 0 else (3, (292, 1 if k > 0 else 0))
    photometric = 1 if black_is_1 else 0
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, compression),
        (262, 3, photometric),
        (266, 3, 1),
        (273, 4, 8 + 2 + 11 * 12 + 4),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (option[0], 4, option[1]),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries)) + body + b"\0\0\0\0" + data
