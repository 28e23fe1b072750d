"""Previews over HTTP: pictures that a browser shows."""

from __future__ import annotations

import io

from flask.testing import FlaskClient
from PIL import Image

from tests import documents
from tests.aws_stack import Stack
from tests.http.talk import work


def test_pages_come_as_webp_pictures(client: FlaskClient, stack: Stack) -> None:
    form = {"files": [(io.BytesIO(documents.text(4)), "book.pdf")], "pages": "1-3", "width": "64"}
    job_id = client.post("/api/preview-pdf", data=form).get_json()["job_id"]
    work(stack)
    job = client.get(f"/api/jobs/{job_id}").get_json()
    assert [(file["name"], file["media_type"]) for file in job["results"]] == [
        (f"page-00{number}.webp", "image/webp") for number in (1, 2, 3)
    ]
    assert job["result"]["report"]["page_count"] == 4
    assert job["result"]["report"]["previews"][0]["width"] == 612
    shown = client.get(job["results"][1]["download_url"])
    assert shown.mimetype == "image/webp"
    assert max(Image.open(io.BytesIO(shown.data)).size) == 64
    assert client.get(job["links"]["download"]).mimetype == "application/zip"


def test_one_page_comes_as_a_picture_too(client: FlaskClient, stack: Stack) -> None:
    form = {"files": [(io.BytesIO(documents.text(2)), "book.pdf")], "pages": "2"}
    job_id = client.post("/api/preview-pdf", data=form).get_json()["job_id"]
    work(stack)
    answer = client.get(f"/api/jobs/{job_id}/download")
    assert answer.mimetype == "image/webp"
    assert 'filename="page-002.webp"' in answer.headers["Content-Disposition"]
