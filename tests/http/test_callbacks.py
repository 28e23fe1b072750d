"""``callback_url``: where it may be said, what is refused at the door, and how the job shows it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.callback import Callback, CallbackAttempt
from tests import documents
from tests.aws_stack import Stack
from tests.http.talk import assert_problem, work

URL = "https://receiver.example:8443/hook?token=abc"


def begin(client: FlaskClient, how: str, pdf: bytes, url: object) -> Any:
    if how == "form":
        form: dict[str, Any] = {"files": (io.BytesIO(pdf), "a.pdf"), "callback_url": url}
        return client.post("/api/compress", data=form, headers={"Prefer": "respond-async"})
    return client.post("/api/uploads", json={"name": "a.pdf", "callback_url": url})


@pytest.mark.parametrize("how", ["form", "json"])
class TestAtTheDoor:
    def test_a_job_remembers_who_is_to_be_told(self, client: FlaskClient, stack: Stack, how: str, pdf: bytes) -> None:
        body = begin(client, how, pdf, URL).get_json()
        job = body.get("job", body)
        assert job["callback"] == {"url": URL, "attempts": []}
        assert "callback_url" not in job["options"]
        assert stack.job(job["job_id"]).callback == Callback(URL, "http://localhost")
        assert client.get(job["links"]["self"]).get_json()["callback"] == job["callback"]

    @pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "x://y"])
    def test_what_cannot_be_told_is_refused_before_anything_begins(
        self, client: FlaskClient, stack: Stack, how: str, pdf: bytes, url: str
    ) -> None:
        body = assert_problem(begin(client, how, pdf, url), 422, "invalid_callback")
        assert (body["field"], body["value"]) == ("callback_url", "(hidden)")
        assert url not in json.dumps(body["detail"])
        assert stack.upload_keys() == []

    def test_without_one_nobody_is_told(self, client: FlaskClient, how: str, pdf: bytes) -> None:
        body = begin(client, how, pdf, "").get_json()
        assert body.get("job", body)["callback"] is None


def test_json_may_say_anything_and_is_refused(client: FlaskClient) -> None:
    for url in (7, True, ["https://a.example"], {"url": "https://a.example"}):
        assert_problem(begin(client, "json", b"", url), 422, "invalid_callback")


@pytest.mark.usefixtures("warm_engine")
def test_a_job_made_again_is_told_only_where_that_is_said(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    job = begin(client, "form", pdf, URL).get_json()
    work(stack)
    respond = {"Prefer": "respond-async"}
    again = client.post(f"/api/jobs/{job['job_id']}/again", json={}, headers=respond).get_json()
    assert again["callback"] is None
    told = client.post(f"/api/jobs/{job['job_id']}/again", json={"callback_url": URL}, headers=respond).get_json()
    assert told["callback"]["url"] == URL
    refused = client.post(f"/api/jobs/{job['job_id']}/again", json={"callback_url": "http://127.0.0.1/"})
    assert_problem(refused, 422, "invalid_callback")


def test_every_job_of_a_batch_is_told(client: FlaskClient) -> None:
    form = {"files": [(io.BytesIO(documents.text(1)), f"{n}.pdf") for n in range(2)], "callback_url": URL}
    batch = client.post("/api/compress", data=form, headers={"Prefer": "respond-async"}).get_json()
    assert [job["callback"]["url"] for job in batch["jobs"]] == [URL, URL]


def test_links_in_a_callback_begin_as_in_the_answer(stack: Stack, pdf: bytes) -> None:
    client = create_app(stack.world).test_client()
    form = {"files": (io.BytesIO(pdf), "a.pdf"), "callback_url": URL}
    headers = {"Host": "evil.example", "Prefer": "respond-async"}
    job = client.post("/api/compress", data=form, headers=headers).get_json()
    callback = stack.job(job["job_id"]).callback
    assert callback
    assert callback.base_url == ""


def test_every_attempt_is_shown(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    shown = begin(client, "json", pdf, URL).get_json()["job"]
    stack.world.ends.cancel(stack.job(shown["job_id"]), kept_seconds=60)
    begun = stack.jobs.begin_telling(stack.job(shown["job_id"]), seconds=60)
    assert begun
    assert stack.jobs.tell_later(begun, CallbackAttempt(1_700_000_000.5, "job.cancelled", 500, "no"), seconds=60)
    assert client.get(shown["links"]["self"]).get_json()["callback"]["attempts"] == [
        {"at": "2023-11-14T22:13:20.500Z", "type": "job.cancelled", "status": 500, "error": "no"}
    ]


def test_the_description_says_what_is_sent(client: FlaskClient) -> None:
    described = client.get("/openapi.json").get_json()
    sent = described["webhooks"]["jobEnded"]["post"]
    assert {item["name"] for item in sent["parameters"]} == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    name = sent["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    types = described["components"]["schemas"][name]["properties"]["type"]["enum"]
    assert types == ["job.cancelled", "job.expired", "job.failed", "job.succeeded"]
