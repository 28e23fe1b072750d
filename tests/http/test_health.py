"""``/health`` and what is beside it: what it says of the service, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller import __version__
from pdfsmaller.http.app import create_app
from pdfsmaller.http.health import HealthView
from pdfsmaller.http.held import Capacity
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.workers import SqlWorkers
from tests.aws_stack import Clock, Stack, made_stack
from tests.folder_world import FolderRoom, made_room

ONE = WorkerInfo("1" * 32, "host-a", 11, "1.0", 1_000.5, ("rlimit_as", "seccomp"))
OTHER = WorkerInfo("2" * 32, "host-b", 7, "1.0", 1_000.5, ("landlock",))
#: From the internet, and from this host.
FAR, NEAR = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> FolderRoom:
    return made_room(tmp_path, clock)


@pytest.fixture
def workers(sqlite: Database) -> SqlWorkers:
    return SqlWorkers(sqlite)


@pytest.fixture
def own(room: FolderRoom, workers: SqlWorkers) -> FlaskClient:
    """A server of one's own, whose workers tell of themselves."""
    return create_app(replace(room.world, workers=workers)).test_client()


@pytest.mark.parametrize("path", ["/health", "/api/health"])
def test_it_tells_each_part(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    body = response.get_json()
    assert (body["status"], body["version"]) == ("healthy", __version__)
    assert body["timestamp"].endswith("Z")
    assert {name: part["status"] for name, part in body["details"].items()} == dict.fromkeys(
        ("uploads", "results", "jobs", "queue"), "up"
    )


class TestWorkers:
    def test_it_is_degraded_without_any(self, own: FlaskClient) -> None:
        response = own.get("/health")
        assert (response.status_code, response.get_json()["status"]) == (200, "degraded")
        part = response.get_json()["details"]["workers"]
        assert (part["status"], part["count"]) == ("down", 0)
        assert own.get("/health/ready").status_code == 200

    def test_it_tells_of_the_one_that_was_seen_last(self, own: FlaskClient, workers: SqlWorkers, clock: Clock) -> None:
        workers.seen(ONE)
        clock.forward(10)
        workers.seen(OTHER)
        body = own.get("/health").get_json()
        assert body["status"] == "healthy"
        part = body["details"]["workers"]
        assert (part["status"], part["count"], part["bounds"]) == ("up", 2, ["landlock"])
        assert part["latest_heartbeat"].endswith("Z")

    def test_it_remembers_when_the_last_one_lived(
        self, own: FlaskClient, workers: SqlWorkers, room: FolderRoom, clock: Clock
    ) -> None:
        workers.seen(ONE)
        clock.forward(room.world.settings.lease_seconds + 1)
        part = own.get("/health").get_json()["details"]["workers"]
        assert (part["status"], part["count"], part["bounds"]) == ("down", 0, ["rlimit_as", "seccomp"])


class TestUnhealthy:
    @pytest.fixture(autouse=True)
    def away(self, stack: Stack) -> None:
        stack.sqs.delete_queue(QueueUrl=stack.settings.compress_queue_url)

    @pytest.mark.parametrize("seen_from", [NEAR, FAR])
    def test_it_is_503_and_names_what_is_away(self, client: FlaskClient, seen_from: dict[str, Any]) -> None:
        response = client.get("/health", environ_overrides=seen_from)
        body = response.get_json()
        assert (response.status_code, body["status"], body["failing"]) == (503, "unhealthy", ["queue"])
        assert ("details" in body) is (seen_from is NEAR)

    def test_it_is_not_ready_and_lives(self, client: FlaskClient) -> None:
        response = client.get("/health/ready", environ_overrides=FAR)
        assert (response.status_code, response.get_json()) == (503, {"status": "down", "failing": ["queue"]})
        assert client.get("/health/live").get_json() == {"status": "up"}


def test_a_server_that_is_about_to_end_is_not_ready(stack: Stack) -> None:
    ending = create_app(stack.world, Capacity(is_ending=lambda: True)).test_client()
    assert ending.get("/health/ready").get_json() == {"status": "down", "failing": ["server"]}
    assert ending.get("/health").status_code == 200


def test_it_is_there_without_a_look_where_that_is_wanted(clock: Clock) -> None:
    with made_stack(clock, health_check_enabled=False) as stack:
        stack.sqs.delete_queue(QueueUrl=stack.settings.compress_queue_url)
        body = create_app(stack.world).test_client().get("/health").get_json()
        assert (body["status"], body["details"]) == ("healthy", {})


class TestWhoSeesDetails:
    """Whoever is near and whoever has a key; to others the service is one word."""

    @pytest.fixture
    def behind(self, request: pytest.FixtureRequest, clock: Clock) -> Iterator[FlaskClient]:
        """An app with TRUSTED_PROXIES."""
        with made_stack(clock, trusted_proxies=getattr(request, "param", "")) as stack:
            yield create_app(stack.world).test_client()

    @staticmethod
    def sees(client: FlaskClient, address: str, **headers: str) -> bool:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        body = client.get("/health", environ_overrides={"REMOTE_ADDR": address}, headers=given).get_json()
        HealthView.model_validate(body)
        assert set(body) - {"details"} == {"status", "timestamp", "version"}
        return "details" in body

    @pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
    def test_this_host_does(self, behind: FlaskClient, address: str) -> None:
        assert self.sees(behind, address)

    @pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "2001:db8::1", "::ffff:203.0.113.9", "", "x"])
    def test_others_do_not(self, behind: FlaskClient, address: str) -> None:
        assert not self.sees(behind, address)
        assert not self.sees(behind, address, X_Forwarded_For="127.0.0.1")
        assert not self.sees(behind, address, Forwarded="for=127.0.0.1")

    @pytest.mark.parametrize("behind", ["10.0.0.0/8, 127.0.0.1"], indirect=True)
    def test_a_trusted_network_does(self, behind: FlaskClient) -> None:
        assert self.sees(behind, "10.1.2.3")
        assert not self.sees(behind, "11.1.2.3")

    @pytest.mark.parametrize("behind", ["", "1", "2", "127.0.0.1", "127.0.0.0/8, 203.0.113.0/24"], indirect=True)
    @pytest.mark.parametrize("said", ["203.0.113.9", "127.0.0.1", "127.0.0.1, 203.0.113.9", "nonsense", "::1"])
    def test_nobody_does_through_a_proxy_on_this_host(self, behind: FlaskClient, said: str) -> None:
        assert not self.sees(behind, "127.0.0.1", X_Forwarded_For=said)

    @pytest.mark.parametrize("behind", ["1"], indirect=True)
    def test_that_there_is_a_proxy_makes_nobody_near(self, behind: FlaskClient) -> None:
        assert not self.sees(behind, "203.0.113.9")
        assert not self.sees(behind, "203.0.113.9", X_Forwarded_For="127.0.0.1")

    def test_who_has_a_key_does(self, stack: Stack) -> None:
        client, (made, key) = create_app(stack.world).test_client(), stack.world.keys.create("me")
        assert self.sees(client, "203.0.113.9", X_Api_Key=key)
        assert self.sees(client, "203.0.113.9", Authorization=f"Bearer {key}")
        assert not self.sees(client, "203.0.113.9", X_Api_Key=f"pdfs_{made.key_id}_{'0' * 64}")
        assert not self.sees(client, "203.0.113.9", X_Api_Key="nonsense")

    @pytest.mark.parametrize("required", [False, True])
    def test_who_has_the_token_of_the_metrics_does(self, clock: Clock, required: bool) -> None:
        with made_stack(clock, metrics_token="t" * 20, api_keys_required=required) as stack:
            client = create_app(stack.world).test_client()
            assert self.sees(client, "203.0.113.9", Authorization=f"Bearer {'t' * 20}")
            assert not self.sees(client, "203.0.113.9", Authorization=f"Bearer {'t' * 19}")
            assert not self.sees(client, "203.0.113.9", Authorization="Basic dDp0")
            assert not self.sees(client, "203.0.113.9", Authorization="Bearer")

    def test_guessing_is_stopped_and_the_answer_stays(self, stack: Stack) -> None:
        client, (made, key) = create_app(stack.world).test_client(), stack.world.keys.create("me")
        for _ in range(40):
            assert not self.sees(client, "203.0.113.9", X_Api_Key=f"pdfs_{made.key_id}_{'0' * 64}")
        assert not self.sees(client, "203.0.113.9", X_Api_Key=key)


def test_it_is_looked_at_once_in_a_while(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.http import health

    looked = []
    real = health._looked
    monkeypatch.setattr(health, "_looked", lambda world: looked.append(1) or real(world))
    paths = ("/health", "/api/health", "/health/ready")
    answers = {client.get(path).status_code for path in paths for _ in range(20)}
    assert answers == {200}
    assert len(looked) == 1
    now = health.time.monotonic()
    monkeypatch.setattr(health.time, "monotonic", lambda: now + 60)
    assert client.get("/health").status_code == 200
    assert len(looked) == 2
