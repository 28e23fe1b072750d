from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pdfsmaller.storage import (
    Storage,
    content_disposition,
    error_key,
    image_result_key,
    input_key,
    job_of_input,
    result_key,
)
from tests.aws_stack import Stack

JOB = "0123456789abcdef0123456789abcdef"


def test_only_our_own_input_keys_name_a_job() -> None:
    assert job_of_input(input_key(JOB, 12)) == JOB
    for key in (
        f"jobs/{JOB}/out.pdf",
        f"jobs/{JOB}/in/",
        "jobs/../in/0",
        f"inbox/jobs/{JOB}/in/0",
        f"jobs/{JOB}/in/0/x",
    ):
        assert job_of_input(key) is None


def test_a_missing_object_is_none_and_not_an_error(stack: Stack, tmp_path: Path) -> None:
    storage = Storage(stack.settings)
    assert storage.head(storage.uploads, "nope") is None
    assert storage.read(storage.results, "nope") is None
    assert not storage.download(storage.uploads, "nope", tmp_path / "x")
    storage.delete(storage.uploads, "nope")


def test_an_object_replaced_since_is_not_downloaded(stack: Stack, tmp_path: Path) -> None:
    storage = Storage(stack.settings)
    stack.drop("inbox/a.pdf", b"one")
    seen = storage.head(storage.uploads, "inbox/a.pdf")
    assert seen
    stack.drop("inbox/a.pdf", b"two")
    assert not storage.download(storage.uploads, "inbox/a.pdf", tmp_path / "x", etag=seen.etag)


def test_deleting_a_job_takes_all_of_it_and_nothing_else(stack: Stack) -> None:
    storage = Storage(stack.settings)
    for n in range(3):
        storage.put_file(storage.uploads, input_key(JOB, n), b"x")
    other = result_key(f"{JOB[:-1]}0", 1)
    for key in (result_key(JOB, 1), result_key(JOB, 11), other):
        storage.put_file(storage.results, key, b"x")
    assert storage.delete_attempt(JOB, 1) == 1
    assert storage.delete_job(JOB) == 4
    assert stack.result_keys() == [other]


def test_what_is_laid_beside_a_drop_has_a_key_of_its_own_however_long_the_drops_is() -> None:
    assert error_key("inbox/a/b.pdf") == "errors/a/b.pdf.json"
    assert image_result_key("inbox/a.jpg") == "inbox/a.jpg.pdf"
    longest = ["inbox/" + "日" * 339 + ending for ending in ("0", "1")]  # of 1,024 bytes
    for made in (error_key, image_result_key):
        keys = [made(key) for key in longest]
        assert len(set(keys)) == 2
        assert max(len(key.encode()) for key in keys) <= 1_024


def test_stale_multipart_uploads_are_aborted_and_fresh_ones_stay(stack: Stack) -> None:
    storage = Storage(stack.settings)
    stack.s3.create_multipart_upload(Bucket=storage.uploads, Key="inbox/big.pdf")
    # moto says of every upload that it began in 2010
    assert list(storage.abort_stale_multipart(storage.uploads, datetime(2000, 1, 1, tzinfo=UTC))) == [False]
    assert list(storage.abort_stale_multipart(storage.uploads, datetime.now(UTC) + timedelta(hours=1))) == [True]
    assert list(storage.abort_stale_multipart(storage.uploads, datetime.now(UTC) + timedelta(hours=1))) == []


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("Größe.pdf", "attachment; filename=\"Gr__e.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.pdf"),
        ('a"b;c.pdf', "attachment; filename=\"a_b_c.pdf\"; filename*=UTF-8''a%22b%3Bc.pdf"),
    ],
)
def test_a_download_name_is_safe_in_a_header(name: str, header: str) -> None:
    assert content_disposition(name) == header


def test_presigned_urls_lead_to_the_public_endpoint(stack: Stack) -> None:
    settings = stack.settings.model_copy(update={"s3_public_endpoint_url": "https://files.example:9000"})
    storage = Storage(settings)
    post = storage.presigned_post(JOB, 0, max_bytes=10, expires_seconds=60)
    assert post["url"] == f"https://files.example:9000/{settings.uploads_bucket}"
    url = storage.presigned_get("jobs/x/out.pdf", file_name="a.pdf", expires_seconds=60)
    assert url.startswith(f"https://files.example:9000/{settings.results_bucket}/jobs/x/out.pdf?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert storage.public_origin == "https://files.example:9000"
