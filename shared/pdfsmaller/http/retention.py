"""How long files are kept, on every answer about jobs: how long after a job's end, and until when where it ended."""

from __future__ import annotations

from flask import Flask, Response, g, request
from werkzeug.http import http_date

from pdfsmaller.jobs.model import Job
from pdfsmaller.settings import Settings

#: Seconds after a job's end at which its files are deleted.
SECONDS = "X-Retention-Seconds"
#: RFC 8594: when what was asked for goes away; of several jobs the first.
UNTIL = "Sunset"


def install(app: Flask, settings: Settings) -> None:
    """Have ``app`` tell it."""

    @app.after_request
    def tell(response: Response) -> Response:
        if request.path.startswith("/api/") and request.path != "/api/health":
            response.headers[SECONDS] = f"{settings.max_file_age_hours * 3_600:.0f}"
        if until := g.get("files_kept_until"):
            response.headers[UNTIL] = http_date(until)
        return response


def note(job: Job) -> None:
    """The present answer is about this job."""
    if job.expires_at is not None:
        g.files_kept_until = min(job.expires_at, g.get("files_kept_until", job.expires_at))
