"""Large inline images become objects of their own, which can be shared and coded again.

Where the data of an inline image ends is a guess in general: its dictionary need not say, and the data may hold what
looks like its end. Without a filter the size follows from width, height, depth and components, and that is what readers
go by. (qpdf looks for the end alone, and took a part of an aerial photograph for content: the page's text was gone.)
What is not certain stays as it is: an image without filter that is not as long as it says, entries in both their forms
that contradict each other, a stream whose resources are not known.

Not done: Type 3 glyphs, whose images are few and small.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

from pikepdf import Array, Dictionary, Name, Object, Pdf, PdfError, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.lua import PerThread, available, new_function
from pdfsmaller.engine.streams import SHORT_FILTERS
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.walk.streams import ContentStream, content_of, resources_of
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Smaller ones stay inline: an object of its own costs about as much as it saves.
LEAST_BYTES = 1024

# ISO 32000-1, tables 93 and 94; filters: ``SHORT_FILTERS``.
_KEYS = {
    "/BPC": "/BitsPerComponent",
    "/CS": "/ColorSpace",
    "/D": "/Decode",
    "/DP": "/DecodeParms",
    "/F": "/Filter",
    "/H": "/Height",
    "/IM": "/ImageMask",
    "/I": "/Interpolate",
    "/L": "/Length",
    "/W": "/Width",
}
_SPACES = {"/G": "/DeviceGray", "/RGB": "/DeviceRGB", "/CMYK": "/DeviceCMYK", "/I": "/Indexed"}
_FOLDER = Path(__file__).parent


@record(frozen=True)
class InlineImage:
    """Where an inline image is in content: offsets in bytes.

    Attributes:
        begin, end: of all of it, from ``BI`` to ``EI``.
        id: of ``ID``.
        data_begin, data_end: of its data.
        certain: 1 if its data are as long as it says, or as they have to be.
    """

    begin: int
    id: int
    data_begin: int
    data_end: int
    end: int
    certain: int


_finders = PerThread(lambda: new_function(_FOLDER / "inline.lua", _FOLDER.parent / "content" / "scan.lua"))


def inline_images(content: bytes) -> list[InlineImage] | None:
    """Those in content, in their order; None where that cannot be told."""
    if not available():
        return None
    found = _finders.get()(content)
    if found is None:
        return None
    return [InlineImage(*map(int, line.split())) for line in found.splitlines()]


def externalize_inline_images(pdf: Pdf, streams: Iterable[ContentStream], limits: Limits) -> None:
    """Make the large inline images of some streams objects of their own, each where it was.

    Run on two copies of a file with the same streams, the new objects get the same numbers.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    for stream in streams:
        with tolerate("inline_images"):
            _externalize(pdf, stream, limits)


def _externalize(pdf: Pdf, stream: ContentStream, limits: Limits) -> None:
    owner = pdf.get_object(stream.objgen)
    holder = pdf.get_object(stream.holder) if stream.holder is not None else None
    if not (isinstance(owner, Dictionary | Stream) and isinstance(holder, Dictionary | Stream)):
        return
    if not (stream.page or "/Subtype" in owner or "/PatternType" in owner):  # a glyph
        return
    resources = copy.copy(resources_of(pdf, stream) or Dictionary())
    objects = resources.get("/XObject")
    objects = copy.copy(objects) if isinstance(objects, Dictionary) else Dictionary()
    content = content_of(owner, limits)
    parts, done, number = [], 0, 0
    for image in inline_images(content) or ():
        if image.data_end - image.data_begin < LEAST_BYTES:
            continue
        made = _made(pdf, content, image, resources.get("/ColorSpace"))
        if made is None:
            continue
        while (name := f"/IIm{number}") in objects:
            number += 1
        objects[name] = made
        parts += [content[done : image.begin], b"%s Do" % name.encode()]
        done = image.end
    if not parts:
        return
    data = b"".join([*parts, content[done:]])
    resources.XObject = objects
    holder["/Resources"] = resources
    if isinstance(owner, Stream):
        owner.write(data)
    else:
        owner["/Contents"] = pdf.make_stream(data)


def _made(pdf: Pdf, content: bytes, image: InlineImage, spaces: Object | None) -> Object | None:
    """The object for an inline image, or None where it has to stay."""
    try:
        given = Object.parse(b"<<" + content[image.begin + 2 : image.id] + b">>")
    except (PdfError, ValueError):
        return None
    if not isinstance(given, Dictionary) or any(short in given and long in given for short, long in _KEYS.items()):
        return None
    entries = {_KEYS.get(key, key): value for key, value in given.items()}
    if not (image.certain or "/Filter" in entries) or not {"/Width", "/Height"} <= entries.keys():
        return None
    entries.pop("/Length", None)
    entries |= {"/Type": Name.XObject, "/Subtype": Name.Image}
    if "/ColorSpace" in entries:
        entries["/ColorSpace"] = _space(entries["/ColorSpace"], spaces)
    if "/Filter" in entries:
        entries["/Filter"] = _written_out(entries["/Filter"], SHORT_FILTERS)
    return pdf.make_stream(content[image.data_begin : image.data_end], Dictionary(entries))


def _space(value: Object, spaces: Object | None) -> Object:
    """A colour space: by its short name, by its name in the resources, or indexed."""
    if isinstance(value, Name):
        if name_text(value) in _SPACES:
            return _written_out(value, _SPACES)
        return spaces.get(value, value) if isinstance(spaces, Dictionary) else value
    if isinstance(value, Array) and len(value) > 1:
        return Array([_written_out(value[0], _SPACES), _space(value[1], spaces), *value.as_list()[2:]])
    return value


def _written_out(value: Object, names: dict[str, str]) -> Object:
    """A name, or each of a list, without abbreviation."""
    if isinstance(value, Array):
        return Array([_written_out(one, names) for one in value.as_list()])
    long = names.get(name_text(value))
    return Name(long) if long is not None else value
