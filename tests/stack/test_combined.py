"""Merging and images on the real queue, workers and buckets."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import requests

from tests import documents
from tests.stack.live import Live, page_count, slow_pdf


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.jpeg(documents.photo(600, 400))


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_curl_makes_a_pdf_of_an_image_in_one_line(live: Live, photo: bytes, tmp_path: Path) -> None:
    documents.write(tmp_path / "test.jpg", photo)
    line = f"curl -sS -X POST {live.url}/api/image-to-pdf -F files=@test.jpg --output result.pdf"
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    result = (tmp_path / "result.pdf").read_bytes()
    assert page_count(result) == 1
    assert photo[-5_000:] in result, "not one pixel changes unless that is asked for"


def test_three_pdfs_become_one_in_their_order(live: Live) -> None:
    files = [(f"{n}.pdf", documents.text(n)) for n in (3, 1, 2)]
    options = {"pages": ["2-", "", "-1"]}
    answer = live.post_files(files, path="merge-pdf", headers={"Prefer": "wait=60"}, **options)
    assert answer.status_code == 200, answer.text
    assert page_count(answer.content) == 4
    assert "merged.pdf" in answer.headers["Content-Disposition"]
    job = live.job(answer.headers["X-Job-Id"])
    assert (job["operation"], job["status"], job["attempts"]) == ("merge", "succeeded", 1)
    assert [source["pages"] for source in job["result"]["report"]["sources"]] == [2, 1, 1]
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30, "every object's event is acknowledged")
    assert live.job(job["job_id"])["attempts"] == 1


def test_uploads_in_any_order_with_a_doubled_event_are_one_run(live: Live) -> None:
    pdfs = [documents.text(n) for n in (1, 2, 3)]
    reserved = live.reserve(operation="merge", count=3)
    job_id = reserved["job"]["job_id"]
    for index in (2, 0):
        assert live.send_form(reserved["uploads"][index], pdfs[index]).status_code in (200, 201, 204)
        live.announce(f"jobs/{job_id}/in/{index}")
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 30, "the early events are acknowledged")
    assert live.job(job_id)["status"] == "awaiting_upload"
    assert live.send_form(reserved["uploads"][1], pdfs[1]).status_code in (200, 201, 204)
    live.announce(f"jobs/{job_id}/in/1", times=2)
    job = live.finished(job_id)
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    assert [source["pages"] for source in job["result"]["report"]["sources"]] == [1, 2, 3]
    assert page_count(live.get(f"/api/jobs/{job_id}/download").content) == 6


def test_an_image_over_a_presigned_upload(live: Live, photo: bytes) -> None:
    reserved = live.reserve(operation="image-to-pdf", files=[{"name": "photo.jpg", "size": len(photo)}])
    assert live.send_form(reserved["uploads"][0], photo).status_code in (200, 201, 204)
    assert live.finished(reserved["job"]["job_id"])["result"]["outcome"] == "converted"


def test_a_dropped_image_comes_back_as_a_pdf_beside_its_name(live: Live, photo: bytes) -> None:
    key = "inbox/Fotos/Straße 1.jpg"
    live.drop(key, photo, operation="image-to-pdf")
    result = live.until(lambda: live.result(f"{key}.pdf"), 60, key)
    assert page_count(result["Body"].read()) == 1
    assert result["Metadata"]["outcome"] == "converted"
    assert live.result(key) is None


def test_a_drop_cannot_be_merged(live: Live) -> None:
    key = "inbox/lonely.pdf"
    live.drop(key, documents.text(1), operation="merge")
    error = json.loads(live.until(lambda: live.error(key), 60, key)["Body"].read())["error"]
    assert error["code"] == "invalid_option"
    assert "image-to-pdf" in error["message"]


def test_the_wrong_kind_is_415_and_named(live: Live, photo: bytes) -> None:
    for path, files, code in (
        ("merge-pdf", [("a.pdf", documents.text(1)), ("odd one.pdf", photo)], "not_a_pdf"),
        ("image-to-pdf", [("a.jpg", photo), ("odd one.jpg", documents.text(1))], "not_an_image"),
    ):
        answer = live.post_files(files, path=path)
        assert (answer.status_code, answer.json()["code"]) == (415, code)
        assert "odd one" in answer.json()["detail"]


def test_a_broken_file_fails_the_merge_or_is_left_out(live: Live) -> None:
    files = [("a.pdf", documents.text(1)), ("broken one.pdf", documents.header_only())]
    wait = {"Prefer": "wait=60"}
    answer = live.post_files(files, path="merge-pdf", headers=wait)
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_pdf")
    assert "broken one.pdf" in answer.json()["detail"]
    answer = live.post_files(files, path="merge-pdf", headers=wait, on_error="skip")
    assert answer.status_code == 200, answer.text
    assert page_count(answer.content) == 1
    warnings = live.job(answer.headers["X-Job-Id"])["warnings"]
    assert any("broken one.pdf" in warning["message"] for warning in warnings)


def test_the_right_passwords_open_and_never_show(live: Live) -> None:
    files = [("a.pdf", documents.text(1)), ("locked.pdf", documents.encrypted_user())]
    secrets = ["guess one", documents.USER_PASSWORD]
    answer = live.post_files(files, path="merge-pdf", headers={"Prefer": "wait=60"}, password=secrets, decrypt="true")
    assert answer.status_code == 200, answer.text
    assert page_count(answer.content) > 1
    shown = live.get(f"/api/jobs/{answer.headers['X-Job-Id']}").text
    assert not any(secret in shown for secret in secrets)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("pdfsmaller.engine", id="engine"),
        pytest.param("lambda-pdfsmaller-compress", id="worker"),
    ],
)
def test_a_killed_process_costs_one_attempt(live: Live, what: str) -> None:
    if live.marker is None:
        pytest.skip("the workers are on somebody else's machine")
    posted = live.post_files([("a.pdf", slow_pdf(5)), ("b.pdf", slow_pdf(5))], path="merge-pdf", preset="ebook").json()
    live.running(posted["job_id"])
    time.sleep(0.5)
    assert live.kill(what)
    job = live.finished(posted["job_id"], 90)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    assert page_count(live.get(f"/api/jobs/{job['job_id']}/download").content) == 10


def test_a_merge_deleted_while_it_runs_leaves_nothing(live: Live) -> None:
    posted = live.post_files([("a.pdf", slow_pdf(5)), ("b.pdf", slow_pdf(5))], path="merge-pdf", preset="ebook").json()
    live.running(posted["job_id"])
    assert requests.delete(f"{live.url}/api/jobs/{posted['job_id']}", timeout=30).status_code == 204
    live.until(lambda: live.depth("CompressQueueUrl") == 0, 60, "the messages are acknowledged")
    assert live.job(posted["job_id"])["status"] == "cancelled"
    left = live.s3.list_objects_v2(Bucket=live.uploads, Prefix=f"jobs/{posted['job_id']}/").get("Contents", [])
    assert (left, live.keys(f"jobs/{posted['job_id']}/")) == ([], [])
