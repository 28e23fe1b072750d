"""deploy/supervisor, by supervisord itself, from folders of the test's own in the place of the host's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from pdfsmaller import wire
from pdfsmaller.settings import Settings, read_settings
from tests import documents
from tests.processes.served import ROOT
from tests.processes.upload import settings_in

CONFIG = ROOT / "deploy" / "supervisor" / "pdfsmaller.conf"
SUPERVISORD = shutil.which("supervisord")
SUPERVISORCTL = shutil.which("supervisorctl")
_PATIENCE_SECONDS = 90.0
_LISTENS = re.compile(r"Listening at: (http://[^ ]+) \(")
PROGRAMS = {"pdfsmaller-upload", "pdfsmaller-worker:pdfsmaller-worker-0", "pdfsmaller-cleanup"}


pytestmark = pytest.mark.slow


class Supervised:
    """supervisord with our programs."""

    def __init__(self, root: Path) -> None:
        self.root, self.logs, data = root, root / "log", root / "data"
        for folder in (self.logs, data / "tmp", root / "bin"):
            folder.mkdir(parents=True)
        settings = settings_in(data) | {"WORKER_CONCURRENCY": "1"}
        wire.prepare(read_settings(settings), processes=3)
        (root / "pdfsmaller.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        for program, module in (("gunicorn", "gunicorn"), ("pdfsmaller", "pdfsmaller.cli")):
            path = root / "bin" / program
            path.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT / "shared"} exec {sys.executable} -m {module} "$@"\n')
            path.chmod(0o755)
        (root / "pdfsmaller.conf").write_text(self._here(CONFIG.read_text(), data))
        (root / "supervisord.conf").write_text(
            f"[supervisord]\nlogfile={root}/supervisord.log\npidfile={root}/supervisord.pid\nnodaemon=true\n"
            f"[unix_http_server]\nfile={root}/control\n"
            "[rpcinterface:supervisor]\n"
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[supervisorctl]\nserverurl=unix://{root}/control\n"
            f"[include]\nfiles={root}/pdfsmaller.conf\n"
        )
        self.process = subprocess.Popen(
            [str(SUPERVISORD), "-c", str(root / "supervisord.conf")],
            env={"PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _here(self, text: str, data: Path) -> str:
        for there, here in (
            ("/opt/pdfsmaller/current/bin", self.root / "bin"),
            ("/etc/pdfsmaller", self.root),
            ("/var/lib/pdfsmaller", data),
            ("/var/log/pdfsmaller", self.logs),
        ):
            assert there in text
            text = text.replace(there, str(here))
        return text.replace("user=pdfsmaller\n", "")  # who runs the tests may be nobody else

    def control(self, *what: str) -> str:
        ran = subprocess.run(
            [str(SUPERVISORCTL), "-c", str(self.root / "supervisord.conf"), *what],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
        return ran.stdout + ran.stderr

    def running(self) -> dict[str, int]:
        """The process ids of the programs that run, by their names."""
        found = re.findall(r"^(\S+) +RUNNING +pid (\d+)", self.control("status"), re.MULTILINE)
        return {name: int(pid) for name, pid in found}

    def until(self, what: Callable[[], object]) -> None:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not what():
            assert time.monotonic() < ends_at, self.control("status") + self.said()
            time.sleep(0.2)

    def said(self) -> str:
        return "".join(path.read_text() for path in sorted(self.logs.iterdir()))

    @property
    def url(self) -> str:
        """Where it answers now: another port after each start."""
        self.until(self._answers)
        return self._said_last()

    def _answers(self) -> bool:
        with suppress(requests.ConnectionError, IndexError):
            return requests.get(f"{self._said_last()}/health/live", timeout=30).status_code == 200
        return False

    def _said_last(self) -> str:
        return str(_LISTENS.findall((self.logs / "pdfsmaller-upload.out").read_text())[-1])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    if not SUPERVISORD:
        pytest.skip("supervisor is not installed")
    one = Supervised(tmp_path_factory.mktemp("supervised"))
    one.until(lambda: set(one.running()) == PROGRAMS)
    yield one
    if one.process.poll() is None:
        for pid in one.running().values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        one.process.kill()
        one.process.wait()


def compressed(one: Supervised) -> bytes:
    answer = requests.post(
        f"{one.url}/api/compress",
        files={"files": ("a.pdf", documents.text())},
        headers={"Prefer": "wait=60", "Accept": "application/pdf"},
        timeout=90,
    )
    return answer.content


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(child) for child in found.stdout.split()]


def test_all_three_run_and_do_a_job(supervised: Supervised) -> None:
    assert compressed(supervised).startswith(b"%PDF-")


def test_a_program_that_is_killed_comes_back(supervised: Supervised) -> None:
    for name in sorted(PROGRAMS):
        before = supervised.running()[name]
        os.kill(before, signal.SIGKILL)
        supervised.until(lambda: supervised.running().get(name, before) != before)  # noqa: B023
    assert compressed(supervised).startswith(b"%PDF-")


def test_a_reload_starts_new_processes_that_answer(supervised: Supervised) -> None:
    master = supervised.running()["pdfsmaller-upload"]
    before = set(children(master))
    supervised.control("signal", "HUP", "pdfsmaller-upload")
    supervised.until(lambda: not before & set(children(master)))
    assert supervised.running()["pdfsmaller-upload"] == master
    assert compressed(supervised).startswith(b"%PDF-")


def test_a_worker_ends_its_job_when_it_is_stopped(supervised: Supervised) -> None:
    posted = requests.post(
        f"{supervised.url}/api/compress",
        files={"files": ("a.pdf", documents.photo_jpeg(3_000, 2_000))},
        headers={"Accept": "application/json"},
        timeout=30,
    )
    link = posted.json()["links"]["self"]
    supervised.until(lambda: requests.get(link, timeout=30).json()["status"] != "queued")
    supervised.control("stop", "pdfsmaller-worker:*")
    assert requests.get(link, timeout=30).json()["status"] == "succeeded"
    assert set(supervised.running()) == PROGRAMS - {"pdfsmaller-worker:pdfsmaller-worker-0"}
    supervised.control("start", "pdfsmaller-worker:*")
    supervised.until(lambda: set(supervised.running()) == PROGRAMS)


def test_it_ends_with_all_of_them(supervised: Supervised) -> None:
    processes = [pid for parent in supervised.running().values() for pid in (parent, *children(parent))]
    assert len(processes) > len(PROGRAMS)
    assert supervised.stop() == 0
    assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def test_a_worker_is_given_the_time_that_its_job_has() -> None:
    worker = CONFIG.read_text().partition("[program:pdfsmaller-worker]")[2].partition("[program:")[0]
    assert int(re.findall(r"^stopwaitsecs=(\d+)$", worker, re.MULTILINE)[0]) > Settings().engine_timeout_seconds + 60
