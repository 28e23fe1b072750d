"""What of the S3 adapter no other storage has."""

from __future__ import annotations

import io
from urllib.parse import parse_qs, urlsplit

import pytest

from pdfsmaller.aws import storage as storage_module
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.media import PDF
from pdfsmaller.wire import wire
from tests.aws_stack import Stack


def test_forms_and_links_lead_to_the_public_endpoint(stack: Stack) -> None:
    settings = stack.settings.model_copy(update={"s3_public_endpoint_url": "https://files.example:9000"})
    storage = wire(settings).storage
    form = storage.upload_form(input_key("0" * 32, 0), max_bytes=10, expires_seconds=60, media_type=PDF)
    assert form.url == f"https://files.example:9000/{settings.uploads_bucket}"
    url = storage.download_link("jobs/x/out.pdf", file_name="a.pdf", media_type=PDF, expires_seconds=60)
    assert url.startswith(f"https://files.example:9000/{settings.results_bucket}/jobs/x/out.pdf?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert storage.public_origin == "https://files.example:9000"


def test_a_bucket_that_knows_us_and_shows_nothing_answers(stack: Stack) -> None:
    for bucket in (stack.settings.uploads_bucket, stack.settings.results_bucket):
        stack.world.storage.probe(bucket)


def test_a_parts_link_signs_the_length_of_what_it_takes(stack: Stack) -> None:
    settings = stack.settings.model_copy(update={"s3_public_endpoint_url": "https://files.example:9000"})
    storage, key = wire(settings).storage, input_key("0" * 32, 0)
    upload_id = storage.begin_multipart(key, part_bytes=6_000_000, media_type=PDF)
    url = storage.part_link(key, upload_id, 3, size=5_000, expires_seconds=60)
    asked = parse_qs(urlsplit(url).query)
    assert url.startswith(f"https://files.example:9000/{settings.uploads_bucket}/{key}?")
    assert (asked["partNumber"], asked["uploadId"]) == (["3"], [upload_id])
    assert asked["X-Amz-SignedHeaders"] == ["content-length;host"]


def test_what_is_too_large_for_one_request_goes_in_parts(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "_PUT_MAX_BYTES", 9_000_000)
    monkeypatch.setattr(storage_module, "_LARGE_PART_BYTES", 5 * 1_048_576)
    storage, data = stack.world.storage, bytes(range(256)) * 40_000
    storage.put_file(storage.results, "large", io.BytesIO(data), media_type=PDF, metadata={"job-id": "x"})
    found = stack.result("large")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (data, PDF, {"job-id": "x"})
    assert found["ETag"].endswith('-2"')
    storage.put_file(storage.results, "small", io.BytesIO(data[:9_000_000]), media_type=PDF)
    assert "-" not in stack.result("small")["ETag"]
