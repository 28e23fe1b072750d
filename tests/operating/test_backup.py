"""Making a backup: of one moment, whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.states import Status
from pdfsmaller.operating import backup as backup_module
from pdfsmaller.operating import backups
from pdfsmaller.operating.backups import all_in
from pdfsmaller.services import submit
from tests import documents
from tests.operating.conftest import Admin, Service, close_databases, made
from tests.processes.served import command, environ

pytestmark = pytest.mark.usefixtures("warm_engine")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_it_is_told_when_the_last_one_was_made(admin: Admin, service: Service) -> None:
    admin("init", **service.named).must()
    before = time.time()
    told = json.loads(admin("backup", "--json", **service.named).must().out)
    figures = service.world.figures
    assert figures
    [figure] = [figure for figure in figures.all() if figure.name == "backup_last_success_timestamp_seconds"]
    assert before <= figure.value <= time.time()
    assert [one.path for one in all_in(service.root / "backups")] == [Path(told["path"])]
    assert (told["bytes"], told["files"]) == (Path(told["path"]).stat().st_size, 0)


@pytest.mark.slow
def test_while_many_jobs_run_it_is_of_one_moment(admin: Admin, service: Service, tmp_path: Path, pdf: bytes) -> None:
    """Each job of it ends once: what had ended has, what had not begun or not ended is done after the restore."""
    stop, sent = threading.Event(), [service.submit(pdf) for _ in range(10)]

    def send() -> None:
        sent.extend(service.submit(pdf) for _ in range(40))

    def work() -> None:
        while not stop.is_set():
            service.work()

    threads = [threading.Thread(target=send), threading.Thread(target=work), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    made_backups = [admin_while_running(service) for _ in range(2)]
    threads[0].join()
    stop.set()
    for thread in threads:
        thread.join()
    close_databases()
    for number, file in enumerate(made_backups):
        other = made(tmp_path / f"other{number}")
        admin("restore", file, **other.named).must()
        there = [job_id for job_id in sent if other.world.jobs.get(job_id)]
        assert len(there) >= 10
        other.clock.forward(6)
        other.clean_up()
        other.work()
        assert {other.job(job_id).status for job_id in there} == {Status.SUCCEEDED}


def admin_while_running(service: Service) -> str:
    """The file of a backup made by another process."""
    ran = subprocess.run(
        command("admin", "backup"),
        env=environ(**service.named),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout.strip()


def test_what_goes_meanwhile_is_noted(
    admin: Admin, service: Service, pdf: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone, kept = service.submit(pdf), service.submit(pdf)
    files = backup_module._Needed.files

    def files_after_a_cancel(needed: Any) -> Any:
        submit.SubmitService(service.world).cancel(gone)
        return files(needed)

    monkeypatch.setattr(backup_module._Needed, "files", files_after_a_cancel)
    ran = admin("backup", "--json", **service.named).must()
    told = json.loads(ran.out[ran.out.index("{\n") :])  # behind the cancelled job's line in the log
    assert (told["gone"], told["files"]) == ([f"jobs/{gone}/in/0"], 1)
    assert "1 file" in ran.err
    other = made(tmp_path / "other")
    admin("restore", told["path"], **other.named).must()
    other.work()
    assert other.job(kept).status is Status.SUCCEEDED
    assert other.job(gone).status is Status.FAILED


class TestTheFolder:
    def test_keeps_what_is_young_and_the_last_one(self, admin: Admin, service: Service) -> None:
        admin("init", **service.named).must()
        folder = service.root / "backups"
        others = ["notes.txt", "pdfsmaller-20200101T000000Z.tar.part", "pdfsmaller-2020.tar"]
        for name in [*others, "pdfsmaller-20200101T000000Z.tar", "pdfsmaller-20200102T000000Z.tar"]:
            (folder / name).touch()
        young = folder / time.strftime("pdfsmaller-%Y%m%dT%H%M%SZ.tar", time.gmtime(time.time() - 2 * 86_400))
        young.touch()
        first = admin("backup", **service.named).must().out.strip()
        assert names(folder) == sorted([*others, young.name, Path(first).name])
        second = admin("backup", BACKUP_KEEP_DAYS="1", **service.named).must().out.strip()
        assert names(folder) == sorted([*others, Path(first).name, Path(second).name])

    def test_loses_nothing_where_no_new_one_is_made(self, admin: Admin, service: Service) -> None:
        admin("init", **service.named).must()
        old = service.root / "backups" / "pdfsmaller-20200101T000000Z.tar"
        old.touch()
        close_databases()
        for path in service.root.glob("jobs.db*"):
            path.unlink()
        (service.root / "jobs.db").write_bytes(b"no database" * 1_000)
        assert admin("backup", **service.named).code == 7
        assert names(service.root / "backups") == [old.name]

    def test_is_one_backups_at_a_time(self, admin: Admin, service: Service) -> None:
        admin("init", **service.named).must()
        with backups.alone(service.root / "backups"):
            ran = admin("backup", **service.named)
        assert (ran.code, "Another backup is being made" in ran.err) == (7, True)
        admin("backup", **service.named).must()

    def test_is_asked_for(self, admin: Admin, service: Service, tmp_path: Path) -> None:
        admin("init", **service.named).must()
        nowhere = service.named | {"BACKUP_DIR": ""}
        ran = admin("backup", **nowhere)
        assert (ran.code, "BACKUP_DIR is not set" in ran.err) == (2, True)
        made_there = admin("backup", "--to", tmp_path / "there", **nowhere).must().out.strip()
        assert Path(made_there).parent == tmp_path / "there"


def damaged(path: Path) -> None:
    """Zeros in the place of a page that rows are in."""
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 8)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda path: path.unlink(), "has no tables yet"),
        (lambda path: path.write_bytes(b""), "has no tables yet"),
        (lambda path: path.write_bytes(b"no database" * 1_000), "damaged"),
        (damaged, "damaged"),
        (lambda path: os.truncate(path, 20_000), "damaged"),
    ],
)
def test_of_a_database_that_is_none_none_is_made(
    admin: Admin, service: Service, pdf: bytes, what: Callable[[Path], None], said: str
) -> None:
    for _ in range(20):
        service.submit(pdf)
    close_databases()
    path = service.root / "jobs.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    what(path)
    ran = admin("backup", **service.named)
    assert (ran.code, ran.out, ran.err.count("\n")) == (7, "", 1), ran
    assert said in ran.err
    assert names(service.root / "backups") == []


def test_one_that_cannot_be_restored_is_not_kept(
    admin: Admin, service: Service, pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.submit(pdf)
    monkeypatch.setattr(backup_module._Needed, "noted", lambda needed, rows: iter([]))
    monkeypatch.setattr(backup_module.archive.Writer, "close", _says_one_more(backup_module.archive.Writer.close))
    ran = admin("backup", **service.named)
    assert (ran.code, "could not be restored" in ran.err) == (7, True)
    assert names(service.root / "backups") == []


def _says_one_more(close: Callable[..., Any]) -> Callable[..., Any]:
    def changed(writer: Any, **given: Any) -> Any:
        writer._tables["jobs"] += 1
        return close(writer, **given)

    return changed


class TestADiskThatIsFull:
    @pytest.mark.parametrize("room", [2_000, 60_000])
    def test_leaves_nothing_half(self, admin: Admin, service: Service, room: int) -> None:
        for number in range(4):
            service.submit(documents.photo_jpeg(300, 200, quality=90 + number))
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
        try:
            ran = admin("backup", **service.named)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert (ran.code, ran.out, ran.err.count("\n")) == (7, "", 1)
        assert "The disk is full" in ran.err
        assert names(service.root / "backups") == []


def test_killed_half_way_it_leaves_no_half_one(admin: Admin, service: Service, tmp_path: Path) -> None:
    for _ in range(3):
        key = input_key(service.submit(documents.photo_jpeg(200, 150)), 0)
        service.world.storage.put_file("uploads", key, _Zeros(60_000_000), media_type="application/pdf")
    folder = service.root / "backups"
    folder.mkdir()
    process = subprocess.Popen(command("admin", "backup"), env=environ(**service.named), stderr=subprocess.PIPE)
    ends_at = time.monotonic() + 60
    while sum(path.stat().st_size for path in folder.glob(".pdfsmaller-*/part")) < 10_000_000:
        assert time.monotonic() < ends_at
        assert process.poll() is None, process.stderr
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert all_in(folder) == []
    assert names(folder) != [], "what it had written is still there"
    made_then = admin("backup", **service.named).must().out.strip()
    assert names(folder) == [Path(made_then).name]


class _Zeros(io.RawIOBase):
    """So many zeros."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        given = self._left if size < 0 else min(size, self._left)
        self._left -= given
        return bytes(given)


class TestElsewhere:
    def test_a_copy_is_laid(self, admin: Admin, service: Service) -> None:
        admin("init", **service.named).must()
        with mock_aws():
            s3 = boto3.client("s3")
            s3.create_bucket(Bucket="elsewhere")
            file = Path(
                admin("backup", BACKUP_UPLOAD_URL="s3://elsewhere/some/where/", **service.named).must().out.strip()
            )
            kept = s3.get_object(Bucket="elsewhere", Key=f"some/where/{file.name}")["Body"].read()
        assert kept == file.read_bytes()

    def test_where_that_fails_the_backup_stands_and_it_is_said(self, admin: Admin, service: Service) -> None:
        admin("init", **service.named).must()
        with mock_aws():
            ran = admin("backup", BACKUP_UPLOAD_URL="s3://no-such-bucket", **service.named)
        assert (ran.code, ran.err.count("\n")) == (7, 1)
        assert "stands, and could not be copied" in ran.err
        assert len(all_in(service.root / "backups")) == 1
        figures = service.world.figures
        assert figures
        assert "backup_last_success_timestamp_seconds" not in {figure.name for figure in figures.all()}
