"""gunicorn as it runs on a server: several processes that are told, replaced and killed while they answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests import documents
from tests.processes.served import environ
from tests.processes.upload import COMMAND, Upload, settings_in

Start = Callable[..., Upload]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Upload] = []

    def make(*arguments: object, **settings: str) -> Upload:
        started.append(Upload(tmp_path / "data", *arguments, **settings))
        return started[-1]

    yield make
    for one in started:
        for pid in one.processes():
            os.kill(pid, signal.SIGKILL)
        one.process.kill()
        one.process.wait()


class Asking:
    """Asks without a pause, each time by a connection of its own, and keeps what came of it."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._url, self._done = url, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._done.is_set():
            try:
                self.answers[str(requests.get(self._url, timeout=30).status_code)] += 1
            except requests.RequestException as exc:
                self.answers[repr(exc)] += 1

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()


class SlowBody:
    """A POST that is half sent."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        request = requests.Request(
            "POST",
            f"{url}/api/compress",
            files={"files": ("a.pdf", documents.text())},
            headers={"Accept": "application/json", "Connection": "close", "Host": parts.netloc},
        ).prepare()
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        assert isinstance(request.body, bytes)
        half = len(request.body) // 2
        self._rest = request.body[half:]
        self._connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60)
        self._connection.sendall(f"POST /api/compress HTTP/1.1\r\n{head}\r\n".encode() + request.body[:half])

    def answer(self) -> bytes:
        """The status line, once the rest is sent."""
        with closing(self._connection):
            self._connection.sendall(self._rest)
            return self._connection.makefile("rb").readline()


def live(one: Upload) -> str:
    return f"{one.url}/health/live"


def waiting_job(one: Upload) -> dict[str, str]:
    """The links of a job that nothing will become of: its file does not come."""
    begun = requests.post(f"{one.url}/api/uploads", json={"name": "a.pdf"}, timeout=30)
    assert begun.status_code == 201, begun.text
    return dict(begun.json()["job"]["links"])


def uses_database(pid: int) -> bool:
    """Whether a process has the file of the database open."""
    return any("jobs.db" in str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.exists())


def test_several_processes_answer_and_log_each_request_as_a_line(start: Start) -> None:
    one = start()
    assert len(one.processes()) == 2
    answer = requests.get(f"{one.url}/api/jobs/{'0' * 32}?signature=hidden", timeout=30)
    requests.get(f"{one.url}/files/results/a.signed.link", timeout=30)
    one.until(lambda: len(one.lines("request")) == 2)
    job, link = one.lines("request")
    assert job["status"] == 404
    assert (job["path"], job["request_id"]) == (f"/api/jobs/{'0' * 32}", answer.headers["X-Request-Id"])
    assert 0 < job["seconds"] < 30
    assert (job["method"], job["client"], job["service"]) == ("GET", "127.0.0.1", "upload")
    assert link["path"] == "/files/results/…"
    assert "hidden" not in one.said()
    assert one.stop() == 0


def test_no_connection_is_made_before_the_processes_are_forked(start: Start) -> None:
    one = start()
    one.until(lambda: requests.get(f"{one.url}/api/jobs/{'0' * 32}", timeout=30).status_code == 404)
    assert not uses_database(one.process.pid)
    assert any(uses_database(pid) for pid in one.processes())


def test_what_is_under_way_is_answered_before_it_stops(start: Start) -> None:
    one = start()
    slow = SlowBody(one.url)
    with requests.get(waiting_job(one)["events"], stream=True, timeout=60) as stream:
        one.process.send_signal(signal.SIGTERM)
        assert '"status":"awaiting_upload"' in stream.text, "a stream ends, as the server does"
    assert one.process.poll() is None
    assert b" 202 " in slow.answer()
    assert one.process.wait(30) == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(live(one), timeout=5)


def test_a_reload_fails_nobody(start: Start) -> None:
    one = start()
    before = set(one.processes())
    slow = SlowBody(one.url)
    with Asking(live(one)) as asking:
        one.process.send_signal(signal.SIGHUP)
        one.until(lambda: len(set(one.processes()) - before) == 2)
        assert b" 202 " in slow.answer()
        one.until(lambda: not before & set(one.processes()))
    assert set(asking.answers) == {"200"}
    assert one.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_has_answered_many_makes_room_for_another_and_cuts_nobody_off(
    start: Start, workers: int
) -> None:
    one = start("--max-requests", 15, "--max-requests-jitter", 5, WORKERS=str(workers))
    with ExitStack() as stack:
        slow = [SlowBody(one.url) for _ in range(4)]
        job = waiting_job(one)
        streams = [stack.enter_context(requests.get(job["events"], stream=True, timeout=60)) for _ in range(4)]
        before = set(one.processes())
        with Asking(live(one)) as asking:
            one.until(lambda: asking.answers["200"] >= 100)
        assert set(asking.answers) == {"200"}
        assert before & set(one.processes()), "it is there as long as somebody needs it"
        assert set(one.processes()) - before, "and another one answers beside it"
        for body in slow:
            assert b" 202 " in body.answer()
        assert requests.delete(job["self"], timeout=30).status_code < 300
        assert ['"status":"cancelled"' in stream.text for stream in streams] == [True] * 4
    one.until(lambda: not before & set(one.processes()) and len(one.processes()) == workers)
    assert one.stop() == 0


def test_one_that_is_killed_is_replaced(start: Start) -> None:
    one = start()
    before = one.processes()
    os.kill(before[0], signal.SIGKILL)
    one.until(lambda: len(one.processes()) == 2 and before[0] not in one.processes())
    assert requests.get(live(one), timeout=30).status_code == 200


def test_after_a_kill_of_all_but_its_processes_it_starts_again_at_the_same_port(start: Start) -> None:
    """They see that they are alone, and let go of the port although somebody was held."""
    one = start()
    port = str(urlsplit(one.url).port)
    with requests.get(waiting_job(one)["events"], stream=True, timeout=60) as stream:
        left = one.processes()
        one.process.kill()
        one.process.wait()
        again = start(PORT=port)
        assert '"status":"awaiting_upload"' in stream.text
    assert again.url == one.url
    assert not set(left) & set(again.processes())
    assert again.stop() == 0


def test_it_does_not_start_without_tables_and_says_so_in_a_line(tmp_path: Path) -> None:
    ran = subprocess.run(COMMAND, env=environ(**settings_in(tmp_path)), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 7
    assert ran.stderr.startswith("error: The database has no tables yet.")
    assert ran.stderr.count("\n") == 1


def test_it_does_not_start_with_settings_that_make_no_sense(tmp_path: Path) -> None:
    wrong = environ(**settings_in(tmp_path) | {"PORT": "many"})
    ran = subprocess.run(COMMAND, env=wrong, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert "PORT is 'many'" in ran.stderr
    assert "Traceback" not in ran.stderr
