"""cleanup, run by the schedule and by nobody else."""

from __future__ import annotations

import time

from tests.stack.live import Live


def test_the_schedule_fails_a_job_whose_upload_never_came(live: Live, abandoned: tuple[str, float]) -> None:
    job_id, begun = abandoned
    job = live.finished(job_id, max(5.0, 180 - (time.monotonic() - begun)))
    assert (job["status"], job["error"]["code"]) == ("failed", "upload_incomplete")
