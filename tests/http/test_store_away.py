"""Nobody answers behind the API: its callers hear so soon, and when to come again."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from pdfsmaller.access.keys import Keys
from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.aws import clients
from pdfsmaller.http.app import create_app
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.server import database
from pdfsmaller.server.database.job_store import SqlJobStore
from pdfsmaller.server.database.queue import SqlQueue
from pdfsmaller.services.ends import Ends
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from pdfsmaller.wire import wire
from tests import documents
from tests.http.talk import assert_problem, post
from tests.memory import MemoryKeyStore, MemoryStorage


@pytest.fixture
def lonely(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    clients.forget_clients()
    return create_app(wire(Settings(compress_queue_url=f"{url}/0/q", secret_key="a key for tests only"))).test_client()


def test_every_call_that_needs_it_is_503_with_retry_after(lonely: FlaskClient) -> None:
    job = f"/api/jobs/{'0' * 32}"
    for call in (
        lambda: lonely.get(job),
        lambda: lonely.get(f"{job}/download"),
        lambda: lonely.get(f"{job}/results/0"),
        lambda: lonely.delete(job),
        lambda: lonely.post(f"{job}/uploaded"),
        lambda: post(lonely, documents.text(1)),
        lambda: lonely.post("/api/uploads", json={"name": "a.pdf"}),
    ):
        begun = time.monotonic()
        answer = call()
        assert time.monotonic() - begun < 4
        assert_problem(answer, 503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in answer.text


def test_so_is_what_would_be_written_to_a_database_that_stays_locked(empty_sqlite: Path, tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    shutil.copy(empty_sqlite, path)
    opened = database.opened(f"sqlite:///{path}", busy_seconds=0.1)
    jobs, storage = Jobs(SqlJobStore(opened)), MemoryStorage()
    queue = SqlQueue(opened, visibility_seconds=60, max_receive_count=5)
    world = World(
        Settings(default_wait_seconds=0),  # nobody works beside
        jobs,
        Ends(jobs, []),
        queue,
        storage,
        opened.together,
        callbacks=queue,
        keys=Keys(MemoryKeyStore()),
        counters=LocalCounters(),
    )
    client = create_app(world).test_client()
    begun = post(client, documents.text(1)).get_json()
    locked = sqlite3.connect(path, isolation_level=None)
    locked.execute("BEGIN IMMEDIATE")
    for answer in (post(client, documents.text(1)), client.delete(f"/api/jobs/{begun['job_id']}")):
        assert_problem(answer, 503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "locked" not in answer.text
        assert str(path) not in answer.text
    assert client.get(f"/api/jobs/{begun['job_id']}").get_json()["status"] == "queued"
    locked.close()
    assert post(client, documents.text(1)).status_code == 202
    opened.close()


def test_what_needs_no_store_is_answered(lonely: FlaskClient) -> None:
    assert lonely.get("/openapi.json").status_code == 200
    assert lonely.get("/health/live").status_code == 200
    health = lonely.get("/health")
    assert health.status_code == 503
    assert {part["status"] for part in health.get_json()["details"].values()} == {"down"}
