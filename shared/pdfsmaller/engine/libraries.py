"""Loading what a job may use before the process is bound and opens a document.

Modules that others import only where they need them are named here again. Pillow's readers of rare formats, Python's
character sets and the Macintosh's names of glyphs stay to be loaded when a document asks for them: the bounds allow
that, and few do.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from contextlib import suppress

_ALWAYS = ("pikepdf", "pypdfium2", "pyvips", "pdfsmaller.engine.compress")
#: Some are optional.
WHERE_NEEDED = (
    "deflate",
    "fontTools.agl",
    "fontTools.encodings.MacRoman",
    "fontTools.encodings.StandardEncoding",
    "lupa.luajit21",
    "lxml.etree",  # pikepdf's, for XMP
    "zopfli.zlib",
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
