"""Big files: a form from the service, the bytes straight to the bucket."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests import documents
from tests.stack.live import Live, page_count


def test_a_presigned_upload_becomes_a_result(live: Live) -> None:
    pdf = documents.photo_jpeg()
    reserved = live.reserve(name="big.pdf", size=len(pdf), options={"preset": "ebook"})
    assert reserved["job"]["status"] == "awaiting_upload"
    [upload] = reserved["uploads"]
    assert live.send_form(upload, pdf).status_code in (200, 201, 204)
    job = live.finished(reserved["job"]["job_id"])
    assert (job["status"], job["inputs"]) == ("succeeded", [{"name": "big.pdf", "bytes": len(pdf)}])
    result = live.get(f"/api/jobs/{job['job_id']}/download")
    assert page_count(result.content) == 1
    assert len(result.content) < len(pdf)


def test_the_store_refuses_more_than_was_reserved(live: Live) -> None:
    [upload] = live.reserve(name="big.pdf", size=1_000)["uploads"]
    answer = live.send_form(upload, documents.photo_jpeg())
    assert answer.status_code == 400
    assert "EntityTooLarge" in answer.text


def test_files_of_undeclared_sizes_share_what_a_request_may_have(live: Live) -> None:
    uploads = live.reserve(operation="merge", count=3)["uploads"]
    allowed = [_most_bytes(upload) for upload in uploads]
    assert sum(allowed) <= 60_000_000, "MAX_REQUEST_SIZE of the stack under test"
    answer = live.send_form(uploads[0], bytes(allowed[0] + 1))
    assert answer.status_code == 400
    assert "EntityTooLarge" in answer.text


def _most_bytes(upload: dict[str, Any]) -> int:
    """What a form's policy allows."""
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    ranges = [part for part in policy["conditions"] if isinstance(part, list) and part[0] == "content-length-range"]
    [(_, _, most)] = ranges
    return int(most)


def test_the_store_refuses_another_key(live: Live) -> None:
    pdf = documents.text()
    [upload] = live.reserve(name="mine.pdf", size=len(pdf))["uploads"]
    answer = live.send_form(upload, pdf, key=f"jobs/{'0' * 32}/in/0")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "code"), [(b"GIF89a, no PDF at all", "not_a_pdf"), (b"%PDF-1.7 and no more", "unreadable_pdf")]
)
def test_what_was_uploaded_is_looked_at_again(live: Live, body: bytes, code: str) -> None:
    reserved = live.reserve(name="wrong.pdf", size=len(body))
    assert live.send_form(reserved["uploads"][0], body).status_code in (200, 201, 204)
    job = live.finished(reserved["job"]["job_id"])
    assert (job["status"], job["error"]["code"]) == ("failed", code)
