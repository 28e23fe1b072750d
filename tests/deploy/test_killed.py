"""Two hosts' worth of processes behind nginx, on one PostgreSQL: everything is killed in turn, and no job is lost."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from tests import documents, postgres
from tests.deploy.conftest import BEHIND
from tests.deploy.nginx import Nginx
from tests.processes.served import Served
from tests.processes.test_killed import JOBS, QUICK, kill_and_restart, killing

_PATIENCE_SECONDS = 240.0
_Found = TypeVar("_Found")


def submitted(front: Nginx, count: int) -> list[str]:
    """Jobs that were answered with 202. Who got another answer, or none, sends the same again with the same key."""
    document, found, session = documents.photo_jpeg(), [], front.session()
    for number in range(count):
        key = str(uuid.uuid4())

        def send(number: int = number, key: str = key) -> str | None:
            with suppress(requests.RequestException):
                answer = session.post(
                    f"{front.url}/api/compress",
                    files={"files": (f"{number}.pdf", document)},
                    data={"preset": "ebook"},
                    headers={"Accept": "application/json", "Idempotency-Key": key},
                    timeout=30,
                )
                if answer.status_code == 202:
                    return str(answer.json()["job_id"])
            return None

        found.append(until(send))
    return found


def until(what: Callable[[], _Found | None]) -> _Found:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while (found := what()) is None:
        assert time.monotonic() < ends_at
        time.sleep(0.2)
    return found


def ended(front: Nginx, job_id: str) -> dict[str, Any] | None:
    with suppress(requests.RequestException):
        answer = front.session().get(f"{front.url}/api/jobs/{job_id}", timeout=30)
        if answer.status_code == 200 and answer.json()["status"] in ("succeeded", "failed", "cancelled"):
            return dict(answer.json())
    return None


@pytest.mark.slow
def test_fifty_jobs_while_workers_uploads_the_database_and_nginx_are_killed(
    serve: Callable[..., Served], begin_nginx: Callable[..., Nginx], tmp_path: Path
) -> None:
    if not (programs := postgres.programs()):
        pytest.skip("there is no PostgreSQL here (Debian: postgresql)")
    files = tmp_path / "files"
    shared = {"STORAGE_URL": str(files), "SECRET_KEY": "k" * 32, **BEHIND, **QUICK}
    with postgres.running(programs) as server:
        server.execute("CREATE DATABASE jobs")
        hosts = [
            serve("--workers", 1, DATABASE_URL=server.url("jobs"), folder=name, **shared)
            for name in ("first", "second")
        ]
        front = begin_nginx(*hosts, files=files)
        with killing(lambda: [pid for one in hosts for pid in one.children()], every=1.5) as killed:
            job_ids = submitted(front, JOBS // 2)
            front.kill()
            front.start()
            kill_and_restart(server)
            job_ids += submitted(front, JOBS // 2)
            front.kill()
            front.start()
            hosts[0].until(lambda: len(killed) >= 10)
        jobs = [until(lambda job_id=job_id: ended(front, job_id)) for job_id in job_ids]  # type: ignore[misc]
        assert [job["status"] for job in jobs] == ["succeeded"] * JOBS
        assert len(set(job_ids)) == JOBS
        for job_id in job_ids:
            answer = front.session().get(f"{front.url}/api/jobs/{job_id}/download", timeout=30)
            assert answer.content.startswith(b"%PDF-")
        for one in hosts:
            assert one.stop() == 0
