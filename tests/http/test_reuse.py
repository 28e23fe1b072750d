"""A form whose work was done before: its answer, its opt-out, and what nobody else learns of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.aws_stack import Stack
from tests.http.talk import assert_problem, work


@pytest.fixture
def keys(stack: Stack) -> list[dict[str, str]]:
    """Two callers, by what each sends along."""
    return [{"X-Api-Key": stack.world.keys.create(name)[1]} for name in ("one", "two")]


def send(client: FlaskClient, pdf: bytes, key: dict[str, str], **given: Any) -> TestResponse:
    accept = {"Accept": given.pop("accept", "application/json")}
    headers = key | accept | ({} if accept["Accept"] == "application/json" else {"Prefer": "wait=5"})
    return client.post("/api/compress", data={"files": (io.BytesIO(pdf), "a.pdf"), **given}, headers=headers)


def test_the_same_file_is_answered_at_once_as_a_job_of_its_own(
    client: FlaskClient, stack: Stack, keys: list[dict[str, str]], pdf: bytes
) -> None:
    first = send(client, pdf, keys[0]).get_json()
    assert first["reused"] is False
    work(stack)
    second = send(client, pdf, keys[0]).get_json()
    assert (second["status"], second["reused"], second["attempts"]) == ("succeeded", True, 0)
    assert first["job_id"] not in str(second)
    at_once = send(client, pdf, keys[0], accept="application/pdf")
    assert at_once.data.startswith(b"%PDF-")
    assert client.delete(f"/api/jobs/{first['job_id']}", headers=keys[0]).status_code == 204
    again = client.post(f"/api/jobs/{second['job_id']}/again", json={}, headers=keys[0] | {"Prefer": "respond-async"})
    assert again.status_code == 202
    assert client.get(f"/api/jobs/{second['job_id']}/report", headers=keys[0]).status_code == 200


def test_nobody_else_gets_it_with_a_key_or_without(
    client: FlaskClient, stack: Stack, keys: list[dict[str, str]], pdf: bytes
) -> None:
    for key in (*keys, {}, {}):
        job = send(client, pdf, key).get_json()
        assert (job["status"], job["reused"]) == ("queued", False)
        work(stack)


def test_who_wants_the_work_done_says_so(
    client: FlaskClient, stack: Stack, keys: list[dict[str, str]], pdf: bytes
) -> None:
    send(client, pdf, keys[0])
    work(stack)
    assert send(client, pdf, keys[0], reuse="false").get_json()["status"] == "queued"
    assert send(client, pdf, keys[0], reuse="true").get_json()["reused"] is True
    assert assert_problem(send(client, pdf, keys[0], reuse="maybe"), 422, "invalid_option")["field"] == "reuse"
