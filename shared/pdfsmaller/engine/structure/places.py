"""Where links lie and lead to, in tenths of a point: a third of the bytes of documents full of links.

Nobody sees them: a link's rectangle is where a click counts, a destination's place what a reader scrolls to. Places of
annotations that draw something stay as they are.
"""

from __future__ import annotations

import re

# Syntax as qpdf writes it. What a destination has after its place is its zoom.
_STRING = re.compile(rb"(\((?:[^\\()]+|\\.)*\)|<[0-9a-fA-F]*>)", re.DOTALL)
_LINK, _OTHER = b"/Subtype /Link", re.compile(rb"/Subtype /(?!Link\b)")
_PLACE = re.compile(rb"(/(?:Rect|QuadPoints) \[)((?: -?\d*\.?\d+)+)(?= \])")
_DESTINATION = re.compile(rb"(/XYZ|/FitB?[HV]|/FitR)((?: -?\d*\.?\d+(?= )){1,4})")
# How many numbers after these are places.
_PLACES = {b"/XYZ": 2, b"/FitR": 4}
_FRACTION = re.compile(rb" -?\d*\.\d\d+")


def in_tenths(text: bytes) -> bytes:
    """An object's syntax with the places of its links and destinations in tenths of a point."""
    if b"." not in text:
        return text
    links = _LINK in text and not _OTHER.search(text)
    if not links and b"/XYZ " not in text and b"/Fit" not in text:
        return text
    if b"(" not in text and b"<" not in text.replace(b"<<", b""):
        return _rounded(text, links)
    return b"".join(piece if index % 2 else _rounded(piece, links) for index, piece in enumerate(_STRING.split(text)))


def _rounded(text: bytes, links: bool) -> bytes:
    if links:
        text = _PLACE.sub(lambda found: found[1] + _FRACTION.sub(_tenth, found[2]), text)
    return _DESTINATION.sub(_destination, text)


def _destination(found: re.Match[bytes]) -> bytes:
    numbers = found[2].split(b" ")[1:]
    places = _PLACES.get(found[1], 1)
    return (
        found[1]
        + _FRACTION.sub(_tenth, b"".join(b" " + number for number in numbers[:places]))
        + b"".join(b" " + number for number in numbers[places:])
    )


def _tenth(number: re.Match[bytes]) -> bytes:
    return b" %.1f" % round(float(number[0]), 1)
