"""Workers that die half-way: the job is done all the same, and once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests

from tests.stack.live import Live, page_count, slow_pdf


@pytest.fixture(autouse=True)
def _here(live: Live) -> None:
    if live.marker is None:
        pytest.skip("the workers are on somebody else's machine")


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("pdfsmaller.engine", id="engine"),
        pytest.param("lambda-pdfsmaller-compress", id="worker"),
    ],
)
def test_a_killed_process_costs_one_attempt_and_nothing_else(live: Live, what: str) -> None:
    posted = live.post(slow_pdf(), preset="ebook").json()
    live.running(posted["job_id"])
    time.sleep(0.5)
    assert live.kill(what)
    job = live.finished(posted["job_id"], 90)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    assert page_count(live.result(f"jobs/{job['job_id']}/2/out/0")["Body"].read()) == 10
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30, "its message is acknowledged")
    assert live.job(job["job_id"])["attempts"] == 2


def test_a_killed_worker_leaves_no_engine_behind(live: Live) -> None:
    from tests.stack.live import processes

    posted = live.post(slow_pdf(), preset="ebook").json()
    live.running(posted["job_id"])
    before = {pid for pid, command in processes() if live.marker in command and "pdfsmaller.engine" in command}
    assert before
    live.kill("lambda-pdfsmaller-compress")
    live.until(lambda: not before & {pid for pid, _ in processes()}, 10, "engines end with their worker")
    assert live.finished(posted["job_id"], 90)["status"] == "succeeded"


def test_a_job_deleted_while_it_runs_leaves_nothing(live: Live) -> None:
    posted = live.post(slow_pdf(), preset="ebook").json()
    live.running(posted["job_id"])
    assert requests.delete(f"{live.url}/api/jobs/{posted['job_id']}", timeout=30).status_code == 204
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 60, "the message is acknowledged")
    assert live.keys(f"jobs/{posted['job_id']}/") == []


def _folders(live: Live) -> set[Path]:
    """What lies in the temporary folder that this stack's workers share, under any name of ours."""
    assert live.marker
    return set(Path(live.marker, "tmp").glob("pdfsmaller-*"))


def test_neither_a_cancelled_job_nor_a_killed_worker_leaves_its_document_on_the_disk(live: Live) -> None:
    before = _folders(live)  # an emulator may keep things of its own there
    cancelled = live.post(slow_pdf(), preset="ebook").json()["job_id"]
    live.running(cancelled)
    live.until(lambda: _folders(live) - before, 10, "its folder")
    assert requests.delete(f"{live.url}/api/jobs/{cancelled}", timeout=30).status_code == 204
    live.until(lambda: not _folders(live) - before, 30, "the cancelled job's folder goes")

    killed = live.post(slow_pdf(), preset="ebook").json()["job_id"]
    live.running(killed)
    live.until(lambda: _folders(live) - before, 10, "its folder")
    live.kill("lambda-pdfsmaller-compress")
    assert live.finished(killed, 90)["status"] == "succeeded"
    live.until(lambda: not _folders(live) - before, 30, "whoever comes next removes what the killed worker left")
