"""What holds for the whole app: paths and failures."""

from __future__ import annotations

import json

from flask.testing import FlaskClient

from tests.aws_stack import Stack
from tests.http.talk import assert_problem, post


def test_a_wrong_path_or_method(client: FlaskClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "not_found")
    response = client.get("/api/compress")
    assert_problem(response, 405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_an_unexpected_failure_without_its_inside(client: FlaskClient, stack: Stack, pdf: bytes) -> None:
    stack.s3.delete_bucket(Bucket=stack.settings.uploads_bucket)
    body = assert_problem(post(client, pdf), 500, "internal_error")
    assert stack.settings.uploads_bucket not in json.dumps(body)
