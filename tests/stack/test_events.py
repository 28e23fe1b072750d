"""Events that come twice, early, malformed; the queue's side of one job's way."""

from __future__ import annotations

import json

from tests import documents
from tests.stack.live import Live, slow_pdf


def test_events_that_come_again_give_one_result(live: Live) -> None:
    posted = live.post(slow_pdf(3), preset="ebook").json()
    key = f"jobs/{posted['job_id']}/in/0"
    live.announce(key, times=3)  # while it waits or runs
    job = live.finished(posted["job_id"])
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    written = live.result(f"jobs/{posted['job_id']}/1/out/0")["LastModified"]

    live.announce(key, sequencer="0055AED6DCD90281FF", times=3)  # after its end
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30, "the duplicates are acknowledged")
    assert live.job(posted["job_id"])["attempts"] == 1
    assert live.result(f"jobs/{posted['job_id']}/1/out/0")["LastModified"] == written


def test_an_event_ahead_of_its_object_does_no_harm(live: Live) -> None:
    pdf = documents.photo_jpeg()
    reserved = live.reserve(name="late.pdf", size=len(pdf))
    job_id = reserved["job"]["job_id"]
    live.announce(f"jobs/{job_id}/in/0")
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30, "the early event is acknowledged")
    assert live.job(job_id)["status"] == "awaiting_upload"
    live.send_form(reserved["uploads"][0], pdf)
    assert live.finished(job_id)["status"] == "succeeded"


def test_events_for_nothing_are_acknowledged(live: Live) -> None:
    dead = live.depth("DeadLetterQueueUrl")
    live.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": live.uploads}))
    live.announce(f"jobs/{'0' * 32}/in/0")
    live.announce("jobs/no-such-form")
    live.announce("inbox/never-existed.pdf")
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30)
    assert live.depth("DeadLetterQueueUrl") == dead


def test_a_poison_message_ends_in_the_dead_letter_queue(live: Live) -> None:
    dead = live.depth("DeadLetterQueueUrl")
    live.send("this is no event")
    live.send(json.dumps({"Records": [{"s3": "neither is this"}]}))
    assert live.post(documents.photo_jpeg(), wait=60).status_code == 200, "good jobs pass by the bad messages"
    live.until(lambda: live.depth("DeadLetterQueueUrl") == dead + 2, 60, "both are given up")
    assert live.depth("CompressQueueUrl") == 0


def test_jobs_run_side_by_side(live: Live) -> None:
    ids = [live.post(slow_pdf(), preset="ebook").json()["job_id"] for _ in range(2)]
    live.until(lambda: all(live.job(job_id)["status"] == "running" for job_id in ids), 20, "both run at once")
    for job_id in ids:
        assert live.finished(job_id)["status"] == "succeeded"
