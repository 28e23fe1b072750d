"""What the parts of a world bring with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.settings import Settings
from pdfsmaller.wire import wire
from tests.folder_world import SECRET_KEY


def own_server(tmp_path: Path, storage_url: str) -> Settings:
    return Settings(database_url=f"sqlite:///{tmp_path / 'jobs.db'}", storage_url=storage_url, secret_key=SECRET_KEY)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_server_of_ones_own_keeps_its_files_in_the_folder_that_it_is_told(tmp_path: Path, scheme: str) -> None:
    storage = wire(own_server(tmp_path, f"{scheme}{tmp_path / 'files'}")).storage
    storage.put_file(storage.uploads, "a", b"x", media_type="a/b")
    assert storage.announces is False
    assert (tmp_path / "files/uploads/a.json").exists()


def test_or_in_a_store_that_speaks_s3_and_sends_no_messages(tmp_path: Path) -> None:
    storage = wire(own_server(tmp_path, "s3://")).storage
    assert isinstance(storage, S3Storage)
    assert storage.announces is False
    assert wire(Settings(compress_queue_url="https://sqs")).storage.announces is True


def test_a_folder_needs_no_boto3(tmp_path: Path) -> None:
    code = f"""
import io, sys
from pdfsmaller import wire
from pdfsmaller.http.app import create_app
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.run_job import RunService
from pdfsmaller.settings import Settings

sys.modules["boto3"] = None  # as where it is not installed
settings = Settings(
    database_url="sqlite:///{tmp_path / "jobs.db"}", storage_url="{tmp_path / "files"}", secret_key="{SECRET_KEY}"
)
wire.prepare(settings, processes=1)
world = wire.wire(settings)
client = create_app(world).test_client()
[form] = client.post("/api/uploads", json={{"name": "a.pdf"}}).get_json()["uploads"]
sent = client.post("/files/uploads", data=form["fields"] | {{"file": (io.BytesIO(b"%PDF-"), "a.pdf")}})
assert sent.status_code == 204, sent.text
assert world.queue.depth()["waiting"] == 1
CleanupService(world).run()
RunService(world)
assert client.get("/health").get_json()["details"]["uploads"]["status"] == "up"
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
