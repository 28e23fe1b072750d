"""What the services write down alike: how a job ended, how long it is kept, when cleanup looks at it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pdfsmaller.errors import PdfSmallerError, TooManyAttempts

if TYPE_CHECKING:
    from pdfsmaller.engine.report import CombinedReport, Report
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.table import JobTable
    from pdfsmaller.settings import Settings

#: A row holds 400 KB, of which names and options of 100 inputs may take a good part. report.json has everything.
_ROW_REPORT_MAX_BYTES = 100_000
_ROW_WARNINGS_MAX_BYTES = 50_000
_UPLOAD_GRACE_MAX_SECONDS = 900
#: How long a message can be redriven: as long as the dead-letter queue keeps it (template.yaml).
DEAD_LETTERS_KEPT_SECONDS = 14 * 86_400


def result_json(report: Report | CombinedReport, key: str) -> dict[str, Any]:
    """The ``result`` of a job's row, whose file lies under ``key``.

    Where the report is too long for a row its ``sources`` are left out.
    """
    facts = report.model_dump(mode="json", exclude={"warnings"})
    if _bytes(facts) > _ROW_REPORT_MAX_BYTES:
        facts.pop("sources", None)
    return {
        "key": key,
        "bytes": report.output_bytes,
        "ratio": report.ratio,
        "outcome": report.outcome,
        "report": facts,
    }


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


def last_attempt(job: Job, settings: Settings) -> int:
    """The number of the last attempt that a job may have, however often and by whatever messages it is announced."""
    return job.attempts_before_redrive + settings.max_receive_count


def given_up(settings: Settings) -> TooManyAttempts:
    """Why a job without any attempt left failed."""
    return TooManyAttempts(
        f"Every one of {settings.max_receive_count} attempts failed. The operator can redrive the job; the original is "
        "untouched."
    )


def given_up_kept_seconds(job: Job, settings: Settings) -> float:
    """How long a given-up job can be redriven, in seconds.

    As long as its inputs are there: its own as long as any job's files, a dropped file (which its owner keeps) as long
    as there may be a message to redrive.
    """
    kept = kept_seconds(settings)
    return max(kept, DEAD_LETTERS_KEPT_SECONDS) if job.drop else kept


def give_up(table: JobTable, job: Job, settings: Settings) -> Job | None:
    """→ failed for a job without any attempt left that no worker is at; None where it has moved on meanwhile."""
    return table.fail(
        job,
        error_json(given_up(settings)),
        kept_seconds=given_up_kept_seconds(job, settings),
        keep_password=True,
    )


def upload_due_at(now: float, settings: Settings) -> float:
    """When an upload has failed that may begin until its form runs out.

    The store looks at a form's time where a transfer begins: one begun in the last second may take as long again, at
    most 15 minutes.
    """
    lasts = settings.upload_expires_seconds
    return now + lasts + min(lasts, _UPLOAD_GRACE_MAX_SECONDS)


def requeue_at(table: JobTable, settings: Settings) -> float:
    """When cleanup announces a job again that is queued now, should nobody have taken it by then."""
    return table.now() + settings.requeue_after_seconds


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
