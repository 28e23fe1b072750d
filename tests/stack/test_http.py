"""The HTTP API in front of the real queue, workers and buckets."""

from __future__ import annotations

import io
import json
import socket
import sys
import time
import zipfile
from base64 import b64encode
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests import documents
from tests.stack.live import Live, page_count


def test_post_and_wait_gives_the_smaller_pdf(live: Live) -> None:
    pdf = documents.photo_jpeg()
    answer = live.post(pdf, wait=60, preset="ebook", name="Ürlaub 1.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Preference-Applied"].startswith("wait")
    assert "%C3%9Crlaub%201" in answer.headers["Content-Disposition"]
    assert page_count(answer.content) == page_count(pdf)
    assert len(answer.content) < len(pdf) / 2


def test_post_gives_a_job_that_can_be_followed_to_its_result(live: Live) -> None:
    pdf = documents.photo_jpeg()
    answer = live.post(pdf, preset="screen")
    assert answer.status_code == 202
    posted = answer.json()
    assert answer.headers["Location"].endswith(f"/api/jobs/{posted['job_id']}")
    assert posted["status"] in ("queued", "running", "succeeded")

    job = live.finished(posted["job_id"])
    assert (job["status"], job["progress"], job["attempts"], job["error"]) == ("succeeded", 100, 1, None)
    assert job["inputs"] == [{"name": "a.pdf", "bytes": len(pdf)}]
    assert job["options"] == {"preset": "screen"}
    assert job["expires_at"] > job["updated_at"]
    assert job["result"]["outcome"] == "compressed"
    assert job["result"]["report"]["input_bytes"] == len(pdf)

    result = live.get(f"/api/jobs/{job['job_id']}/download")
    assert len(result.content) == job["result"]["bytes"]
    assert page_count(result.content) == 1
    assert live.keys(f"jobs/{job['job_id']}/") == [
        f"jobs/{job['job_id']}/{name}" for name in ("1/out/0", "1/report.json")
    ]


def test_several_files_are_a_batch(live: Live) -> None:
    answer = live.post_files([("a.pdf", documents.photo_jpeg()), ("b.pdf", documents.text())], preset="ebook")
    assert answer.status_code == 202
    batch = answer.json()
    assert len(batch["jobs"]) == 2
    ends = [live.finished(job["job_id"]) for job in batch["jobs"]]
    assert [job["status"] for job in ends] == ["succeeded", "succeeded"]
    assert [job["inputs"][0]["name"] for job in ends] == ["a.pdf", "b.pdf"]
    shown = live.get(f"/api/batches/{batch['batch_id']}").json()
    assert [job["job_id"] for job in shown["jobs"]] == [job["job_id"] for job in batch["jobs"]]
    begun = requests.post(shown["links"]["archive"], headers={"Accept": "application/json"}, timeout=30).json()
    assert live.finished(begun["job_id"])["status"] == "succeeded"
    with zipfile.ZipFile(io.BytesIO(live.get(f"/api/jobs/{begun['job_id']}/download").content)) as archive:
        assert archive.namelist() == ["a-smaller.pdf", "b-smaller.pdf"]


def test_delete_takes_the_files_away(live: Live) -> None:
    job_id = live.post(documents.photo_jpeg(), wait=60, preset="ebook").headers["X-Job-Id"]
    assert live.keys(f"jobs/{job_id}/")
    assert requests.delete(f"{live.url}/api/jobs/{job_id}", timeout=30).status_code == 204
    assert live.keys(f"jobs/{job_id}/") == []
    assert live.get(f"/api/jobs/{job_id}/download").status_code in (404, 410)


@pytest.mark.parametrize(
    ("make", "options", "status", "code"),
    [
        (documents.encrypted_user, {}, 422, "password_required"),
        (documents.encrypted_user, {"password": "guess"}, 422, "wrong_password"),
        (documents.header_only, {}, 422, "unreadable_pdf"),
        (documents.empty, {}, 400, "empty_file"),
        (documents.not_a_pdf, {}, 415, "not_a_pdf"),
        (documents.text, {"preset": "tiny"}, 422, "invalid_option"),
        (documents.text, {"dpi": "5"}, 422, "invalid_option"),
        (lambda: b"%PDF-1.7\n" + bytes(30_000_000), {}, 413, "file_too_large"),
    ],
    ids=["password", "wrong-password", "broken", "empty", "not-a-pdf", "preset", "dpi", "too-large"],
)
def test_what_cannot_be_done_is_a_problem_with_a_code(live: Live, make, options, status, code) -> None:
    answer = live.post(make(), wait=60, **options)
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert "guess" not in answer.text


