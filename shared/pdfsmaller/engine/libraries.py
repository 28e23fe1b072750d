"""Loading what a job may use, as far as it is worth doing before a document asks for it.

What every document uses is loaded before the process is bound. What those of some kinds use is imported where it is
needed, which the bounds allow: a process with one job loads what its document asks for, and a fork server, which loads
for many, all that is named here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from contextlib import suppress

_ALWAYS = ("pikepdf", "pypdfium2", "pdfsmaller.engine.compress")
#: What documents of some kinds use. Some are optional.
WHERE_NEEDED = (
    "deflate",
    "fontTools.agl",
    "fontTools.encodings.MacRoman",
    "fontTools.encodings.StandardEncoding",
    "lupa.luajit21",
    "lxml.etree",  # pikepdf's, for XMP
    "pdfsmaller.engine.color.mode",
    "pdfsmaller.engine.estimate.estimate",
    "pdfsmaller.engine.fonts.plan",
    "pdfsmaller.engine.images.choose",
    "pdfsmaller.engine.images.together",
    "pdfsmaller.engine.target_size",
    "pyvips",
    "zopfli.zlib",
)


def load() -> None:
    """Load what every operation uses."""
    for name in _ALWAYS:
        if name not in sys.modules:
            importlib.import_module(name)


def load_installed(names: Iterable[str]) -> None:
    """Load these modules, as far as they are installed."""
    for name in names:
        if name not in sys.modules:
            with suppress(ImportError):
                importlib.import_module(name)
