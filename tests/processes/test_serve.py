"""The whole service by one command, for real: processes, database, folder, HTTP."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests import documents
from tests.processes.served import Served, run

Serve = Callable[..., Served]


class TestOneCommand:
    def test_serves_page_and_api_and_does_jobs(self, serve: Serve) -> None:
        one = serve("--workers", 1)
        assert "PDF Smaller" in requests.get(one.url, timeout=10).text
        health = requests.get(f"{one.url}/health", timeout=10).json()
        assert (health["status"], health["details"]["workers"]["count"]) == ("healthy", 1)
        photo = documents.photo_jpeg()
        compressed = one.finished(one.post(photo, preset="ebook")["job_id"])
        assert compressed["status"] == "succeeded"
        assert len(one.download(compressed["job_id"])) < len(photo)
        assert one.stop() == 0

    def test_takes_a_file_by_its_form_and_hands_it_out_by_a_link(self, serve: Serve) -> None:
        one = serve("--workers", 1, MAX_INLINE_RESULT_SIZE="0")
        photo = documents.photo_jpeg()
        begun = requests.post(f"{one.url}/api/uploads", json={"name": "a.pdf"}, timeout=10).json()
        [form] = begun["uploads"]
        sent = requests.post(form["url"], data=form["fields"], files={"file": photo}, timeout=10)
        assert sent.status_code == 204
        assert one.finished(begun["job"]["job_id"])["status"] == "succeeded"
        answer = requests.get(f"{one.url}/api/jobs/{begun['job']['job_id']}/download", timeout=10)
        assert answer.history[0].headers["Location"].startswith(f"{one.url}/files/results/")
        assert answer.content.startswith(b"%PDF-")
        part = requests.get(answer.url, headers={"Range": "bytes=0-4"}, timeout=10)
        assert (part.status_code, part.content) == (206, b"%PDF-")

    def test_keeps_what_it_has_over_a_restart(self, serve: Serve) -> None:
        one = serve("--workers", 1)
        job = one.finished(one.post(documents.text())["job_id"])
        before = one.download(job["job_id"])
        key = (one.data / "secret.key").read_text()
        assert stat.S_IMODE((one.data / "secret.key").stat().st_mode) == 0o600
        assert one.stop() == 0
        again = serve("--workers", 1)
        assert again.download(job["job_id"]) == before
        assert (again.data / "secret.key").read_text() == key

    def test_does_what_runs_before_it_stops(self, serve: Serve) -> None:
        one = serve("--workers", 1)
        job_id = one.post(documents.photo_jpeg(3_000, 2_000))["job_id"]
        one.until(lambda: one.job(job_id)["status"] in ("running", "succeeded"))
        assert one.stop() == 0
        assert serve("--workers", 1).job(job_id)["status"] == "succeeded"

    def test_refuses_strangers_who_have_no_key(self, serve: Serve) -> None:
        one = serve("--workers", 1, "--host", "0.0.0.0", API_KEYS_REQUIRED="true")
        url = f"{one.url}/api/jobs/{'0' * 32}"
        assert requests.get(url, timeout=10).status_code == 401
        key = run("keys", "create", "me", "--data", one.data).stdout.strip()
        assert requests.get(url, headers={"X-Api-Key": key}, timeout=10).status_code == 404


class TestRefused:
    """One line with the remedy, and nothing else."""

    @staticmethod
    def said(*arguments: object, code: int = 7, **settings: str) -> str:
        ran = run(*arguments, **settings)
        assert ran.returncode == code
        assert ran.stdout == ""
        assert ran.stderr.count("\n") == 1, ran.stderr
        return ran.stderr

    def test_off_loopback_without_keys(self, tmp_path: Path) -> None:
        said = self.said("serve", "--data", tmp_path, "--host", "0.0.0.0")
        assert "Set API_KEYS_REQUIRED=true" in said
        assert "or say --open." in said

    def test_a_second_one_on_the_same_folder(self, serve: Serve) -> None:
        one = serve("--workers", 1)
        assert "Another `pdfsmaller serve` runs on" in self.said("serve", "--data", one.data, "--port", 0)

    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            said = self.said("serve", "--data", tmp_path, "--port", taken.getsockname()[1])
        assert "Choose another one with --port" in said

    @pytest.mark.parametrize("command", ["worker", "cleanup"])
    def test_no_database(self, command: str) -> None:
        assert "set both, or give --data" in self.said(command, code=2)

    def test_both_worlds(self, tmp_path: Path) -> None:
        said = self.said("serve", "--data", tmp_path, code=2, COMPRESS_QUEUE_URL="https://sqs.example/queue")
        assert "either on AWS or in a database" in said

    def test_files_that_cannot_be_where_they_should(self, tmp_path: Path) -> None:
        (tmp_path / "files").touch()
        said = self.said("serve", "--data", tmp_path / "data", STORAGE_URL=str(tmp_path / "files"))
        assert f"STORAGE_URL is {tmp_path / 'files'}" in said
        assert "in the place of a folder" in said

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "data").touch()
        assert "--data" in self.said("serve", "--data", tmp_path / "data")
