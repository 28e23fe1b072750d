"""``/metrics``: what it says of this host's requests and of the whole service, and to whom."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from pdfsmaller import __version__, wire
from pdfsmaller.http import fresh
from pdfsmaller.http.app import create_app
from pdfsmaller.http.held import Capacity
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from tests.aws_stack import Clock, Stack, success
from tests.folder_world import SECRET_KEY, FolderRoom, made_room
from tests.http.talk import assert_problem, post, when_waiting
from tests.memory import away

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests-only"
#: What this host counts by itself, and what is known of the whole service.
HOST = {"http_requests", "http_request_duration_seconds", "http_held_seconds"}
STORE = {
    "jobs_ended",
    "jobs_failed",
    "job_duration_seconds",
    "file_size_processed_bytes",
    "compression_ratio",
    "active_compression_jobs",
    "queue_messages",
    "queue_oldest_message_age_seconds",
    "dead_letters",
    "workers_alive",
    "worker_heartbeat_timestamp_seconds",
    "cleanup_last_run_timestamp_seconds",
    "cleanup_done",
    "backup_last_success_timestamp_seconds",
    "storage_used_ratio",
}
ALWAYS = {"pdfsmaller_build_info", "store_up"}
#: How long a busy machine may take.
_PATIENCE_SECONDS = 60.0


Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    return parsed(text).get((name, tuple(sorted(labels.items()))))


def families(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text) if family.samples}


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> FolderRoom:
    return made_room(tmp_path, clock, max_wait_seconds=20)


@pytest.fixture
def client(room: FolderRoom) -> FlaskClient:
    return create_app(room.world, Capacity(streams=2)).test_client()


def shown(client: FlaskClient, **headers: str) -> str:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain")
    return response.text


class TestRequests:
    def test_are_counted_by_their_rule_and_not_by_their_path(self, client: FlaskClient) -> None:
        for number in range(3):
            client.get(f"/api/jobs/{number:032x}")
        text = shown(client)
        assert value(text, "http_requests_total", method="GET", endpoint="/api/jobs/<job_id>", status="404") == 3
        assert value(text, "http_request_duration_seconds_count", endpoint="/api/jobs/<job_id>") == 3
        assert "0" * 31 not in text

    def test_of_what_is_not_ours_there_is_one_series(self, client: FlaskClient) -> None:
        for path in ("/a", "/b", "/wp-login.php"):
            client.get(path)
        client.open("/", method="BREW")
        text = shown(client)
        assert value(text, "http_requests_total", method="GET", endpoint="none", status="404") == 3
        assert value(text, "http_requests_total", method="other", endpoint="none", status="405") == 1
        assert "BREW" not in text

    def test_those_that_are_refused_count_with_their_time(self, tmp_path: Path, clock: Clock) -> None:
        client = create_app(made_room(tmp_path, clock, api_keys_required=True, metrics_token=TOKEN).world).test_client()
        assert client.get("/api/jobs").status_code == 401
        text = shown(client, Authorization=f"Bearer {TOKEN}")
        assert value(text, "http_requests_total", method="GET", endpoint="/api/jobs", status="401") == 1
        assert value(text, "http_request_duration_seconds_sum", endpoint="/api/jobs") != 0

    def test_one_that_waits_is_held_and_takes_no_time(self, room: FolderRoom, client: FlaskClient, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        when_waiting(client.application, lambda: room.world.ends.cancel(_job(room, job_id), kept_seconds=60))
        client.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=20"})
        text = shown(client)
        assert value(text, "http_held_seconds_count", kind="wait") == 1
        assert value(text, "http_request_duration_seconds_count", endpoint="/api/jobs/<job_id>") is None
        assert value(text, "http_requests_total", method="GET", endpoint="/api/jobs/<job_id>", status="200") == 1

    def test_one_that_need_not_wait_is_none_of_those(self, client: FlaskClient, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        client.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=0"})
        text = shown(client)
        assert value(text, "http_held_seconds_count", kind="wait") is None
        assert value(text, "http_request_duration_seconds_count", endpoint="/api/jobs/<job_id>") == 1

    def test_a_stream_is_held_until_it_ends(self, room: FolderRoom, client: FlaskClient, pdf: bytes) -> None:
        job_id = post(client, pdf).get_json()["job_id"]
        stream = client.get(f"/api/jobs/{job_id}/events")
        endpoint = "/api/jobs/<job_id>/events"
        text = shown(client)
        assert value(text, "http_held_seconds_count", kind="stream") == 0
        assert value(text, "http_requests_total", method="GET", endpoint=endpoint, status="200") == 1
        stream.close()
        text = shown(client)
        assert value(text, "http_held_seconds_count", kind="stream") == 1
        assert value(text, "http_request_duration_seconds_count", endpoint=endpoint) is None


def _job(room: FolderRoom, job_id: str) -> Job:
    job = room.jobs.get(job_id)
    assert job
    return job


class TestWhoMaySee:
    @pytest.fixture
    def guarded(self, tmp_path: Path, clock: Clock) -> FlaskClient:
        return create_app(made_room(tmp_path, clock, metrics_token=TOKEN).world).test_client()

    @pytest.mark.parametrize(
        "sent", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"]
    )
    def test_who_has_not_the_token_is_refused(self, guarded: FlaskClient, sent: str) -> None:
        response = guarded.get("/metrics", headers={"Authorization": sent} if sent else {})
        assert_problem(response, 401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in response.text

    def test_who_has_it_sees_them(self, guarded: FlaskClient) -> None:
        assert "store_up 1.0" in shown(guarded, Authorization=f"Bearer {TOKEN}")
        assert "store_up 1.0" in shown(guarded, Authorization=f"bearer {TOKEN}")

    def test_an_api_key_is_no_token_and_a_token_no_key(self, tmp_path: Path, clock: Clock) -> None:
        room = made_room(tmp_path, clock, api_keys_required=True, metrics_token=TOKEN)
        client, (_, key) = create_app(room.world).test_client(), room.world.keys.create("me")
        assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 401
        assert client.get("/api/jobs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401
        shown(client, Authorization=f"Bearer {TOKEN}")

    def test_without_a_token_they_are_for_who_has_a_key_where_one_is_needed(self, tmp_path: Path, clock: Clock) -> None:
        room = made_room(tmp_path, clock, api_keys_required=True)
        client, (_, key) = create_app(room.world).test_client(), room.world.keys.create("me")
        assert client.get("/metrics").status_code == 401
        shown(client, Authorization=f"Bearer {key}")

    def test_there_are_none_where_they_are_off(self, tmp_path: Path, clock: Clock) -> None:
        client = create_app(made_room(tmp_path, clock, metrics_enabled=False).world).test_client()
        assert client.get("/metrics").status_code == 404


BOUNDS = ("0.05", "0.2", "0.3", "0.4", "1.0", "+Inf")


class TestTheService:
    def test_its_figures_are_shown_as_they_are_kept(self, room: FolderRoom, client: FlaskClient) -> None:
        room.figures.add([Figure("jobs_ended_total", 7, {"operation": "merge", "outcome": "failed"})])
        room.figures.set(Figure("backup_last_success_timestamp_seconds", 1_790_000_000.25))
        room.figures.add([Figure("of another version", 1)])
        text = shown(client)
        assert value(text, "jobs_ended_total", operation="merge", outcome="failed") == 7
        assert value(text, "backup_last_success_timestamp_seconds") == 1_790_000_000.25
        assert "another version" not in text

    def test_of_histograms_each_bucket_holds_all_below_it(self, room: FolderRoom, client: FlaskClient) -> None:
        for bound, number in (("0.05", 1), ("0.3", 2), ("0.33", 4), ("inf", 8)):  # one bound is a former version's
            room.figures.add([Figure("compression_ratio_bucket", number, {"le": bound})])
        room.figures.add([Figure("compression_ratio_sum", 17.5)])
        text = shown(client)
        found = {
            le: value(text, "compression_ratio_bucket", le=le) for le in ("0.05", "0.2", "0.3", "0.4", "1.0", "+Inf")
        }
        assert found == {"0.05": 1, "0.2": 1, "0.3": 3, "0.4": 7, "1.0": 7, "+Inf": 15}
        assert (value(text, "compression_ratio_count"), value(text, "compression_ratio_sum")) == (15, 17.5)

    def test_queues_are_as_deep_and_as_old_as_they_are(self, room: FolderRoom, client: FlaskClient, pdf: bytes) -> None:
        for _ in range(3):
            post(client, pdf)
        assert room.queue.receive()
        room.callbacks.send("a callback", dead=True)
        room.clock.forward(90)  # what was received shows again
        text = shown(client)
        assert value(text, "queue_messages", queue="jobs", state="waiting") == 3
        assert value(text, "queue_messages", queue="jobs", state="in_flight") == 0
        assert 90 <= (value(text, "queue_oldest_message_age_seconds", queue="jobs") or 0) < 150
        assert value(text, "queue_oldest_message_age_seconds", queue="callbacks") == 0
        assert value(text, "dead_letters", queue="jobs") == 0
        assert value(text, "dead_letters", queue="callbacks") == 1

    def test_what_is_worked_on_is_active(self, room: FolderRoom, client: FlaskClient, pdf: bytes) -> None:
        jobs = [post(client, pdf).get_json()["job_id"] for _ in range(2)]
        assert room.jobs.start(jobs[0], "m", 60)
        assert value(shown(client), "active_compression_jobs") == 1

    def test_which_version_answers(self, client: FlaskClient) -> None:
        assert value(shown(client), "pdfsmaller_build_info", version=__version__) == 1

    def test_how_full_the_folder_is(self, tmp_path: Path, clock: Clock) -> None:
        room = made_room(tmp_path, clock, max_bytes=10**15)
        ratio = value(shown(create_app(room.world).test_client()), "storage_used_ratio")
        assert ratio is not None
        assert 0 < ratio <= 1

    def test_the_stores_are_asked_once_in_some_seconds(
        self, room: FolderRoom, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: now)
        add = [Figure("cleanup_done_total", 1, {"what": "expired"})]
        room.figures.add(add)
        assert value(shown(client), "cleanup_done_total", what="expired") == 1
        room.figures.add(add)
        now += fresh.FRESH_SECONDS - 0.1
        assert value(shown(client), "cleanup_done_total", what="expired") == 1
        now += 0.2
        assert value(shown(client), "cleanup_done_total", what="expired") == 2

    def test_of_many_who_ask_at_once_one_looks(self, room: FolderRoom, monkeypatch: pytest.MonkeyPatch) -> None:
        app, looks, gate = create_app(room.world), 0, threading.Barrier(8)
        every = room.figures.all

        def counted() -> list[Figure]:
            nonlocal looks
            looks += 1
            time.sleep(0.05)
            return every()

        monkeypatch.setattr(room.figures, "all", counted)

        def ask(_: int) -> None:
            gate.wait()
            shown(app.test_client())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
        assert looks == 1


class TestAStoreThatIsAway:
    def test_leaves_what_is_this_hosts_own(self, room: FolderRoom, client: FlaskClient) -> None:
        client.get(f"/api/jobs/{'0' * 32}")
        with away(room.queue, "depth"):
            text = shown(client)
        assert value(text, "http_requests_total", method="GET", endpoint="/api/jobs/<job_id>", status="404") == 1
        assert value(text, "pdfsmaller_build_info", version=__version__) == 1
        assert value(text, "store_up") == 0
        assert value(text, "queue_messages", queue="jobs", state="waiting") is None

    def test_is_not_waited_for_more_than_once(
        self, room: FolderRoom, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room.figures, "all", lambda: pytest.fail("it is away"))
        with away(room.queue, "depth"):
            assert value(shown(client), "store_up") == 0

    def test_whose_part_fails_costs_that_part_alone(
        self, room: FolderRoom, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room.storage, "used_ratio", lambda: 1 / 0)
        text = shown(client)
        assert value(text, "store_up") == 0
        assert value(text, "storage_used_ratio") is None
        assert value(text, "active_compression_jobs") == 0


def test_on_aws_the_queues_tell_what_they_know(stack: Stack) -> None:
    stack.sqs.send_message(QueueUrl=stack.settings.dead_letter_queue_url, MessageBody="dead")
    text = shown(create_app(stack.world).test_client())
    assert value(text, "store_up") == 1
    assert value(text, "queue_messages", queue="jobs", state="waiting") == 0
    assert value(text, "queue_messages", queue="callbacks", state="in_flight") == 0
    assert value(text, "dead_letters", queue="jobs") == 1
    assert value(text, "active_compression_jobs") == 0
    assert {"queue_oldest_message_age_seconds", "jobs_ended", "workers_alive"}.isdisjoint(families(text))


# On a server of one's own


@pytest.fixture
def settings(tmp_path: Path, empty_sqlite: Path) -> Settings:
    shutil.copy(empty_sqlite, tmp_path / "jobs.db")
    files = tmp_path / "files"
    for bucket in ("uploads", "results"):
        (files / bucket).mkdir(parents=True)
    place: dict[str, Any] = {"database_url": f"sqlite:///{tmp_path / 'jobs.db'}", "storage_url": str(files)}
    return Settings(**place, secret_key=SECRET_KEY, default_wait_seconds=0)


def environ(settings: Settings, **more: str) -> dict[str, str]:
    named = {name: str(getattr(settings, name.lower())) for name in ("DATABASE_URL", "STORAGE_URL", "SECRET_KEY")}
    return os.environ | named | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"} | more


def everything(world: World) -> str:
    """What is shown once everything has happened that is counted."""
    assert world.workers
    assert world.figures
    for outcome in ("done", "failed"):
        job = Job(new_id(), Status.QUEUED, world.jobs.now(), world.jobs.now(), world.jobs.now() + 900)
        world.jobs.create(job)
        started = world.jobs.start(job.job_id, "m", 60, sent_at=world.jobs.now())
        assert started
        if outcome == "done":
            done = success(started)
            done.result["report"] = {"input_bytes": 2}
            world.ends.succeed(started, done, kept_seconds=60)
        else:
            world.ends.fail_attempt(started, {"code": "unreadable_pdf", "message": "broken"}, kept_seconds=60)
    world.workers.seen(WorkerInfo("1" * 32, "host", 7, "1", 1.5, ()))
    world.figures.set(Figure("backup_last_success_timestamp_seconds", 1.0))
    CleanupService(world).run()
    client = create_app(world, Capacity(streams=1)).test_client()
    job_id = post(client, b"%PDF-1.4 any").get_json()["job_id"]
    client.get(f"/api/jobs/{job_id}", headers={"Prefer": "wait=1"})
    return shown(client)


def test_every_name_is_there_that_dashboards_and_alerts_ask_for(settings: Settings) -> None:
    assert families(everything(wire.wire(settings))) == HOST | STORE | ALWAYS


def test_where_they_are_off_nothing_is_counted(settings: Settings) -> None:
    world = wire.wire(settings.model_copy(update={"metrics_enabled": False}))
    assert world.figures
    job = Job(new_id(), Status.QUEUED, world.jobs.now(), world.jobs.now(), world.jobs.now() + 900)
    assert world.jobs.create(job)
    world.ends.cancel(job, kept_seconds=60)
    CleanupService(world).run()
    assert world.figures.all() == []


def test_promtool_finds_nothing_to_say(settings: Settings) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here (Debian: prometheus)")
    text = everything(wire.wire(settings))
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


_ENDS_JOBS = """
import sys
out, sys.stdout = sys.stdout, sys.stderr  # the log is not what is asked for
from pdfsmaller import wire
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.settings import get_settings
from pdfsmaller.http.app import create_app
world = wire.wire(get_settings(), listeners=())
sys.stdin.readline()
for _ in range(25):
    now = world.jobs.now()
    job = Job(new_id(), Status.QUEUED, now, now, now + 900)
    world.jobs.create(job)
    world.ends.cancel(job, kept_seconds=60)
