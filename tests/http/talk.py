"""Talking to the API through Flask's own client, and doing the work that it asks for."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pdfsmaller.jobs.messages import Message
from pdfsmaller.services.run_job import RunService
from tests.aws_stack import Stack


def post(client: FlaskClient, *files: bytes, headers: dict[str, str] | None = None, **fields: str) -> TestResponse:
    parts = [(io.BytesIO(data), f"file {n}.pdf") for n, data in enumerate(files)]
    return client.post("/api/compress", data={"files": parts, **fields}, headers=headers)


def work(stack: Stack) -> None:
    """Do every job whose input lies in the bucket, as the compress function would on S3's events."""
    service = RunService(stack.world)
    for key in stack.upload_keys():
        service.handle(Message(f"message-{key}", "", stack.event(key)))


def when_waiting(app: Flask, act: Callable[[], object]) -> None:
    """Have ``act`` done each time that somebody begins to wait."""
    followers = app.config["HELD"].followers
    real = followers.wait
    followers.wait = lambda jobs, seconds: (act(), real(jobs, seconds))[1]


def assert_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    body: dict[str, Any] = response.get_json(force=True)
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
    return body
