"""``Idempotency-Key`` on every route that makes jobs."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pdfsmaller.http.app import create_app
from tests import documents
from tests.aws_stack import Stack
from tests.http.talk import assert_problem, post, work

PDF = documents.photo_jpeg()
KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324", "Accept": "application/json"}


def ids(response: TestResponse) -> list[str]:
    body = response.get_json()
    return [job["job_id"] for job in body.get("jobs", [body.get("job", body)])]


def send_one(client: FlaskClient, **headers: str) -> TestResponse:
    return post(client, PDF, headers=KEY | headers)


def send_batch(client: FlaskClient, **headers: str) -> TestResponse:
    return post(client, PDF, documents.text(1), headers=KEY | headers, preset="ebook")


def merge(client: FlaskClient, **headers: str) -> TestResponse:
    files = [(io.BytesIO(PDF), "a.pdf"), (io.BytesIO(PDF), "b.pdf")]
    return client.post("/api/merge-pdf", data={"files": files, "pages": ["1", ""]}, headers=KEY | headers)


def reserve(client: FlaskClient, **headers: str) -> TestResponse:
    return client.post("/api/uploads", json={"name": "a.pdf", "size": 10}, headers=KEY | headers)


@pytest.mark.parametrize("send", [send_one, send_batch, merge, reserve])
def test_the_same_request_gets_the_same_jobs(
    client: FlaskClient, stack: Stack, send: Callable[..., TestResponse]
) -> None:
    first, second = send(client), send(client, Prefer="respond-async")
    assert first.status_code == second.status_code in (201, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert ids(first) == ids(second)
    assert first.headers["Location"] == second.headers["Location"]
    rows = {key.split("/")[1] for key in stack.upload_keys()}
    assert rows <= set(ids(first))


def test_once_it_is_done_the_second_gets_what_it_made(client: FlaskClient, stack: Stack) -> None:
    first = send_one(client)
    work(stack)
    second = send_one(client, Prefer="wait=5", Accept="application/pdf")
    assert second.data.startswith(b"%PDF-")
    assert second.headers["X-Job-Id"] == first.get_json()["job_id"]
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_form_that_is_given_again_can_be_used(client: FlaskClient, stack: Stack) -> None:
    reserve(client)
    [form] = reserve(client).get_json()["uploads"]
    assert form["fields"]["key"]


def test_again_and_its_archive_are_done_once(client: FlaskClient, stack: Stack) -> None:
    begun = send_batch(client)
    work(stack)
    for path in (f"/api/jobs/{ids(begun)[0]}/again", f"/api/batches/{begun.get_json()['batch_id']}/archive"):
        headers = KEY | {"Idempotency-Key": path, "Prefer": "respond-async"}
        first, second = (client.post(path, headers=headers) for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 202)
        assert ids(first) == ids(second)
        assert second.headers["Idempotency-Replayed"] == "true"


def test_without_a_key_each_makes_a_job_of_its_own(client: FlaskClient) -> None:
    first, second = (post(client, PDF, headers={"Accept": "application/json"}) for _ in range(2))
    assert ids(first) != ids(second)
    assert "Idempotency-Replayed" not in second.headers


@pytest.mark.parametrize(
    "other",
    [
        lambda client: post(client, documents.text(1), headers=KEY),
        lambda client: post(client, PDF, headers=KEY, dpi="100"),
        lambda client: post(client, PDF, PDF, headers=KEY),
        lambda client: client.post("/api/split-pdf", data={"files": (io.BytesIO(PDF), "file 0.pdf")}, headers=KEY),
        lambda client: client.post("/api/compress", data={"files": (io.BytesIO(PDF), "b.pdf")}, headers=KEY),
        lambda client: client.post("/api/uploads", json={"name": "file 0.pdf"}, headers=KEY),
    ],
)
def test_the_key_of_another_request_is_refused(
    client: FlaskClient, other: Callable[[FlaskClient], TestResponse]
) -> None:
    send_one(client)
    assert_problem(other(client), 422, "idempotency_key_reused")


def test_how_the_form_was_cut_and_in_what_order_makes_no_difference(client: FlaskClient) -> None:
    def send(fields: list[str], boundary: str) -> TestResponse:
        part = "--{}\r\nContent-Disposition: form-data; {}\r\n\r\n{}\r\n"
        body = "".join(part.format(boundary, *field.split("|")) for field in fields) + f"--{boundary}--\r\n"
        data = body.replace("PDF", PDF.decode("latin-1")).encode("latin-1")
        headers = KEY | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return client.post("/api/compress", data=data, headers=headers)

    fields = ['name="files"; filename="a.pdf"|PDF', 'name="dpi"|100', 'name="preset"|ebook']
    assert ids(send(fields, "one")) == ids(send(fields[::-1], "another"))


def test_a_part_without_a_name_makes_no_fault(client: FlaskClient) -> None:
    part = "--x\r\nContent-Disposition: form-data; {}\r\n\r\n1\r\n"
    data = "".join(map(part.format, ('name="dpi"', 'nome="a"', 'name="files"; filename="a.pdf"'))) + "--x--\r\n"
    headers = KEY | {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/api/compress", data=data, headers=headers).status_code < 500


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "tab\there", '""'])
def test_what_is_no_key_is_refused(client: FlaskClient, key: str) -> None:
    environ = {"HTTP_IDEMPOTENCY_KEY": key.encode().decode("latin-1")}
    response = client.post(
        "/api/compress", data={"files": (io.BytesIO(PDF), "a.pdf")}, environ_overrides=environ, headers={}
    )
    assert_problem(response, 400, "invalid_idempotency_key")


def test_a_request_that_was_refused_does_not_use_its_key_up(client: FlaskClient) -> None:
    assert_problem(post(client, b"no pdf", headers=KEY), 415, "not_a_pdf")
    assert_problem(post(client, PDF, headers=KEY, dpi="1"), 422, "invalid_option")
    assert send_one(client).status_code == 202


def test_a_large_file_is_hashed_as_a_small_one_is(stack: Stack) -> None:
    client = create_app(stack.world).test_client()
    large = documents.text(1) + b"%" * 2_000_000
    first = post(client, large, headers=KEY)
    assert ids(post(client, large, headers=KEY)) == ids(first)
    assert_problem(post(client, large[:-1] + b"#", headers=KEY), 422, "idempotency_key_reused")
