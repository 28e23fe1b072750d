"""What is done around every request: ids, keys, headers, links."""

from __future__ import annotations

import io
import re

from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests.aws_stack import Clock, made_stack
from tests.http.talk import assert_problem, post


def test_other_sites_may_call_only_when_allowed(clock: Clock) -> None:
    with made_stack(clock, allowed_origins=["https://a.example"]) as stack:
        client = create_app(stack.world).test_client()
        allowed = client.get("/health", headers={"Origin": "https://a.example"})
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
        other = client.get("/health", headers={"Origin": "https://b.example"})
        assert "Access-Control-Allow-Origin" not in other.headers


def test_their_pages_may_read_the_headers_that_clients_need(clock: Clock, pdf: bytes) -> None:
    with made_stack(clock, allowed_origins=["https://a.example"], rate_limit_enabled=True) as stack:
        client = create_app(stack.world).test_client()
        answer = post(client, pdf, headers={"Origin": "https://a.example", "Prefer": "respond-async"})
        readable = {name.lower() for name in answer.headers["Access-Control-Expose-Headers"].split(", ")}
        safe = {"cache-control", "content-length", "content-type", "date"}
        for_browsers = re.compile(
            "access-control-|cross-origin-|content-security|permissions|referrer|vary|x-(con|fra|per)"
        )
        sent = {name.lower() for name, _ in answer.headers}
        assert {name for name in sent - safe if not for_browsers.match(name)} <= readable
        assert {"etag", "content-range", "content-disposition", "retry-after", "ratelimit", "sunset"} <= readable


def test_a_refusal_is_readable_there_too(clock: Clock) -> None:
    with made_stack(clock, allowed_origins=["https://a.example"], api_keys_required=True) as stack:
        client = create_app(stack.world).test_client()
        origin = {"Origin": "https://a.example"}
        asked = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-api-key, prefer"}
        path = f"/api/jobs/{'0' * 32}"
        preflight = client.options(path, headers=origin | asked)
        assert preflight.status_code == 200
        assert "x-api-key" in preflight.headers["Access-Control-Allow-Headers"].lower()
        refused = client.get(path, headers=origin)
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == "https://a.example"


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
