"""Keys and limits through the API: who is let in, whose a job is, how many one may make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from pdfsmaller.access.keys import CACHED_SECONDS
from pdfsmaller.http.app import create_app
from pdfsmaller.operations import OPERATIONS
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import assert_problem, post


@pytest.fixture
def keyed(clock: Clock) -> Iterator[Stack]:
    """A service that asks for keys."""
    with made_stack(clock, api_keys_required=True) as stack:
        yield stack


@pytest.fixture
def client(keyed: Stack) -> FlaskClient:
    return create_app(keyed.world).test_client()


def made_key(stack: Stack, rate_limit: str = "") -> dict[str, str]:
    """The header that a new key is sent in."""
    return {"X-Api-Key": stack.world.keys.create("a test", rate_limit)[1]}


class TestKeys:
    def test_are_demanded_where_they_are_required(self, client: FlaskClient, keyed: Stack, pdf: bytes) -> None:
        refused = post(client, pdf)
        assert_problem(refused, 401, "unauthorized")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        key = made_key(keyed)["X-Api-Key"]
        assert post(client, pdf, headers={"X-Api-Key": key}).status_code == 202
        assert post(client, pdf, headers={"Authorization": f"Bearer {key}"}).status_code == 202
        assert post(client, pdf, headers={"Authorization": f"bearer {key}"}).status_code == 202
        assert client.get("/health").status_code == 200

    def test_every_route_of_jobs_asks_for_one(self, client: FlaskClient) -> None:
        for rule in client.application.url_map.iter_rules():
            if not rule.rule.startswith("/api/") or rule.rule == "/api/health":
                continue
            path = rule.rule.replace("<job_id>", "0" * 32).replace("<batch_id>", "0" * 32)
            path = path.replace("<index>", "0").replace("<int:number>", "1").replace("<number>", "1")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert client.open(path, method=method).status_code == 401, (method, rule.rule)

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Api-Key": "x" * 10_000},
            {"X-Api-Key": "pdfs_0000000000000000_" + "0" * 64},
            {"X-Api-Key": "\u00e9\u00ff"},
            {"X-Api-Key": "null"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer " + "y" * 10_000},
            {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
            {"Authorization": "Bearer a b c, Bearer d"},
        ],
        ids=lambda headers: str(headers)[:40],
    )
    def test_what_is_no_key_is_refused_without_a_word_of_it(
        self, client: FlaskClient, pdf: bytes, headers: dict[str, str]
    ) -> None:
        refused = post(client, pdf, headers=headers)
        assert_problem(refused, 401, "unauthorized")
        assert not any(value[-20:] in refused.text for value in headers.values() if len(value) > 20)

    def test_a_revoked_one_is_refused_within_seconds(
        self, client: FlaskClient, keyed: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made, key = keyed.world.keys.create("a")
        url, headers = f"/api/jobs/{'0' * 32}", {"X-Api-Key": key}
        assert client.get(url, headers=headers).status_code == 404
        keyed.world.keys.revoke(made.key_id)
        monkeypatch.setattr(keyed.world.keys, "_passing", lambda: 1e12 + CACHED_SECONDS)
        assert_problem(client.get(url, headers=headers), 401, "unauthorized")

    def test_guessing_is_stopped_before_long(self, client: FlaskClient) -> None:
        answers = [client.get(f"/api/jobs/{'0' * 32}", headers={"X-Api-Key": f"guess {n}"}) for n in range(40)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert client.get("/health").status_code == 200

    def test_one_that_is_sent_counts_where_none_is_required(self, stack: Stack, pdf: bytes) -> None:
        client, mine = create_app(stack.world).test_client(), made_key(stack)
        job_id = post(client, pdf, headers=mine).get_json()["job_id"]
        assert stack.job(job_id).owner == mine["X-Api-Key"].split("_")[1]
        assert client.get(f"/api/jobs/{job_id}", headers=mine).status_code == 200
        assert_problem(client.get(f"/api/jobs/{job_id}"), 404, "job_not_found")
        assert_problem(post(client, pdf, headers={"X-Api-Key": mine["X-Api-Key"][:-1] + "x"}), 401, "unauthorized")

    def test_what_is_for_somebody_before_us_is_passed_over_then(self, stack: Stack, pdf: bytes) -> None:
        client = create_app(stack.world).test_client()
        for value in (
            "Basic dXNlcjpwYXNzd29yZA==",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
            "AWS4-HMAC-SHA256 Credential=x",
        ):
            assert post(client, pdf, headers={"Authorization": value}).status_code == 202


class TestOwners:
    def test_every_operation_s_job_is_its_sender_s(self, client: FlaskClient, keyed: Stack) -> None:
        mine = made_key(keyed)
        owner = mine["X-Api-Key"].split("_")[1]
        for operation in OPERATIONS.values():
            asked: dict[str, object] = {"operation": operation.name, "name": "a.pdf"}
            if operation.name == "split":  # it does nothing without
                asked["options"] = {"every": 1}
            begun = client.post("/api/uploads", json=asked, headers=mine)
            assert begun.status_code == 201, begun.text
            assert keyed.job(begun.get_json()["job"]["job_id"]).owner == owner

    def test_nobody_else_sees_it_or_ends_it(self, client: FlaskClient, keyed: Stack, pdf: bytes) -> None:
        mine, other = made_key(keyed), made_key(keyed)
        batch = post(client, pdf, pdf, headers=mine).get_json()
        job = f"/api/jobs/{batch['jobs'][0]['job_id']}"
        for method, path in (
            ("GET", job), ("GET", f"{job}/download"), ("GET", f"{job}/results/0"), ("DELETE", job),
            ("POST", f"{job}/uploaded"), ("GET", f"/api/batches/{batch['batch_id']}"),
        ):  # fmt: skip
            assert_problem(client.open(path, method=method, headers=other), 404, "job_not_found")
        assert client.get(job, headers=mine).get_json()["status"] == "queued"
        assert len(client.get(f"/api/batches/{batch['batch_id']}", headers=mine).get_json()["jobs"]) == 2


@pytest.fixture
def limited(clock: Clock) -> Iterator[Stack]:
    clock.forward(86_400 - clock() % 86_400)  # a day begins, so that none ends in a test
    with made_stack(clock, rate_limit_enabled=True, rate_limit_default="20 per day;3 per hour") as stack:
        yield stack


class TestLimits:
    def test_tell_how_they_stand_and_when_to_come_again(self, limited: Stack, clock: Clock, pdf: bytes) -> None:
        client = create_app(limited.world).test_client()
        first = post(client, pdf)
        assert first.headers["RateLimit-Policy"] == '"20 per day";q=20;w=86400, "3 per hour";q=3;w=3600'
        assert first.headers["RateLimit"].startswith('"20 per day";r=19;t=86')
        for _ in range(2):
            assert post(client, pdf).status_code == 202
        refused = post(client, pdf)
        assert assert_problem(refused, 429, "rate_limited")["limit"] == "3 per hour"
        assert '"3 per hour";r=0;t=' in refused.headers["RateLimit"]
        assert 3_000 < int(refused.headers["Retry-After"]) <= 3_600
        clock.forward(int(refused.headers["Retry-After"]))
        assert post(client, pdf).status_code == 202

    def test_count_jobs_and_nothing_else(self, limited: Stack, pdf: bytes) -> None:
        client = create_app(limited.world).test_client()
        batch = post(client, pdf, pdf).get_json()
        for _ in range(5):
            assert "RateLimit" not in client.get(f"/api/jobs/{batch['jobs'][0]['job_id']}").headers
            assert client.get("/health").status_code == 200
            assert_problem(post(client, b"no pdf"), 415, "not_a_pdf")
            assert_problem(
                client.post("/api/uploads", json={"count": 1_000, "operation": "merge"}), 422, "too_many_files"
            )
        assert client.post("/api/uploads", json={"name": "a.pdf"}).status_code == 201
        assert_problem(client.post("/api/uploads", json={"name": "a.pdf"}), 429, "rate_limited")

    def test_a_batch_is_taken_whole_or_not_at_all(self, limited: Stack, pdf: bytes) -> None:
        client = create_app(limited.world).test_client()
        assert post(client, pdf, pdf).status_code == 202
        assert_problem(post(client, pdf, pdf), 429, "rate_limited")
        assert post(client, pdf).status_code == 202
        never = post(client, *[pdf] * 4)
        assert_problem(never, 429, "rate_limited")
        assert "Retry-After" not in never.headers

    def test_are_shared_by_all_instances(self, limited: Stack, pdf: bytes) -> None:
        clients = [create_app(limited.world).test_client() for _ in range(2)]
        assert [post(clients[n % 2], pdf).status_code for n in range(4)] == [202, 202, 202, 429]

    def test_an_address_is_the_client_s_and_not_what_it_says(self, limited: Stack, pdf: bytes) -> None:
        client = create_app(limited.world).test_client()
        spoofed = [post(client, pdf, headers={"X-Forwarded-For": f"192.0.2.{n}"}).status_code for n in range(4)]
        assert spoofed == [202, 202, 202, 429]

    def test_each_key_has_its_own_and_may_have_others(self, limited: Stack, pdf: bytes) -> None:
        client, plain, narrow = (
            create_app(limited.world).test_client(),
            made_key(limited),
            made_key(limited, "1 per day"),
        )
        assert [post(client, pdf, headers=plain).status_code for _ in range(4)] == [202, 202, 202, 429]
        assert [post(client, pdf, headers=narrow).status_code for _ in range(2)] == [202, 429]
        assert post(client, pdf).status_code == 202

    def test_a_key_s_own_hold_where_there_are_no_others(self, stack: Stack, pdf: bytes) -> None:
        client, narrow = create_app(stack.world).test_client(), made_key(stack, "1 per day")
        assert [post(client, pdf, headers=narrow).status_code for _ in range(2)] == [202, 429]
        assert "RateLimit" not in post(client, pdf).headers
