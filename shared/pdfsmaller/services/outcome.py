"""What the services write down alike: how a job ended, how long it is kept, when cleanup looks at it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pdfsmaller.errors import PdfSmallerError
from pdfsmaller.storage import result_key

if TYPE_CHECKING:
    from pdfsmaller.engine.report import CombinedReport, Report
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.table import JobTable
    from pdfsmaller.settings import Settings

#: A row holds 400 KB, of which names and options of 100 inputs may take a good part. report.json has everything.
_ROW_REPORT_MAX_BYTES = 100_000
_ROW_WARNINGS_MAX_BYTES = 50_000


def result_at(job: Job) -> str:
    """The result's key. That of a dropped PDF is the drop's own; a dropped image's PDF adds ``.pdf`` to it."""
    if job.drop is None:
        return result_key(job.job_id)
    return f"{job.drop.key}.pdf" if job.operation == "image-to-pdf" else job.drop.key


def result_json(report: Report | CombinedReport) -> dict[str, Any]:
    """The ``result`` of a job's row. Where the report is too long for that its ``sources`` are left out."""
    facts = report.model_dump(mode="json", exclude={"warnings"})
    if _bytes(facts) > _ROW_REPORT_MAX_BYTES:
        facts.pop("sources", None)
    return {"bytes": report.output_bytes, "ratio": report.ratio, "outcome": report.outcome, "report": facts}


def warnings_json(report: Report | CombinedReport) -> list[dict[str, str]]:
    """The ``warnings`` of a job's row; of very many the first, and how many more there were."""
    told: list[dict[str, str]] = []
    left = _ROW_WARNINGS_MAX_BYTES
    for warning in report.warnings:
        said = {"code": warning.code, "message": warning.message}
        left -= _bytes(said)
        if left < 0:
            more = len(report.warnings) - len(told)
            return [*told, {"code": "more_warnings", "message": f"There were {more} warnings more."}]
        told.append(said)
    return told


def error_json(exc: PdfSmallerError) -> dict[str, str]:
    """The ``error`` of a job's JSON."""
    return {"code": exc.code, "message": exc.message}


def kept_seconds(settings: Settings) -> float:
    """How long a finished job's files are kept, in seconds."""
    return settings.max_file_age_hours * 3_600


def requeue_at(table: JobTable, settings: Settings) -> float:
    """When cleanup announces a job again that is queued now, should nobody have taken it by then."""
    return table.now() + settings.requeue_after_seconds


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
