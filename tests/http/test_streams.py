"""Server-sent events: what comes, when it ends, and where there are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http import streams
from pdfsmaller.http.app import create_app
from pdfsmaller.http.held import Capacity
from pdfsmaller.jobs.model import Job
from tests import documents
from tests.aws_stack import Clock, success
from tests.http.talk import assert_problem, post
from tests.memory import MemoryStorage, away
from tests.services.room import Room


@pytest.fixture
def room(clock: Clock) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock))


@pytest.fixture
def client(room: Room[MemoryStorage]) -> FlaskClient:
    return create_app(room.world, Capacity(streams=2)).test_client()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def begin(client: FlaskClient, pdf: bytes) -> str:
    return str(post(client, pdf).get_json()["job_id"])


def started(room: Room[MemoryStorage], job_id: str) -> Job:
    job = room.jobs.start(job_id, "message", 60)
    assert job
    return job


def end(room: Room[MemoryStorage], job: Job) -> None:
    room.jobs.succeed(job, success(job), kept_seconds=60)


def events(chunks: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream: their ids, names and JSON."""
    for chunk in chunks:
        lines = dict(line.split(": ", 1) for line in chunk.strip().splitlines() if not line.startswith(":"))
        if "event" in lines:
            assert lines["event"] == "job"
            yield {"id": lines["id"], **json.loads(lines["data"])}


def text(response: Any) -> Iterator[str]:
    """A stream's pieces, as they come; it is closed at its end, as servers do."""
    for chunk in response.response:
        yield chunk.decode()
    response.close()


def test_a_job_is_told_as_it_stands_then_at_each_change_and_the_stream_ends_with_it(
    client: FlaskClient, room: Room[MemoryStorage], pdf: bytes
) -> None:
    job_id = begin(client, pdf)
    response = client.get(f"/api/jobs/{job_id}/events")
    assert (response.status_code, response.mimetype) == (200, "text/event-stream")
    assert (response.headers["Cache-Control"], response.headers["X-Accel-Buffering"]) == ("no-store", "no")
    told = events(text(response))
    assert next(told)["status"] == "queued"
    job = started(room, job_id)
    assert next(told)["status"] == "running"
    room.jobs.renew(job, 60, stage="images", progress=40)
    shown = next(told)
    assert (shown["stage"], shown["progress"]) == ("images", 40)
    end(room, job)
    last = next(told)
    assert last.pop("id")
    assert last == client.get(f"/api/jobs/{job_id}").get_json()
    assert list(told) == []


def test_a_client_that_connects_anew_hears_how_the_job_stands_and_is_let_go_once_it_knows_the_end(
    client: FlaskClient, room: Room[MemoryStorage], pdf: bytes
) -> None:
    job_id = begin(client, pdf)
    path = f"/api/jobs/{job_id}/events"
    end(room, started(room, job_id))
    for known in ({}, {"Last-Event-ID": "12"}, {"Last-Event-ID": "'; drop"}):
        [told] = events(text(client.get(path, headers=known)))
        assert told["status"] == "succeeded"
    assert client.get(path, headers={"Last-Event-ID": told["id"]}).status_code == 204


def test_the_first_thing_said_is_when_to_connect_anew(client: FlaskClient, pdf: bytes) -> None:
    response = client.get(f"/api/jobs/{begin(client, pdf)}/events")
    assert next(text(response)) == "retry: 2000\n\n"
    response.close()


def test_silence_is_broken_and_time_is_bounded(
    client: FlaskClient, pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(streams, "_MAX_SECONDS", 0.3)
    told = list(text(client.get(f"/api/jobs/{begin(client, pdf)}/events")))
    assert told[0].startswith("retry: ")
    assert told[1].startswith("id: ")
    assert {*told[2:]} == {": still there\n\n"}


def test_a_batch_tells_of_each_of_its_jobs(client: FlaskClient, room: Room[MemoryStorage], pdf: bytes) -> None:
    batch = post(client, pdf, pdf).get_json()
    told = events(text(client.get(f"/api/batches/{batch['batch_id']}/events")))
    ids = [job["job_id"] for job in batch["jobs"]]
    assert [next(told)["job_id"] for _ in ids] == ids
    for job_id in reversed(ids):
        job = started(room, job_id)
        assert (next(told)["job_id"], job.attempt) == (job_id, 1)
        end(room, job)
        assert next(told)["status"] == "succeeded"
    assert list(told) == []


def test_cancelling_is_told(client: FlaskClient, pdf: bytes) -> None:
    job_id = begin(client, pdf)
    told = events(text(client.get(f"/api/jobs/{job_id}/events")))
    next(told)
    assert client.post(f"/api/jobs/{job_id}/cancel").status_code == 200
    assert [job["status"] for job in told] == ["cancelled"]


def test_a_stream_ends_with_its_server(room: Room[MemoryStorage], pdf: bytes) -> None:
    ending = threading.Event()
    client = create_app(room.world, Capacity(streams=1, is_ending=ending.is_set)).test_client()
    told = events(text(client.get(f"/api/jobs/{begin(client, pdf)}/events")))
    assert next(told)["status"] == "queued"
    ending.set()
    assert list(told) == []


def test_a_stream_ends_where_the_store_is_away(client: FlaskClient, room: Room[MemoryStorage], pdf: bytes) -> None:
    told = events(text(client.get(f"/api/jobs/{begin(client, pdf)}/events")))
    assert next(told)["status"] == "queued"
    with away(room.store, "get_many"):
        assert list(told) == []


def test_no_more_streams_than_the_server_bears(client: FlaskClient, pdf: bytes) -> None:
    job_id, places = begin(client, pdf), client.application.config["HELD"].streams
    assert places.take()
    assert places.take()
    refused = client.get(f"/api/jobs/{job_id}/events")
    assert_problem(refused, 503, "too_many_streams")
    assert int(refused.headers["Retry-After"]) > 0
    places.give_back()
    for _ in range(3):  # each gives its place back, one that is left half-way too
        response = client.get(f"/api/jobs/{job_id}/events")
        assert response.status_code == 200
        response.close()


def test_where_answers_are_not_sent_piece_by_piece_there_are_none_and_no_links_to_any(
    room: Room[MemoryStorage], client: FlaskClient, pdf: bytes
) -> None:
    job_id = begin(client, pdf)
    assert client.get(f"/api/jobs/{job_id}").get_json()["links"]["events"].endswith(f"/api/jobs/{job_id}/events")
    elsewhere = create_app(room.world).test_client()
    assert "events" not in elsewhere.get(f"/api/jobs/{job_id}").get_json()["links"]
    assert "wait=N" in assert_problem(elsewhere.get(f"/api/jobs/{job_id}/events"), 501, "no_event_streams")["detail"]


def test_a_job_that_has_ended_has_no_link_to_events(client: FlaskClient, pdf: bytes) -> None:
    job_id = begin(client, pdf)
    assert "events" not in client.post(f"/api/jobs/{job_id}/cancel").get_json()["links"]


@pytest.mark.parametrize("path", ["/api/jobs/{}/events", "/api/batches/{}/events"])
def test_what_is_not_there_has_none(client: FlaskClient, path: str) -> None:
    assert_problem(client.get(path.format("0" * 32)), 404, "job_not_found")
