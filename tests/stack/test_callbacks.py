"""A callback through the whole stack: the end, the queue, and the function that tells."""

from __future__ import annotations

import pytest

from tests import documents
from tests.services.webhooks.receiver import answers, receiving
from tests.stack.live import Live
from tests.stack.test_delivery import run_cleanup


def test_an_end_is_told_again_until_it_is_taken(live: Live) -> None:
    if live.marker is None:
        pytest.skip("the receiver is on this machine")
    with receiving(answers(503), answers(200)) as receiver:
        job = live.post(documents.text(1), callback_url=receiver.url).json()
        live.finished(job["job_id"])
        first, second = receiver.wait_for(2)
        attempts = live.until(
            lambda: found if len(found := live.job(job["job_id"])["callback"]["attempts"]) == 2 else None, 30
        )
        expired = live.post(b"%PDF-1.4 broken", callback_url=receiver.url).json()
        live.finished(expired["job_id"])
        failed = receiver.wait_for(3)[2]
    assert first.headers["webhook-id"] == second.headers["webhook-id"] != failed.headers["webhook-id"]
    assert second.told["type"] == "job.succeeded"
    assert second.told["data"]["links"]["self"] == live.job(job["job_id"])["links"]["self"]
    assert failed.told["type"] == "job.failed"
    assert [attempt["status"] for attempt in attempts] == [503, 200]
    assert run_cleanup(live)["errors"] == 0


def test_a_cloud_has_nothing_to_say_to_callers(live: Live) -> None:
    answer = live.post(documents.text(1), callback_url="http://169.254.169.254/latest/meta-data/")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_callback")
