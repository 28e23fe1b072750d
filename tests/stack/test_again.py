"""New jobs from files that are here already, on the real queue and buckets: what is copied announces itself."""

from __future__ import annotations

import requests

from tests import documents
from tests.stack.live import Live, page_count


def test_a_result_and_an_input_become_a_job_without_an_upload(live: Live) -> None:
    answer = live.post_files(
        [("Buch.pdf", documents.text(3))], path="split-pdf", headers={"Prefer": "wait=60"}, every="1"
    )
    first = answer.headers["X-Job-Id"]
    again = requests.post(
        f"{live.url}/api/jobs/{first}/again",
        json={"operation": "merge", "inputs": [{"input": 0}, {"result": 2}]},
        headers={"Prefer": "wait=60", "Accept": "application/pdf"},
        timeout=90,
    )
    assert again.status_code == 200, again.text
    assert page_count(again.content) == 4
    assert again.headers["X-Job-Id"] != first


def test_a_failed_job_is_tried_once_more(live: Live) -> None:
    answer = live.post_files([("plain.pdf", documents.text(2))], path="split-pdf", outline_level="2")
    job_id = answer.json()["job_id"]
    assert live.finished(job_id)["status"] == "failed"
    assert requests.post(f"{live.url}/api/jobs/{job_id}/retry", timeout=90).status_code in (202, 422)
    live.until(lambda: live.job(job_id)["attempts"] == 2 or None, 60)
    assert live.finished(job_id)["error"]["code"] == "invalid_outline_level"
