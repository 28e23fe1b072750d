"""What a fork server does once, so that no process that it forks does it again: it loads, asks the system, rehearses.

No document but a page of our own (``rehearsal``) is opened, and no thread started.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pkgutil import resolve_name
from types import GeneratorType

import pypdfium2
import pypdfium2.raw as pdfium
import pyvips

from pdfsmaller import records
from pdfsmaller.engine import libraries
from pdfsmaller.engine.confinement import landlock, seccomp
from pdfsmaller.engine.content.rewriter import rewriters
from pdfsmaller.engine.rehearsal import rehearse
from pdfsmaller.engine.walk.events import readers

#: What takes long to load and is not needed often enough for a process with one job.
_RARELY_NEEDED = (
    "fontTools.ttLib.standardGlyphOrder",
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
#: What most documents with images ask of libvips.
_VIPS_OPERATIONS = (
    *("abs", "add", "avg", "bandbool", "cast", "copy", "crop", "divide", "extract_band", "gravity", "linear", "max"),
    *("multiply", "recomb", "relational_const", "resize", "shrink", "subtract", "jpegload_buffer", "jpegsave_buffer"),
)
#: Python makes its code quicker once it has run some times. A page of text took 41.1 ms of processor time without, 38.1
#: after one, 37.3 after three, 35.8 after eight (2026-11-30), each of which keeps the server for some 20 ms.
_REHEARSALS = 3


def steps(modules: Iterable[str]) -> Iterator[Callable[[], object]]:
    """What there is to do after ``libraries.load``, in steps of some milliseconds.

    Args:
        modules: what is loaded beside what every job uses.
    """
    for name in (*libraries.WHERE_NEEDED, *modules, *_RARELY_NEEDED):
        yield partial(libraries.load_installed, [name])
    yield from records.writing()
    yield partial(resolve_name, "pdfsmaller.engine.child:work")  # compiles its pattern
    yield _know_types
    yield _list_fonts
    yield rewriters.prepare
    yield readers.prepare
    yield from [rehearse] * _REHEARSALS
    yield landlock.look_for_libraries
    yield seccomp.prepare


def _know_types() -> None:
    """Have asked once what is asked of nearly every document: how text is coded, which arguments operations of libvips
    have, which of the common types are mappings. All of that is remembered.
    """
    for name in ("utf-16-be", "utf-16-le"):
        codecs.lookup(name)
    for name in _VIPS_OPERATIONS:
        pyvips.voperation.Introspect.get(name)
    kinds: tuple[type, ...] = (Counter, dict, type({}.values()), list, set, tuple, GeneratorType)
    for kind in kinds:
        issubclass(kind, Mapping)


def _list_fonts() -> None:
    """Have PDFium look which fonts the system has: it does so when it first needs one, and opens each file."""
    document = pypdfium2.PdfDocument.new()
    font = pdfium.FPDFText_LoadStandardFont(document, b"Helvetica")
    if font:
        pdfium.FPDFFont_Close(font)
    document.close()
