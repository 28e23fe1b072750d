"""Loading what a job may use before the process is bound and opens a document.

Modules that others import only where they need them are named here again. Pillow's readers of rare formats and
Python's character sets stay to be loaded when a document asks for them: the bounds allow that, and few do.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from contextlib import suppress

import pypdfium2
import pypdfium2.raw as pdfium
from pydantic import BaseModel

_ALWAYS = ("pikepdf", "pypdfium2", "pyvips", "pdfsmaller.engine.compress")
#: Some are optional.
WHERE_NEEDED = (
    "deflate",
    "fontTools.agl",
    "fontTools.encodings.MacRoman",
    "fontTools.encodings.StandardEncoding",
    "fontTools.ttLib.standardGlyphOrder",
    "lupa.luajit21",
    "lxml.etree",  # pikepdf's, for XMP
    "zopfli.zlib",
)
#: What takes long to load and is not needed often enough for a process with one job.
RARELY_NEEDED = (
    "encodings.utf_16_be",
    "encodings.utf_16_le",
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.ImageOps",
    "PIL.ImagePalette",
    "PIL.Jpeg2KImagePlugin",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.PpmImagePlugin",
    "PIL.TiffImagePlugin",
)


def load() -> None:
    """Load what every operation uses."""
    for name in _ALWAYS:
        if name not in sys.modules:
            importlib.import_module(name)


def load_where_needed() -> None:
    """Load what documents of some kinds use. What is not installed is done without."""
    load_installed(WHERE_NEEDED)


def load_installed(names: Iterable[str]) -> None:
    """Load what one operation alone uses, as far as it is installed."""
    for name in names:
        if name not in sys.modules:
            with suppress(ImportError):
                importlib.import_module(name)


def list_fonts() -> None:
    """Have PDFium look which fonts the system has: it does so when it first needs one, and opens each file."""
    document = pypdfium2.PdfDocument.new()
    font = pdfium.FPDFText_LoadStandardFont(document, b"Helvetica")
    if font:
        pdfium.FPDFFont_Close(font)
    document.close()


def build_models() -> None:
    """Make ready the models of options and reports that are loaded: they are built when first used."""
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.__module__.startswith("pdfsmaller."):
            model.model_rebuild()
