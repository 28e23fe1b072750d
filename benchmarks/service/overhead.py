"""What the service adds to the engine's own seconds."""

from __future__ import annotations

import io
import time
from datetime import datetime
from typing import Any

import requests

from tests import documents


def post_and_wait(url: str, pdf: bytes) -> dict[str, Any]:
    """The job of one file once it has succeeded, by one request."""
    answer = requests.post(
        f"{url}/api/compress",
        files={"files": ("a.pdf", io.BytesIO(pdf))},
        headers={"Prefer": "wait=60", "Accept": "application/json"},
        timeout=90,
    )
    job: dict[str, Any] = answer.json()
    assert job["status"] == "succeeded", job
    return job


def overhead(url: str, runs: int) -> list[float]:
    """Seconds around the engine, one figure a job: from POST to the job's end as its row tells it."""
    pdf = documents.photo_jpeg(600, 450)
    figures = []
    for _ in range(runs + 2):  # the first two warm things up
        begun = time.time()
        job = post_and_wait(url, pdf)
        ended = datetime.fromisoformat(job["updated_at"]).timestamp()
        figures.append(ended - begun - job["result"]["report"]["seconds"]["total"])
    return figures[2:]
