"""What delivery promises, on an emulator: no job lost, no file of another job touched."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests import documents
from tests.services.conftest import photo, service, submitting
from tests.services.test_attempts import TestPausedPastItsLease
from tests.services.test_giving_up import (
    TestAttempts,
    TestRedriving,
    cleanup,
    runs,
    test_a_job_is_not_tried_again_because_its_progress_could_not_be_shown,
    test_the_late_worker_of_a_given_up_job_leaves_its_inputs_for_redrive,
)
from tests.services.test_inbox import TestDeleting, TestTwoFilesUnderOneKey, other
from tests.stack.live import Live, page_count, slow_pdf

#: What only a test's own hand can time (an attempt that sleeps past its lease, a table that does not answer) is done by
#: workers in this process, as the quick tests do it in moto, with buckets, queues and a table on the emulator.
__all__ = [
    "TestAttempts",
    "TestDeleting",
    "TestPausedPastItsLease",
    "TestRedriving",
    "TestTwoFilesUnderOneKey",
    "cleanup",
    "other",
    "photo",
    "runs",
    "service",
    "submitting",
    "test_a_job_is_not_tried_again_because_its_progress_could_not_be_shown",
    "test_the_late_worker_of_a_given_up_job_leaves_its_inputs_for_redrive",
]


def run_cleanup(live: Live) -> dict[str, Any]:
    """Let the cleanup function run now, beside its schedule; its counts."""
    answer = live.clients("lambda").invoke(FunctionName=live.outputs["CleanupFunctionName"], Payload=b"{}")
    counts = json.loads(answer["Payload"].read())
    assert isinstance(counts.get("expired"), int), counts
    return dict(counts)


class TestThroughTheWholeStack:
    def test_deleting_an_older_drops_job_leaves_the_newer_ones_result(self, live: Live) -> None:
        key = f"inbox/{time.time_ns()}/twice.pdf"
        jobs = []
        for pdf in (documents.photo_jpeg(), slow_pdf(2)):
            before = jobs[-1] if jobs else None
            live.drop(key, pdf, preset="ebook")
            live.until(lambda before=before: _job_at(live, key) not in (None, before), 60, key)
            jobs.append(str(_job_at(live, key)))
        older, newer = jobs
        assert page_count(live.get(f"/api/jobs/{older}/download").content) == 1
        assert requests.delete(f"{live.url}/api/jobs/{older}", timeout=30).status_code == 204
        assert live.get(f"/api/jobs/{older}/download").status_code == 410
        assert _job_at(live, key) == newer
        assert page_count(live.get(f"/api/jobs/{newer}/download").content) == 2
        assert requests.delete(f"{live.url}/api/jobs/{newer}", timeout=30).status_code == 204
        assert live.result(key) is None

    def test_many_dead_letters_keep_cleanup_from_nothing(self, live: Live) -> None:
        url = live.outputs["DeadLetterQueueUrl"]
        live.finished(live.post(documents.text()).json()["job_id"])
        reserved = live.reserve(name="never.pdf", size=1_000)["job"]["job_id"]
        for start in range(0, 300, 10):
            entries = [{"Id": str(n), "MessageBody": f"poison {start + n}"} for n in range(10)]
            live.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        try:
            begun = time.monotonic()
            counts = run_cleanup(live)
            assert counts["errors"] == 0
            assert time.monotonic() - begun < 60
            assert live.job(reserved)["status"] == "awaiting_upload"
            assert live.depth("DeadLetterQueueUrl") >= 300, "they are left where they are"
        finally:
            live.sqs.purge_queue(QueueUrl=url)

    def test_a_dead_letter_does_not_end_a_merge_that_waits_for_its_files(self, live: Live) -> None:
        reserved = live.reserve(operation="merge", count=2)
        job_id, (first, second) = reserved["job"]["job_id"], reserved["uploads"]
        live.send_form(first, documents.text(1))
        s3 = {"bucket": {"name": live.uploads}, "object": {"key": f"jobs/{job_id}/in/0", "sequencer": "1"}}
        url = live.outputs["DeadLetterQueueUrl"]
        live.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [{"s3": s3}]}))
        try:
            run_cleanup(live)
            assert live.job(job_id)["status"] == "awaiting_upload"
            live.send_form(second, documents.text(2))
            job = live.finished(job_id)
            assert (job["status"], job["result"]["report"]["pages"]) == ("succeeded", 3)
        finally:
            live.sqs.purge_queue(QueueUrl=url)

    def test_a_document_that_kills_its_workers_is_given_up_and_can_be_redriven(self, live: Live) -> None:
        if live.marker is None:
            pytest.skip("the workers are on somebody else's machine")
        allowed = 4  # MaxReceiveCount of the stack under test
        job_id = live.post(slow_pdf(), preset="ebook").json()["job_id"]
        for attempt in range(1, allowed + 1):
            live.until(lambda attempt=attempt: _runs(live, job_id, attempt), 90, f"attempt {attempt}")
            live.kill("lambda-pdfsmaller-compress")
        live.until(lambda: (run_cleanup(live), live.job(job_id)["status"] == "failed")[1], 60, "it is given up")
        job = live.job(job_id)
        assert (job["attempts"], job["error"]["code"]) == (allowed, "too_many_attempts")
        live.announce(f"jobs/{job_id}/in/0")
        job = live.finished(job_id) if live.until(lambda: live.job(job_id)["status"] != "failed", 30) else job
        assert (job["status"], job["attempts"]) == ("succeeded", allowed + 1)
        live.sqs.purge_queue(QueueUrl=live.outputs["DeadLetterQueueUrl"])


def _job_at(live: Live, key: str) -> str | None:
    result = live.result(key)
    return result["Metadata"]["job-id"] if result else None


def _runs(live: Live, job_id: str, attempt: int) -> bool:
    job = live.job(job_id)
    return job["status"] == "running" and job["attempts"] == attempt
