"""JBIG2 as a PDF embeds it, back to pixels (ITU-T T.88): arithmetic codes and faxes, no halftones, no Huffman codes."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller.engine import lua

#: Files beside this one that those in Lua require, and the decoder of faxes.
PARTS = ("arithmetic", "regions", "tidied")
_FAX = "../images/ccitt"
FOLDER = Path(__file__).parent


class Undecodable(Exception):
    """A stream is damaged, or of a kind that this decoder does not know; ``reason`` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(data: bytes, shared: bytes, width: int, height: int) -> bytes:
    """One page's pixels.

    Args:
        data: of the image's stream.
        shared: of its ``/JBIG2Globals``, or nothing.
        width, height: that the image claims to have.

    Returns:
        A bit for each pixel, rows padded to bytes, a set bit being JBIG2's black.

    Raises:
        Undecodable: it is damaged, not of this size or not of a known kind.
        lua.Unavailable: there is no decoder here.
    """
    arguments = (shared, data, width, height)
    result = lua.call(FOLDER / "decode.lua", width * height, *arguments, parts=(*PARTS, _FAX), steady=False)
    if isinstance(result, bytes):
        return result
    raise Undecodable(result[1].decode())
