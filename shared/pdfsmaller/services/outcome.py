"""How a job's end is written down, the same whoever ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdfsmaller.errors import PdfSmallerError

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings


def error_json(exc: PdfSmallerError) -> dict[str, str]:
    """The ``error`` of a job's JSON."""
    return {"code": exc.code, "message": exc.message}


def kept_seconds(settings: Settings) -> float:
    """How long a finished job's files are kept, in seconds."""
    return settings.max_file_age_hours * 3_600
