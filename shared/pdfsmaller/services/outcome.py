"""What the services write down alike: how a job ended, how long it is kept, when an upload is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pdfsmaller.errors import PdfSmallerError

if TYPE_CHECKING:
    from pdfsmaller.engine.report import BaseReport
    from pdfsmaller.settings import Settings

#: A row holds 400 KB, of which names and options of 100 inputs may take a good part. report.json has everything.
_ROW_REPORT_MAX_BYTES = 100_000
_ROW_WARNINGS_MAX_BYTES = 50_000
_UPLOAD_GRACE_MAX_SECONDS = 900
#: For how long a file may come in parts, with fresh links as often as they are asked for. Stores throw away what was
#: begun earlier (``CleanupService``, and the buckets' lifecycle).
IN_PARTS_SECONDS = 24 * 3_600


def result_json(report: BaseReport, facts: dict[str, Any]) -> dict[str, Any]:
    """The ``result`` of a job's row.

    Where the report is too long for a row its ``sources`` are left out.

    Args:
        facts: the report's JSON, of which what goes into the row is made.
    """
    facts = {name: value for name, value in facts.items() if name != "warnings"}
    if _bytes(facts) > _ROW_REPORT_MAX_BYTES:
        facts.pop("sources", None)
    return {
        "bytes": report.output_bytes,
        "ratio": report.ratio,
        "outcome": report.outcome,
        "report": facts,
    }


def warnings_json(report: BaseReport) -> tuple[dict[str, str], ...]:
    """The ``warnings`` of a job's row; of very many the first, and how many more there were."""
    rows: list[dict[str, str]] = []
    left = _ROW_WARNINGS_MAX_BYTES
    for warning in report.warnings:
        row = {"code": warning.code, "message": warning.message}
        left -= _bytes(row)
        if left < 0:
            more = len(report.warnings) - len(rows)
            return (*rows, {"code": "more_warnings", "message": f"There were {more} warnings more."})
        rows.append(row)
    return tuple(rows)


def error_json(exc: PdfSmallerError) -> dict[str, str]:
    """The ``error`` of a job's JSON."""
    return {"code": exc.code, "message": exc.message}


def kept_seconds(settings: Settings) -> float:
    """How long a finished job's files are kept, in seconds."""
    return settings.max_file_age_hours * 3_600


def upload_lasts(settings: Settings, *, in_parts: bool) -> int:
    """For how long files may be brought, in seconds: as long as a form can be used, or parts may come."""
    return IN_PARTS_SECONDS if in_parts else settings.upload_expires_seconds


def upload_due_at(now: float, settings: Settings, *, in_parts: bool = False) -> float:
    """When an upload has failed that may begin until its form runs out.

    The store looks at a form's time where a transfer begins: one begun in the last second may take as long again, at
    most 15 minutes.
    """
    lasts = upload_lasts(settings, in_parts=in_parts)
    return now + lasts + min(lasts, _UPLOAD_GRACE_MAX_SECONDS)


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
