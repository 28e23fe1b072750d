"""What is done around every request: ids, keys, headers, links."""

from __future__ import annotations

import io

from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests.aws_stack import Clock, made_stack
from tests.http.talk import assert_problem, post


def test_a_request_id_is_kept_and_a_forged_one_is_not(client: FlaskClient) -> None:
    assert client.get("/health", headers={"X-Request-Id": "abc-123"}).headers["X-Request-Id"] == "abc-123"
    assert client.get("/health", headers={"X-Request-Id": "a b<script>"}).headers["X-Request-Id"] != "a b<script>"


def test_other_sites_may_call_only_when_allowed(clock: Clock) -> None:
    with made_stack(clock, allowed_origins=["https://a.example"]) as stack:
        client = create_app(stack.world).test_client()
        allowed = client.get("/health", headers={"Origin": "https://a.example"})
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
        other = client.get("/health", headers={"Origin": "https://b.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


def test_who_has_no_key_gets_no_body_read(clock: Clock) -> None:
    with made_stack(clock, api_keys_required=True) as stack:
        body = io.BytesIO(b"x" * 1_000_000)
        refused = (
            create_app(stack.world)
            .test_client()
            .post(
                "/api/compress",
                input_stream=body,
                content_length=1_000_000,
                content_type="multipart/form-data; boundary=b",
            )
        )
        assert refused.status_code == 401
        assert body.tell() == 0


def test_what_an_unknown_field_holds_is_not_shown(client: FlaskClient, pdf: bytes) -> None:
    """It may be a password under a mistyped name."""
    for refused in (
        post(client, pdf, pasword="hunter2-hunter2"),
        client.post("/api/uploads", json={"pasword": "hunter2-hunter2"}),
        client.post("/api/uploads", json={"name": "a.pdf", "options": {"pasword": "hunter2-hunter2"}}),
    ):
        assert_problem(refused, 422, "invalid_option")
        assert "hunter2" not in refused.text
        assert "pasword" in refused.text


def test_links_carry_no_host_that_is_not_known(client: FlaskClient, pdf: bytes) -> None:
    for host, base in (
        ("evil.example", ""),
        ("localhost.evil.example", ""),
        ("localhost:8080", "http://localhost:8080"),
        ("abc.lambda-url.eu-west-1.on.aws", "http://abc.lambda-url.eu-west-1.on.aws"),
    ):
        response = post(client, pdf, headers={"Host": host})
        assert response.get_json()["links"]["self"].startswith(f"{base}/api/jobs/")
        assert response.headers["Location"].startswith(f"{base}/api/jobs/")
        assert base or host not in client.get("/openapi.json", headers={"Host": host}).text


def test_browsers_keep_to_https_once_they_came_by_it(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/health").headers
    secure = client.get("/health", base_url="https://localhost").headers["Strict-Transport-Security"]
    assert secure == "max-age=31536000; includeSubDomains"
