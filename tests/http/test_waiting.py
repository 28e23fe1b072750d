"""Who waits for a job's end, how long, and what comes then."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from pdfsmaller.http.held import Capacity
from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import made_room
from tests.http.talk import assert_problem, post, when_waiting
from tests.memory import MemoryStorage
from tests.services.room import Room

pytestmark = pytest.mark.usefixtures("warm_engine")

#: What callers send who want the file, and what those send who want the job.
TAKES_FILE = [
    "*/*",
    "*",
    "application/pdf",
    "application/*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/pdf, application/json",
    "application/json;q=0.5, application/pdf",
    "application/json;q=0.1, */*;q=0.2",
    "application/json;q=0, */*",
    "APPLICATION/PDF; version=1.7",
    "",
    "garbage",
    ",;=,;q=",
]
TAKES_JSON = [
    "application/json",
    "application/json, text/plain, */*",
    "application/json, application/pdf;q=0.9",
    "application/pdf;q=0, */*",
    "*/*;q=0",
    "text/html",
    "image/png, application/problem+json",
]


@pytest.fixture
def client(clock: Clock) -> FlaskClient:
    """A client of a service whose jobs are done as soon as somebody waits for them."""
    room = _room(clock, default_wait_seconds=20, max_wait_seconds=20)
    return _with_workers(room, room.work)


@pytest.fixture
def idle(clock: Clock) -> FlaskClient:
    """A client of a service in which nobody does any job, and waits are short."""
    return create_app(_room(clock, default_wait_seconds=1, max_wait_seconds=1).world).test_client()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.photo_jpeg(300, 200)


def _room(clock: Clock, **settings: int) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock), **settings)


def _with_workers(room: Room[MemoryStorage], act: Callable[[], object]) -> FlaskClient:
    """A client; ``act`` is done each time that somebody begins to wait."""
    app = create_app(room.world)
    when_waiting(app, act)
    return app.test_client()


class TestByDefault:
    @pytest.mark.parametrize("accept", TAKES_FILE)
    def test_who_takes_the_file_gets_it(self, client: FlaskClient, pdf: bytes, accept: str) -> None:
        response = post(client, pdf, headers={"Accept": accept})
        assert (response.status_code, response.mimetype) == (200, "application/pdf")
        assert response.data.startswith(b"%PDF-")
        assert len(response.data) < len(pdf)
        assert "Preference-Applied" not in response.headers

    def test_who_names_nothing_gets_it(self, client: FlaskClient, pdf: bytes) -> None:
        response = client.post("/api/compress", data={"files": [(io.BytesIO(pdf), "a.pdf")]})
        assert (response.status_code, response.mimetype) == (200, "application/pdf")

    @pytest.mark.parametrize("accept", TAKES_JSON)
    def test_who_does_not_has_the_job_at_once(self, client: FlaskClient, pdf: bytes, accept: str) -> None:
        response = post(client, pdf, headers={"Accept": accept})
        assert (response.status_code, response.get_json()["status"]) == (202, "queued")

    def test_time_up_is_202_with_where_and_when_to_ask(self, idle: FlaskClient, pdf: bytes) -> None:
        response = post(idle, pdf, headers={"Accept": "*/*"})
        job = response.get_json()
        assert (response.status_code, job["status"]) == (202, "queued")
        assert response.headers["Location"] == job["links"]["self"]
        assert int(response.headers["Retry-After"]) > 0

    def test_a_failed_job_is_its_own_error(self, client: FlaskClient) -> None:
        response = post(client, documents.encrypted_user(), headers={"Accept": "*/*"})
        assert assert_problem(response, 422, "password_required")["job"]["status"] == "failed"

    def test_nobody_waits_longer_than_anybody_may(self, clock: Clock, pdf: bytes) -> None:
        client = create_app(_room(clock, default_wait_seconds=60, max_wait_seconds=0).world).test_client()
        assert post(client, pdf, headers={"Accept": "*/*"}).status_code == 202


@pytest.mark.parametrize("accept", ["*/*", "application/pdf"])
def test_a_large_file_comes_as_it_is_where_the_service_has_it(
    clock: Clock, tmp_path: Path, pdf: bytes, accept: str
) -> None:
    room = made_room(tmp_path, clock, max_inline_result_size=1_000, default_wait_seconds=20)
    app = create_app(room.world)
    when_waiting(app, room.work)
    response = post(app.test_client(), pdf, headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (200, "application/pdf")
    assert 1_000 < len(response.data) < len(pdf)
    assert response.data.startswith(b"%PDF-")
    assert response.headers["X-Job-Id"]
    assert "file 0-smaller.pdf" in response.headers["Content-Disposition"]


class TestBatches:
    @pytest.mark.parametrize("headers", [{"Accept": "*/*"}, {"Prefer": "wait=20", "Accept": "application/zip"}])
    def test_who_takes_files_gets_a_zip_of_what_was_made(
        self, client: FlaskClient, pdf: bytes, headers: dict[str, str]
    ) -> None:
        response = post(client, pdf, documents.encrypted_user(), pdf, headers=headers)
        assert (response.status_code, response.mimetype) == (200, "application/zip")
        with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
            assert sum(name.endswith(".pdf") for name in archive.namelist()) == 2

    def test_who_takes_files_of_which_none_was_made_gets_the_batch(self, client: FlaskClient) -> None:
        response = post(client, *[documents.encrypted_user()] * 2, headers={"Accept": "*/*"})
        assert response.status_code == 200
        assert response.get_json()["failed"] == 2

    def test_time_up_is_202_with_the_batch(self, idle: FlaskClient, pdf: bytes) -> None:
        response = post(idle, pdf, pdf, headers={"Accept": "*/*"})
        assert (response.status_code, len(response.get_json()["jobs"])) == (202, 2)
        assert "/api/batches/" in response.headers["Location"]


class TestPreferring:
    def test_to_respond_at_once_is_heeded(self, client: FlaskClient, pdf: bytes) -> None:
        response = post(client, pdf, headers={"Prefer": "respond-async", "Accept": "*/*"})
        assert (response.status_code, response.get_json()["status"]) == (202, "queued")
        assert response.headers["Preference-Applied"] == "respond-async"

    @pytest.mark.parametrize(
        "prefer", ["wait=20", "handling=lenient, WAIT = 20", 'wait="20"; foo', "respond-async, wait=9"]
    )
    def test_to_wait_gives_the_pdf_itself(self, client: FlaskClient, pdf: bytes, prefer: str) -> None:
        response = post(client, pdf, headers={"Prefer": prefer, "Accept": "*/*"})
        assert (response.status_code, response.mimetype) == (200, "application/pdf")
        assert response.headers["Preference-Applied"] == "wait"

    def test_to_wait_gives_json_to_who_asks_for_it(self, client: FlaskClient, pdf: bytes) -> None:
        for accept in ("application/json", "application/json, text/plain, */*"):
            response = post(client, pdf, headers={"Prefer": "wait=20", "Accept": accept})
            assert (response.status_code, response.get_json()["status"]) == (200, "succeeded")

    def test_to_wait_for_a_failed_job_is_422_with_its_own_code(self, client: FlaskClient) -> None:
        response = post(client, documents.encrypted_user(), headers={"Prefer": "wait=20"})
        assert assert_problem(response, 422, "password_required")["job"]["status"] == "failed"

    def test_to_wait_for_a_batch_is_200_once_all_are_done(self, client: FlaskClient, pdf: bytes) -> None:
        headers = {"Prefer": "wait=20", "Accept": "application/json"}
        response = post(client, pdf, documents.encrypted_user(), b"GIF89a", headers=headers)
        assert response.status_code == 200
        batch = response.get_json()
        assert [job["status"] for job in batch["jobs"]] == ["succeeded", "failed", "failed"]
        assert batch["jobs"][2]["error"]["code"] == "not_a_pdf"
        assert (batch["done"], batch["failed"], batch["bytes_in"]) == (1, 2, len(pdf))
        assert batch["bytes_out"] == batch["jobs"][0]["result"]["bytes"]

    @pytest.mark.parametrize("prefer", ["wait=1", "respond-async, wait=1", "wait=999999999999999999999999"])
    def test_to_wait_is_202_once_time_is_up(self, idle: FlaskClient, pdf: bytes, prefer: str) -> None:
        response = post(idle, pdf, headers={"Prefer": prefer})
        assert response.status_code == 202
        assert response.headers["Preference-Applied"] == "wait"
        assert "Retry-After" in response.headers

    def test_not_to_wait_is_heeded(self, client: FlaskClient, pdf: bytes) -> None:
        assert post(client, pdf, headers={"Prefer": "wait=0", "Accept": "*/*"}).status_code == 202

    @pytest.mark.parametrize(
        "prefer", ["wait=-1", "wait=soon", "wait", "wait=1.5", "wait=٣", "=", ";wait=5", "x;wait=5", ",,"]
    )
    def test_what_makes_no_sense_counts_for_nothing(self, client: FlaskClient, pdf: bytes, prefer: str) -> None:
        for accept, status in (("application/json", 202), ("*/*", 200)):
            response = post(client, pdf, headers={"Prefer": prefer, "Accept": accept})
            assert response.status_code == status
            assert "Preference-Applied" not in response.headers

    def test_the_first_of_two_counts(self, client: FlaskClient, pdf: bytes) -> None:
        headers = {"Prefer": "wait=0, wait=20", "Accept": "application/json"}
        assert post(client, pdf, headers=headers).status_code == 202


class TestMeanwhile:
    @pytest.mark.parametrize(("finished", "code"), [(False, "job_cancelled"), (True, "job_expired")])
    def test_a_job_that_is_deleted_is_told_as_gone(self, clock: Clock, pdf: bytes, finished: bool, code: str) -> None:
        room = _room(clock)

        def delete() -> None:
            if finished:
                room.work()
            [job_id] = {key.split("/")[1] for key in (info.key for info in room.storage.list(room.storage.uploads, ""))}
            assert client.delete(f"/api/jobs/{job_id}").status_code == 204

        client = _with_workers(room, delete)
        assert_problem(post(client, pdf, headers={"Prefer": "wait=20", "Accept": "*/*"}), 410, code)

    def test_who_asks_for_a_job_may_wait_for_its_end(self, clock: Clock, pdf: bytes) -> None:
        room = _room(clock)
        client = create_app(room.world).test_client()
        path = f"/api/jobs/{post(client, pdf).get_json()['job_id']}"
        worker = threading.Timer(0.3, room.work)
        worker.start()
        response = client.get(path, headers={"Prefer": "wait=60", "Accept": "*/*"})
        worker.join()
        assert response.get_json()["status"] == "succeeded"
        assert response.headers["Preference-Applied"] == "wait"

    def test_who_finds_no_place_to_wait_is_answered_at_once(self, clock: Clock, pdf: bytes) -> None:
        room = _room(clock, default_wait_seconds=30)
        client = create_app(room.world, Capacity(waits=1)).test_client()
        taken = client.application.config["HELD"].waits
        assert taken.take()
        for headers in ({"Accept": "*/*"}, {"Prefer": "wait=30"}):
            response = post(client, pdf, headers=headers)
            assert (response.status_code, response.headers["Retry-After"]) == (202, "2")
            assert "Preference-Applied" not in response.headers
        taken.give_back()
        threading.Timer(0.3, room.work).start()
        assert post(client, pdf, headers={"Accept": "*/*"}).status_code == 200

    def test_nobody_is_kept_waiting_by_a_server_that_ends(self, clock: Clock, pdf: bytes) -> None:
        ending = threading.Event()
        client = create_app(_room(clock).world, Capacity(is_ending=ending.is_set)).test_client()
        threading.Timer(0.3, ending.set).start()
        response = post(client, pdf, headers={"Prefer": "wait=60"})
        assert (response.status_code, response.get_json()["status"]) == (202, "queued")
