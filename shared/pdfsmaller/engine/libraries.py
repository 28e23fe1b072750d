"""Loading what a job may use before the process is bound and opens a document.

Modules that others import only where they need them are named here again. Pillow's readers of rare formats and
Python's character sets stay to be loaded when a document asks for them: the bounds allow that, and few do.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from contextlib import suppress

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


def load() -> None:
    """Load what every operation uses."""
    for name in _ALWAYS:
        importlib.import_module(name)


def load_where_needed() -> None:
    """Load what documents of some kinds use. What is not installed is done without."""
    load_installed(WHERE_NEEDED)


def load_installed(names: Iterable[str]) -> None:
    """Load what one operation alone uses, as far as it is installed."""
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)


def build_models() -> None:
    """Make ready the models of options and reports that are loaded: they are built when first used."""
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.__module__.startswith("pdfsmaller."):
            model.model_rebuild()
