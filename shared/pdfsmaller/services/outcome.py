"""What the services write down alike: how a job ended, how long it is kept, when cleanup looks at it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdfsmaller.errors import PdfSmallerError

if TYPE_CHECKING:
    from pdfsmaller.jobs.table import JobTable
    from pdfsmaller.settings import Settings


def error_json(exc: PdfSmallerError) -> dict[str, str]:
    """The ``error`` of a job's JSON."""
    return {"code": exc.code, "message": exc.message}


def kept_seconds(settings: Settings) -> float:
    """How long a finished job's files are kept, in seconds."""
    return settings.max_file_age_hours * 3_600


def requeue_at(table: JobTable, settings: Settings) -> float:
    """When cleanup announces a job again that is queued now, should nobody have taken it by then."""
    return table.now() + settings.requeue_after_seconds
