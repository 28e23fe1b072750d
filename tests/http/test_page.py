"""The web page, as it is served."""

from __future__ import annotations

from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests.aws_stack import Clock, Stack, made_stack


def test_the_page_and_its_parts(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for part in ("/assets/page.js", "/assets/page.css"):
        assert part in page.text
        assert client.get(part).status_code == 200


def test_the_page_asks_for_a_key_where_there_are_some(client: FlaskClient, clock: Clock) -> None:
    assert 'id="key"' not in client.get("/").text
    with made_stack(clock, api_keys=["secret" * 4]) as stack:
        assert 'id="key"' in create_app(stack.world).test_client().get("/").text


def test_the_page_may_load_only_what_is_ours(client: FlaskClient, stack: Stack) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("connect-src").startswith("'self' https://")
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
