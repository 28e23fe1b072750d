"""The font programs embedded in a document, and everything that refers to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.fonts.usage import FontKey, font_key
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.records import record

FILES = ("/FontFile", "/FontFile2", "/FontFile3")


@record()
class Embedded:
    """One program.

    Attributes:
        stream: its data.
        file: the key that leads to it: one of ``FILES``, or empty where different ones do.
        descriptors: the font descriptors that lead to it.
        fonts: the simple fonts and CIDFonts that these belong to.
    """

    stream: Stream
    file: str
    descriptors: list[Dictionary] = field(default_factory=list)
    fonts: list[Dictionary] = field(default_factory=list)


@record()
class Fonts:
    """What a document embeds.

    Attributes:
        programs: every program, by object.
        composites: the Type 0 fonts that each CIDFont serves.
        type3: the fonts whose glyphs are content streams.
    """

    programs: dict[ObjGen, Embedded] = field(default_factory=dict)
    composites: dict[FontKey, list[Dictionary]] = field(default_factory=dict)
    type3: list[Dictionary] = field(default_factory=list)

    def add(self, font: Dictionary) -> None:
        """Note a simple font or CIDFont that is no object of its own."""
        for program in self._programs(font.get("/FontDescriptor")):
            program.fonts.append(font)

    def _programs(self, descriptor: Object | None) -> Iterator[Embedded]:
        """The programs of a descriptor, noted."""
        if not isinstance(descriptor, Dictionary):
            return
        for file in FILES:
            stream = descriptor.get(file)
            if isinstance(stream, Stream):
                program = self.programs.setdefault(stream.objgen, Embedded(stream, file))
                if program.file != file:
                    program.file = ""
                known = descriptor.is_indirect and any(
                    descriptor.objgen == other.objgen for other in program.descriptors
                )
                if not known:
                    program.descriptors.append(descriptor)
                yield program


def find_embedded(pdf: Pdf) -> Fonts:
    """All programs that fonts of this document lead to.

    Raises:
        pikepdf.PdfError: an object is damaged.
    """
    fonts = Fonts()
    for obj in pdf.objects:
        if not isinstance(obj, Dictionary) or isinstance(obj, Stream):
            continue
        if "/FontDescriptor" in obj:
            fonts.add(obj)
        if "/CharProcs" in obj and entry(obj, "/Subtype") == "/Type3":
            fonts.type3.append(obj)
        descendants = entry(obj, "/DescendantFonts")
        if isinstance(descendants, Array):
            for font in descendants.as_list():
                if isinstance(font, Dictionary):
                    fonts.composites.setdefault(font_key(font), []).append(obj)
                    if not font.is_indirect:
                        fonts.add(font)
    return fonts
