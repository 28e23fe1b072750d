"""What browsers are told to be careful with."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests.aws_stack import Clock, Stack, made_stack

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/health", "/openapi.json", "/assets/page.css", "/nowhere", "/api/jobs/1"]
)
def test_every_answer_carries_them(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert {name: headers[name] for name in ALWAYS} == ALWAYS
    assert "camera=()" in headers["Permissions-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ("script-src" in headers["Content-Security-Policy"]) == (headers["Content-Type"].startswith("text/html"))


def test_browsers_keep_to_https_once_they_came_by_it(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/health").headers
    secure = client.get("/health", base_url="https://localhost").headers["Strict-Transport-Security"]
    assert secure == "max-age=31536000; includeSubDomains"


def test_behind_a_proxy_too_if_it_is_believed(stack: Stack, clock: Clock) -> None:
    by_https = {"X-Forwarded-Proto": "https"}
    forged = create_app(stack.world).test_client().get("/health", headers=by_https)
    assert "Strict-Transport-Security" not in forged.headers
    with made_stack(clock, trusted_proxies="127.0.0.0/8") as behind:
        client = create_app(behind.world).test_client()
        assert "Strict-Transport-Security" in client.get("/health", headers=by_https).headers
        links = client.post("/api/uploads", json={"name": "a.pdf"}, headers=by_https).get_json()["job"]["links"]
        assert links["self"].startswith("https://")
        for value in ("http", "https, http", "javascript", ""):
            told = client.get("/health", headers={"X-Forwarded-Proto": value})
            assert "Strict-Transport-Security" not in told.headers


def test_other_sites_that_may_call_may_show_pictures(clock: Clock) -> None:
    with made_stack(clock, allowed_origins=["https://a.example"]) as stack:
        answer = create_app(stack.world).test_client().get("/health")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_none_where_a_proxy_sees_to_it(clock: Clock) -> None:
    with made_stack(clock, security_headers_enabled=False) as stack:
        headers = create_app(stack.world).test_client().get("/", base_url="https://localhost").headers
        assert not {*ALWAYS, "Content-Security-Policy", "Strict-Transport-Security"} & set(headers.keys())
