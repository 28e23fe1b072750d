"""Writing encoded images into a document: only the entries that the coding changed are touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.objgen import ObjGen

# Entries that mean the same of an image and of a form (ISO 32000-1, tables 89 and 95).
_OF_ANY_XOBJECT = ("/OC", "/StructParent", "/Metadata")


def apply_images(pdf: Pdf, encoded: Mapping[ObjGen, Encoded], without: Iterable[ObjGen] = ()) -> None:
    """Put new codings in place of the stored ones, leaving out those in ``without``."""
    left_out = set(without)
    common = _Common(pdf)
    for objgen, image in encoded.items():
        if objgen not in left_out:
            stream = pdf.get_object(objgen)
            if isinstance(stream, Stream):
                if image.over is not None:
                    _write_layers(pdf, stream, image, image.over, common)
                else:
                    _write(stream, image, common)


class _Common:
    """What images have in common: a stream for all of the same bytes."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._streams: dict[bytes, Object] = {}

    def stream(self, data: bytes) -> Object:
        if data not in self._streams:
            self._streams[data] = self._pdf.make_stream(data)
        return self._streams[data]


def _write_layers(pdf: Pdf, stream: Stream, image: Encoded, over: tuple[Encoded, Encoded], common: _Common) -> None:
    """Turn an image into a form of the same name that paints its layers into the same unit square.

    ``Do`` shows both alike, so that nothing else on the page changes.
    """
    kept = {key: stream[key] for key in _OF_ANY_XOBJECT if key in stream}
    dropped = ("/Length", "/Filter", "/DecodeParms", *(["/Decode"] if image.drop_decode else []))
    entries = {key: value for key, value in stream.items() if key not in (*kept, *dropped)}
    paper, color = (pdf.make_indirect(Stream(pdf, b"", Dictionary(entries))) for _ in range(2))
    stencil = Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Image, ImageMask=True)
    _write(paper, image, common)
    _write(color, over[0], common)
    _write(stencil, over[1], common)
    color["/Mask"] = pdf.make_indirect(stencil)
    for key in list(stream.keys()):
        if key not in kept and key != "/Length":
            del stream[key]
    stream.write(b"/P Do /C Do")
    stream["/Type"], stream["/Subtype"] = Name.XObject, Name.Form
    stream["/BBox"] = Array([0, 0, 1, 1])
    stream["/Resources"] = Dictionary(XObject=Dictionary(P=paper, C=color))


def _write(stream: Stream, image: Encoded, common: _Common) -> None:
    color = _color_space(stream, image)
    entries: dict[str, object] = dict(image.parms)
    if image.shared is not None:
        entries["/JBIG2Globals"] = common.stream(image.shared)
    parms = Dictionary(entries) if entries else None
    for key in ("/DecodeParms", "/DP", "/F"):
        if key in stream:
            del stream[key]
    name = Name(image.filter)
    stream.write(image.data, filter=Array([Name.FlateDecode, name]) if image.deflated else name, decode_parms=parms)
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
