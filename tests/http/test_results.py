"""A job's files over HTTP: the download that stands for all, and each by its number."""

from __future__ import annotations

import io
import zipfile

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.keys import archive_key, result_key
from pdfsmaller.jobs.model import Job, JobInput
from pdfsmaller.jobs.rows import to_row
from pdfsmaller.jobs.states import Status
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, post, when_waiting, work
from tests.services.several import Files, Makes, makes

__all__ = ["makes"]

TWO: Files = [("Teil 1.pdf", b"%PDF-1"), ("Teil ü.pdf", b"%PDF-22")]


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def finished(client: FlaskClient, stack: Stack, pdf: bytes) -> dict[str, object]:
    job_id = post(client, pdf).get_json()["job_id"]
    work(stack)
    job: dict[str, object] = client.get(f"/api/jobs/{job_id}").get_json()
    assert job["status"] == "succeeded"
    return job


def test_one_is_listed_and_is_the_download(client: FlaskClient, stack: Stack, pdf: bytes, makes: Makes) -> None:
    makes(TWO[:1])
    job = finished(client, stack, pdf)
    url = f"http://localhost/api/jobs/{job['job_id']}"
    assert job["results"] == [
        {"name": "Teil 1.pdf", "bytes": 6, "media_type": "application/pdf", "download_url": f"{url}/results/0"}
    ]
    for path in (f"{url}/results/0", f"{url}/download"):
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/pdf", b"%PDF-1")
        assert "Teil%201.pdf" in answer.headers["Content-Disposition"]


def test_several_are_listed_and_the_download_is_a_zip(
    client: FlaskClient, stack: Stack, pdf: bytes, makes: Makes
) -> None:
    makes(TWO)
    job = finished(client, stack, pdf)
    results = job["results"]
    assert isinstance(results, list)
    assert [(item["name"], item["bytes"]) for item in results] == [(name, len(data)) for name, data in TWO]
    assert [client.get(item["download_url"]).data for item in results] == [data for _, data in TWO]
    answer = client.get(f"/api/jobs/{job['job_id']}/download")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert "file%200.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == [name for name, _ in TWO]
    result = job["result"]
    assert isinstance(result, dict)
    assert result["bytes"] == 13


def test_keys_show_nowhere(client: FlaskClient, stack: Stack, pdf: bytes, makes: Makes) -> None:
    makes(TWO)
    job_id = str(finished(client, stack, pdf)["job_id"])
    shown = client.get(f"/api/jobs/{job_id}").text
    assert not [key for key in (archive_key(job_id, 1), result_key(job_id, 1, 0)) if key in shown]


def test_large_ones_are_redirects_to_the_store(clock: Clock, pdf: bytes, makes: Makes) -> None:
    makes(TWO)
    with made_stack(clock, max_inline_result_size=6) as stack:
        client = create_app(stack.world).test_client()
        job_id = finished(client, stack, pdf)["job_id"]
        assert client.get(f"/api/jobs/{job_id}/results/0").status_code == 200
        for path, key in (("results/1", "out/1"), ("download", "out.zip")):
            answer = client.get(f"/api/jobs/{job_id}/{path}")
            assert answer.status_code == 303
            assert f"/jobs/{job_id}/1/{key}?" in answer.headers["Location"]


def test_what_is_no_result_is_404(client: FlaskClient, stack: Stack, pdf: bytes, makes: Makes) -> None:
    makes(TWO)
    job_id = finished(client, stack, pdf)["job_id"]
    for index in ("2", "-1", "x", "9" * 50, "١"):
        assert_problem(client.get(f"/api/jobs/{job_id}/results/{index}"), 404, "result_not_found")
    assert_problem(client.get(f"/api/jobs/{'0' * 32}/results/0"), 404, "job_not_found")


def test_a_job_without_results_yet_lists_none(client: FlaskClient, pdf: bytes) -> None:
    job = post(client, pdf).get_json()
    assert job["results"] == []
    assert_problem(client.get(f"/api/jobs/{job['job_id']}/results/0"), 409, "job_not_ready")


def test_who_waits_and_takes_anything_gets_the_zip(client: FlaskClient, stack: Stack, pdf: bytes, makes: Makes) -> None:
    makes(TWO)
    when_waiting(client.application, lambda: work(stack))
    for accept, kind in (("*/*", "application/zip"), ("application/zip", "application/zip"), ("application/pdf", None)):
        answer = post(client, pdf, headers={"Prefer": "wait=20", "Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, kind or "application/json")


def test_a_job_of_a_deployment_from_before_is_still_handed_out(client: FlaskClient, stack: Stack) -> None:
    now = stack.clock()
    job = Job("0" * 32, Status.SUCCEEDED, now, now, now + 900, attempt=1, inputs=(JobInput("a.pdf", 9),))
    row = to_row(job, ttl=now + 900)
    del row["results"]
    key = f"jobs/{job.job_id}/1/out.pdf"
    row["result"] = {"key": key, "bytes": 6, "ratio": 0.5, "outcome": "compressed", "report": {"pages": 1}}
    assert stack.jobs._store.create(row)
    stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=key, Body=b"%PDF-1")
    shown = client.get(f"/api/jobs/{job.job_id}").get_json()
    assert (shown["result"]["bytes"], shown["result"]["report"]) == (6, {"pages": 1})
    for path in ("download", "results/0"):
        answer = client.get(f"/api/jobs/{job.job_id}/{path}")
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/pdf", b"%PDF-1")
