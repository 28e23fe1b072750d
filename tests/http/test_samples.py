"""The samples of the documentation are true: each endpoint has one, and curl runs it against the real service."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pdfsmaller import __version__
from pdfsmaller.http.openapi import document
from pdfsmaller.http.samples import SAMPLES
from tests import documents
from tests.processes.served import Served

#: What a finished job, and a service that knows no keys, answer.
REFUSED = {
    "getUpload": "upload_closed",
    "cancelJob": "job_ended",
    "retry": "job_not_failed",
    "listJobs": "unauthorized",
}
ENDPOINTS = [what["operationId"] for path in document("", __version__)["paths"].values() for what in path.values()]


def test_every_endpoint_has_a_sample_and_every_sample_an_endpoint() -> None:
    assert sorted(SAMPLES) == sorted(ENDPOINTS)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("service") / "data", "--workers", 1)
    yield one
    one.stop()


def test_every_sample_runs(served: Served, tmp_path: Path) -> None:
    for name in ("report.pdf", "first.pdf", "second.pdf"):
        documents.write(tmp_path / name, documents.text(pages=2))
    (tmp_path / "photo.jpg").write_bytes(documents.jpeg(documents.photo(300, 200)))
    described = requests.get(f"{served.url}/openapi.json", timeout=10).json()
    shown = {
        what["operationId"]: what["x-codeSamples"][0]["source"]
        for methods in described["paths"].values()
        for what in methods.values()
    }
    batch = _batch(served)
    for name in SAMPLES:
        ids = {"JOB": served.post(documents.text())["job_id"], "BATCH": batch}
        served.finished(ids["JOB"])
        _run(name, shown[name], tmp_path, ids)
    for name in ("smaller.pdf", "both.pdf", "photo.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF-"), name
    assert (tmp_path / "parts.zip").read_bytes().startswith(b"PK")
    assert (tmp_path / "page.webp").read_bytes().startswith(b"RIFF")


def _batch(served: Served) -> str:
    files = [("files", (f"{n}.pdf", documents.text(pages=n))) for n in (1, 2)]
    accepted = requests.post(
        f"{served.url}/api/compress", files=files, headers={"Accept": "application/json"}, timeout=30
    ).json()
    for job in accepted["jobs"]:
        served.finished(job["job_id"])
    return str(accepted["batch_id"])


def _run(name: str, sample: str, folder: Path, ids: dict[str, str]) -> None:
    line = sample.replace("curl ", "curl -sS --fail-with-body ", 1)
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin", "KEY": "none"}
    ran = subprocess.run(["sh", "-c", line], cwd=folder, env=path | ids, capture_output=True, text=True, timeout=60)
    if name in REFUSED:
        assert json.loads(ran.stdout)["code"] == REFUSED[name]
        return
    assert ran.returncode == 0, f"{name}: {line}\n{ran.stdout}{ran.stderr}"
    if name.startswith("follow"):
        assert "event: job" in ran.stdout
    elif "--output" not in sample and ran.stdout:
        json.loads(ran.stdout)
