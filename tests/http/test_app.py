"""What holds for the whole app: paths, failures, metrics."""

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


def test_metrics_count_requests_by_route(client: FlaskClient) -> None:
    client.get(f"/api/jobs/{'0' * 32}")
    shown = client.get("/metrics").text
    assert 'pdfsmaller_http_requests_total{method="GET",route="/api/jobs/<job_id>",status="404"} 1.0' in shown
    assert 'pdfsmaller_queue_messages{state="waiting"} 0.0' in shown
