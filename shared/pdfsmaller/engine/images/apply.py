"""Writing encoded images into a document: only the entries that the coding changed are touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from pdfsmaller.engine.images.encode import Encoded
from pdfsmaller.engine.images.find import ObjGen


def apply_images(pdf: Pdf, encoded: Mapping[ObjGen, Encoded], without: Iterable[ObjGen] = ()) -> None:
    """Put new codings in place of the stored ones, leaving out those in ``without``."""
    left_out = set(without)
    for objgen, image in encoded.items():
        if objgen not in left_out:
            stream = pdf.get_object(objgen)
            if isinstance(stream, Stream):
                _write(stream, image)


def _write(stream: Stream, image: Encoded) -> None:
    color = _color_space(stream, image)
    parms = Dictionary(image.parms) if image.parms else None
    for key in ("/DecodeParms", "/DP", "/F"):
        if key in stream:
            del stream[key]
    stream.write(image.data, filter=Name(image.filter), decode_parms=parms)
    stream["/Width"] = image.width
    stream["/Height"] = image.height
    stencil = bool(stream.get("/ImageMask", False))
    if not stencil or "/BitsPerComponent" in stream:
        stream["/BitsPerComponent"] = image.bits
    if color is not None and not stencil:
        stream["/ColorSpace"] = color
    if image.drop_decode and "/Decode" in stream:
        del stream["/Decode"]
    if "/SMaskInData" in stream:
        del stream["/SMaskInData"]


def _color_space(stream: Stream, image: Encoded) -> Object | None:
    """The new ``/ColorSpace``, or None to keep the present one."""
    present = stream.get("/ColorSpace")
    base: Object | None = None
    if image.color == "gray":
        base = Name.DeviceGray
    elif image.color == "base" and isinstance(present, Array):
        base = present[1]
    elif present is None and not bool(stream.get("/ImageMask", False)):
        base = Name.DeviceRGB if image.filter == "/DCTDecode" else None
    if image.palette is None:
        return base
    over = base if base is not None else present
    return Array([Name.Indexed, over, image.entries - 1, String(image.palette)])
