"""Every embedded font program of a document, as small as what the document shows of it allows."""

from __future__ import annotations

from dataclasses import dataclass

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.limits import Limits


@dataclass(slots=True)
class FontCache:
    """Work on fonts that several builds of one document share."""


def shrink_fonts(pdf: Pdf, cache: FontCache, limits: Limits, deadline: Deadline) -> None:
    """Subset, convert and merge the embedded font programs."""