print("done", file=out, flush=True)
sys.stdin.readline()
print(create_app(world).test_client().get("/metrics").text, file=out)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_processes_that_end_jobs_show_the_same_totals(
    kind: str, settings: Settings, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        server = request.getfixturevalue("postgres_server")
        with server.new_database() as name:
            _end_jobs_in_two(settings.model_copy(update={"database_url": server.url(name)}))
    else:
        _end_jobs_in_two(settings)


def _end_jobs_in_two(settings: Settings) -> None:
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", _ENDS_JOBS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ(settings),
        )
        for _ in range(2)
    ]
    for _ in range(2):  # both begin, and both look once both are done
        for process in pair:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        if _ == 0:
            for process in pair:
                assert process.stdout
                assert process.stdout.readline() == "done\n"
    texts = [process.communicate(timeout=_PATIENCE_SECONDS)[0] for process in pair]
    for text in texts:
        assert value(text, "jobs_ended_total", operation="compress", outcome="cancelled") == 50


_SERVED = ("--config", "python:pdfsmaller.processes.gunicorn_conf")


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of two processes of gunicorn that answer alike."""
    counts = tmp_path / "counts"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.set_inheritable(True)
        number = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *_SERVED, "--bind", f"fd://{number}", "pdfsmaller.processes.wsgi:app"],
            env=environ(settings, PROMETHEUS_MULTIPROC_DIR=str(counts), WORKERS="2", LOG_LEVEL="WARNING"),
            pass_fds=[number],
        )
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE_SECONDS)


def test_two_processes_of_a_host_show_one_total(workers: str, tmp_path: Path) -> None:
    def asked(_: int) -> int:
        return requests.get(f"{workers}/health/live", timeout=_PATIENCE_SECONDS).status_code

    def counting() -> set[str]:
        return {path.name for path in (tmp_path / "counts").glob("counter_*.db")}

    number, until = 0, time.monotonic() + _PATIENCE_SECONDS
    with ThreadPoolExecutor(4) as pool:
        while len(counting()) < 2 and time.monotonic() < until:
            assert set(pool.map(asked, range(20))) == {200}
            number += 20
    assert len(counting()) == 2, "one process had all requests"
    _shows_everywhere(workers, number)
    gone = next((tmp_path / "counts").glob("counter_*.db"))
    os.kill(int(gone.stem.removeprefix("counter_")), signal.SIGKILL)
    _shows_everywhere(workers, number)  # what a process has counted outlives it


def _shows_everywhere(workers: str, number: int) -> None:
    for _ in range(10):
        text = _patiently(f"{workers}/metrics")
        assert value(text, "http_requests_total", method="GET", endpoint="/health/live", status="200") == number
        assert value(text, "http_request_duration_seconds_count", endpoint="/health/live") == number
        assert re.search(r"# HELP http_requests_total Requests answered\.", text)
        assert value(text, "store_up") == 1


def _patiently(url: str) -> str:
    """What is answered, by another process where one was just killed with this connection."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return requests.get(url, timeout=_PATIENCE_SECONDS).text
        except requests.ConnectionError:
            assert time.monotonic() < until
