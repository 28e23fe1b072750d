"""``/health``."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.aws_stack import Stack


@pytest.mark.parametrize("path", ["/health", "/api/health"])
def test_health_tells_each_part(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    parts = response.get_json()["details"]
    assert {name: part["status"] for name, part in parts.items()} == dict.fromkeys(
        ("uploads", "results", "jobs", "queue"), "up"
    )


def test_health_is_503_when_a_part_is_down(client: FlaskClient, stack: Stack) -> None:
    stack.sqs.delete_queue(QueueUrl=stack.settings.compress_queue_url)
    response = client.get("/health")
    assert response.status_code == 503
    assert response.get_json()["details"]["queue"]["status"] == "down"


def test_health_is_looked_at_once_in_a_while(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.http import health

    looked = []
    real = health._looked
    monkeypatch.setattr(health, "_looked", lambda settings: looked.append(1) or real(settings))
    answers = {client.get(path).status_code for path in ("/health", "/api/health") for _ in range(20)}
    assert answers == {200}
    assert len(looked) == 1
    now = health.time.monotonic()
    monkeypatch.setattr(health.time, "monotonic", lambda: now + 60)
    assert client.get("/health").status_code == 200
    assert len(looked) == 2