def test_a_wrong_option_is_named_with_what_is_allowed(live: Live) -> None:
    problem = live.post(documents.text(), preset="tiny").json()
    assert "preset" in json.dumps(problem)
    assert "ebook" in json.dumps(problem)


def test_too_many_files(live: Live) -> None:
    answer = live.post_files([(f"{n}.pdf", documents.text()) for n in range(4)])
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_files")
    assert "3" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "/download"])
def test_an_unknown_job(live: Live, path: str) -> None:
    answer = live.get(f"/api/jobs/{'0' * 32}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_unfinished_job(live: Live) -> None:
    job_id = live.reserve(name="later.pdf")["job"]["job_id"]
    answer = live.get(f"/api/jobs/{job_id}/download")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_ready")


def test_the_right_password_opens_and_stays(live: Live) -> None:
    answer = live.post(documents.encrypted_user(), wait=60, password=documents.USER_PASSWORD)
    assert answer.status_code == 200, answer.text
    with pytest.raises(Exception, match="password"):
        page_count(answer.content)
    assert page_count(answer.content, documents.USER_PASSWORD) >= 1
    job = live.get(f"/api/jobs/{answer.headers['X-Job-Id']}")
    assert documents.USER_PASSWORD not in job.text


def test_a_signed_pdf_is_left_as_it_is(live: Live) -> None:
    pdf = documents.signed()
    answer = live.post(pdf, wait=60, preset="screen")
    assert answer.content == pdf
    job = live.job(answer.headers["X-Job-Id"])
    assert job["result"]["outcome"] == "unchanged"
    assert "signed" in [warning["code"] for warning in job["warnings"]]


@pytest.mark.skipif(sys.platform != "linux", reason="the bounds are Linux's")
def test_the_engine_is_bound_where_it_runs(live: Live) -> None:
    job = live.finished(live.post(documents.photo_jpeg(), preset="ebook").json()["job_id"])
    held = set(job["result"]["report"]["bounds"])
    assert {"rlimit_as", "rlimit_cpu", "rlimit_fsize", "rlimit_nofile", "no_new_privs", "seccomp"} <= held


def test_bodies_that_come_in_slowly_hold_up_nobody(live: Live) -> None:
    address = urlsplit(live.url)
    if address.scheme != "http":
        pytest.skip("Lambda takes bodies in before it starts the function")
    head = (
        f"POST /api/compress HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 5000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    )
    with ExitStack() as held:
        for _ in range(64):
            slow = held.enter_context(socket.create_connection((address.hostname, address.port), timeout=5))
            slow.sendall(head.encode())
        time.sleep(0.5)
        assert live.post(documents.photo_jpeg(), wait=60, preset="ebook").status_code == 200


def test_it_says_how_it_is(live: Live) -> None:
    for path in ("/health", "/api/health"):
        health = live.get(path)
        assert (health.status_code, health.json()["status"]) == (200, "healthy")
    assert live.get("/openapi.json").json()["openapi"].startswith("3.")
    assert "text/html" in live.get("/").headers["Content-Type"]


def test_its_metrics_reach_every_store(live: Live) -> None:
    text = live.get("/metrics").text
    assert "store_up 1.0" in text
    assert 'queue_messages{queue="callbacks",state="waiting"}' in text


def test_the_lambda_handler_takes_the_same_upload(live: Live) -> None:
    """The function behind the Function URL, called with the event that Lambda makes of a request."""
    boundary = "----------------------------boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    ).encode()
    body += documents.photo_jpeg() + f"\r\n--{boundary}--\r\n".encode()
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/compress",
        "rawQueryString": "",
        "headers": {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(len(body)),
            "accept": "application/json",
            "host": "example.lambda-url.us-east-1.on.aws",
        },
        "requestContext": {
            "http": {"method": "POST", "path": "/api/compress", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "domainName": "example.lambda-url.us-east-1.on.aws",
            "stage": "$default",
        },
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    client = live.clients("lambda")
    answer = client.invoke(FunctionName=live.outputs["UploadFunctionName"], Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    assert payload["statusCode"] == 202, payload
    assert live.finished(json.loads(payload["body"])["job_id"])["status"] == "succeeded"
