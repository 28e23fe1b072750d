"""Restoring: all that stood comes back, on SQLite and on PostgreSQL, and what had begun ends."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from pdfsmaller.errors import DiskFull
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.operating import archive
from pdfsmaller.processes.data_folder import DataFolder
from pdfsmaller.server import database
from pdfsmaller.server.database.postgresql import PostgresqlDatabase
from pdfsmaller.server.database.schema import MARK, VERSIONS
from pdfsmaller.server.database.sqlite import SqliteDatabase
from pdfsmaller.server.folder.storage import FolderStorage
from pdfsmaller.services.submit import SubmitService
from tests import documents, postgres
from tests.aws_stack import Stack
from tests.operating.conftest import Admin, Service, close_databases, made
from tests.server.database.processes import ended, said, start

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture(params=["sqlite", "postgres"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """An empty store of either kind."""
    if request.param == "sqlite":
        yield made(tmp_path / "second")
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    with server.new_database("template0") as name:
        service = made(tmp_path / "second", server.url(name))
        yield service
        close_databases()


def backed_up(admin: Admin, service: Service, *arguments: str) -> Path:
    return Path(admin("backup", *arguments, **service.named).must().out.strip())


def in_every_state(service: Service, pdf: bytes) -> dict[Status, str]:
    """A job in each state that one may be in when a backup is made; their ids."""
    done = service.submit(pdf)
    failed = service.submit(b"%PDF-1.4\nnothing")
    service.work()
    cancelled = service.submit(pdf)
    service.world.ends.cancel(service.job(cancelled), kept_seconds=3_600)
    running = service.submit(pdf, preset="ebook")
    while (message := service.receive()) and running not in message.body:
        pass
    assert service.world.jobs.start(running, message.message_id, 60)
    queued = service.submit(pdf, preset="screen")
    service.world.keys.create("a phone", "10 per hour")
    ids = {
        Status.SUCCEEDED: done,
        Status.FAILED: failed,
        Status.CANCELLED: cancelled,
        Status.RUNNING: running,
        Status.QUEUED: queued,
    }
    assert {service.job(job_id).status for job_id in ids.values()} == set(ids)
    return ids


def test_all_comes_back_and_what_had_begun_ends(admin: Admin, service: Service, elsewhere: Service, pdf: bytes) -> None:
    ids = in_every_state(service, pdf)
    before = service.rows()
    file = backed_up(admin, service)
    restored = admin("restore", file, **elsewhere.named).must()
    assert "5 jobs, 1 API key, 2 files" in restored.out

    after = elsewhere.rows()
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    for name in ("api_keys", "claims", "batches", "counters", "figures"):
        assert after[name] == before[name]
    for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.QUEUED):
        assert elsewhere.job(ids[status]) == service.job(ids[status])

    # The worker that was at it is on another host, or dead: its message is another's, and cleanup announces it too.
    elsewhere.clock.forward(6)
    elsewhere.clean_up()
    elsewhere.work()
    for status in (Status.RUNNING, Status.QUEUED):
        ended = elsewhere.job(ids[status])
        assert ended.status is Status.SUCCEEDED
        assert ended.download
        assert elsewhere.world.storage.read(elsewhere.world.storage.results, ended.download.key, first=5) == b"%PDF-"
    assert elsewhere.job(ids[Status.RUNNING]).attempt == 2


def test_from_sqlite_to_postgresql_and_back_nothing_is_lost(
    admin: Admin, service: Service, postgres_server: postgres.Server, tmp_path: Path, pdf: bytes
) -> None:
    running = in_every_state(service, pdf)[Status.RUNNING]
    first, before = backed_up(admin, service, "--results"), service.rows()
    with postgres_server.new_database("template0") as name:
        between = made(tmp_path / "between", postgres_server.url(name))
        admin("restore", first, **between.named).must()
        back = made(tmp_path / "back")
        admin("restore", backed_up(admin, between, "--results"), **back.named).must()
        close_databases()
    after = back.rows()
    for rows in (before, after):
        rows["jobs"] = [row for row in rows["jobs"] if running not in row]  # its lease was ended
        rows["messages"] = [(*row[:3], *row[4:]) for row in rows["messages"]]  # and what was received shows again
        rows["figures"] = []  # the backups' own
    assert after == before


def test_results_come_along_where_that_is_wanted(admin: Admin, service: Service, tmp_path: Path, pdf: bytes) -> None:
    job_id = service.submit(pdf)
    service.work()
    download = service.job(job_id).download
    assert download
    there = service.world.storage.read(service.world.storage.results, download.key)
    for arguments, expected in (((), None), (("--results",), there)):
        other = made(tmp_path / f"with{len(arguments)}")
        admin("restore", backed_up(admin, service, *arguments), **other.named).must()
        assert other.world.storage.read("results", download.key) == expected
    head = other.world.storage.head("results", download.key)
    assert head
    assert head.metadata["outcome"] == "compressed"


def test_an_upload_that_had_not_all_come_goes_on(admin: Admin, service: Service, tmp_path: Path, pdf: bytes) -> None:
    job, _ = SubmitService(service.world).reserve_upload({"files": [{"name": "a.pdf", "size": len(pdf)}]})
    other = made(tmp_path / "other")
    admin("restore", backed_up(admin, service), **other.named).must()
    other.world.storage.put_file("uploads", input_key(job.job_id, 0), io.BytesIO(pdf), media_type="application/pdf")
    SubmitService(other.world).uploaded(job.job_id)
    other.work()
    assert other.job(job.job_id).status is Status.SUCCEEDED


def test_a_password_is_read_by_the_same_key(admin: Admin, service: Service, tmp_path: Path) -> None:
    job_id = service.submit(documents.encrypted_user(), password=documents.USER_PASSWORD)
    file = backed_up(admin, service)
    other = made(tmp_path / "other")
    other.key = "1f0c quite another key"
    refused = admin("restore", file, **other.named)
    assert (refused.code, refused.err.count("\n")) == (7, 1)
    assert "--other-key" in refused.err
    assert not (other.root / "jobs.db").exists()
    other.key = service.key
    admin("restore", file, **other.named).must()
    other.work()
    assert other.job(job_id).status is Status.SUCCEEDED


def test_with_another_key_only_passwords_are_lost(admin: Admin, service: Service, tmp_path: Path, pdf: bytes) -> None:
    locked, plain = service.submit(documents.encrypted_user(), password=documents.USER_PASSWORD), service.submit(pdf)
    other = made(tmp_path / "other")
    other.key = "1f0c quite another key"
    admin("restore", backed_up(admin, service), "--other-key", **other.named).must()
    other.work()
    assert other.job(plain).status is Status.SUCCEEDED
    assert (other.job(locked).error or {})["code"] == "password_lost"


class TestOfADataFolder:
    def test_the_key_comes_along_where_that_was_asked_for(self, admin: Admin, tmp_path: Path) -> None:
        admin("init", "--data", tmp_path / "a").must()
        made = admin("backup", "--with-secret", "--json", "--data", tmp_path / "a").must()
        assert "IN IT" in made.err
        file = json.loads(made.out)["path"]
        assert Path(file).stat().st_mode & 0o777 == 0o600
        admin("restore", file, "--data", tmp_path / "b").must()
        assert (tmp_path / "b" / "secret.key").read_text() == (tmp_path / "a" / "secret.key").read_text()
        assert (tmp_path / "b" / "secret.key").stat().st_mode & 0o777 == 0o600

    def test_a_key_that_is_there_is_not_replaced(self, admin: Admin, tmp_path: Path) -> None:
        for name in ("a", "b"):
            admin("init", "--data", tmp_path / name).must()
        kept = (tmp_path / "b" / "secret.key").read_text()
        file = admin("backup", "--with-secret", "--data", tmp_path / "a").must().out.strip()
        assert admin("restore", file, "--data", tmp_path / "b").code == 7
        assert (tmp_path / "b" / "secret.key").read_text() == kept


class TestWhatIsThere:
    def test_is_lost_only_when_somebody_says_so(
        self, admin: Admin, service: Service, elsewhere: Service, pdf: bytes
    ) -> None:
        kept = service.submit(pdf)
        file = backed_up(admin, service)
        lost = elsewhere.submit(pdf)
        before = elsewhere.rows()
        close_databases()
        refused = admin("restore", file, **elsewhere.named)
        assert (refused.code, refused.err.count("\n")) == (7, 1)
        assert "1 jobs" in refused.err
        assert elsewhere.rows() == before
        replaced = admin("restore", file, "--replace", **elsewhere.named).must()
        assert "1 file of jobs that are not in it" in replaced.err
        assert elsewhere.world.jobs.get(lost) is None
        assert [item.key for item in elsewhere.world.storage.list("uploads", "")] == [input_key(kept, 0)]
        elsewhere.work()
        assert elsewhere.job(kept).status is Status.SUCCEEDED

    def test_is_not_touched_while_a_process_has_it(self, admin: Admin, service: Service, elsewhere: Service) -> None:
        for one in (service, elsewhere):
            admin("init", **one.named).must()
        file = backed_up(admin, service)
        process = start(elsewhere.url, "with opened.connected():\n    say('up')\n    sys.stdin.read()")
        assert said(process) == "up"
        refused = admin("restore", file, **elsewhere.named)
        ended(process)
        assert (refused.code, "Other processes use the database" in refused.err) == (7, True)
        admin("restore", file, **elsewhere.named).must()

    def test_behind_a_pool_of_connections_it_is_workers_that_count(
        self, admin: Admin, service: Service, elsewhere: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(SqliteDatabase, "is_in_use", lambda _: None)
        monkeypatch.setattr(PostgresqlDatabase, "is_in_use", lambda _: None)
        admin("init", **service.named).must()
        file = backed_up(admin, service)
        workers = elsewhere.world.workers
        assert workers
        workers.seen(WorkerInfo("1", "a-host", 1, "1", 0.0, ()))
        refused = admin("restore", file, "--replace", **elsewhere.named)
        assert (refused.code, "Other processes" in refused.err) == (7, True)
        workers.gone("1")
        admin("restore", file, **elsewhere.named).must()

    def test_of_a_newer_version_makes_way(self, admin: Admin, service: Service, elsewhere: Service) -> None:
        """As after an upgrade that is taken back: the older program finds tables that it does not know."""
        admin("init", **service.named).must()
        file = backed_up(admin, service)
        admin("init", **elsewhere.named).must()
        opened = database.opened(elsewhere.url)
        with opened.changing_schema() as connection:
            connection.execute(text("CREATE TABLE newest (id INTEGER PRIMARY KEY)"))
            connection.execute(text("CREATE TABLE others (id INTEGER PRIMARY KEY)"))
            connection.execute(text("UPDATE alembic_version SET version_num = 'v9999'"))
            if opened.kind == "postgresql":
                connection.execute(text(f"COMMENT ON TABLE newest IS '{MARK}'"))
        opened.close()
        admin("restore", file, "--replace", **elsewhere.named).must()
        assert admin("migrate", "--check", **elsewhere.named).code == 0
        with opened.connected() as connection:
            left = {"newest", "others"} & {*inspect(connection).get_table_names()}
        assert left == ({"others"} if opened.kind == "postgresql" else set())

    def test_of_a_serve_that_runs_is_not_touched(self, admin: Admin, tmp_path: Path) -> None:
        admin("init", "--data", tmp_path / "a").must()
        file = admin("backup", "--data", tmp_path / "a").must().out.strip()
        with DataFolder(tmp_path / "a").held():
            refused = admin("restore", file, "--replace", "--data", tmp_path / "a")
        assert (refused.code, "Another `pdfsmaller serve` runs" in refused.err) == (7, True)


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_older_tables_are_brought_up_to_date(admin: Admin, tmp_path: Path, elsewhere: Service, version: str) -> None:
    old = made(tmp_path / "old")
    admin("migrate", "--to", version, **old.named).must()
    file = backed_up(admin, old)
    admin("restore", file, **elsewhere.named).must()
    assert admin("migrate", "--check", **elsewhere.named).code == 0


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_older_tables_stay_so_for_an_older_program(
    admin: Admin, tmp_path: Path, elsewhere: Service, version: str
) -> None:
    old = made(tmp_path / "old")
    admin("migrate", "--to", version, **old.named).must()
    file = backed_up(admin, old)
    admin("init", **elsewhere.named).must()
    admin("restore", file, "--replace", "--keep-version", **elsewhere.named).must()
    assert f"of version {version}," in admin("migrate", "--check", **elsewhere.named).out
    admin("migrate", **elsewhere.named).must()  # nothing newer was left over


def test_on_aws_it_is_said_what_does_the_work(stack: Stack, admin: Admin) -> None:
    ran = admin("backup", JOBS_TABLE=stack.settings.jobs_table)
    assert (ran.code, "point-in-time" in ran.err, ran.err.count("\n")) == (2, True, 1)


def test_one_that_dies_half_way_has_changed_no_row_and_is_begun_again(
    admin: Admin, service: Service, tmp_path: Path, pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [service.submit(pdf) for _ in range(3)]
    file = backed_up(admin, service)
    other, put_file, left = made(tmp_path / "other"), FolderStorage.put_file, [2]

    def put_two(storage: FolderStorage, *arguments: Any, **options: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise DiskFull("There is no room.")
        put_file(storage, *arguments, **options)

    monkeypatch.setattr(FolderStorage, "put_file", put_two)
    ran = admin("restore", file, **other.named)
    assert (ran.code, "There is no room." in ran.err) == (DiskFull.exit_code, True)
    assert admin("status", "--json", **other.named).must().out.count('"found": null') == 1
    monkeypatch.undo()
    admin("restore", file, **other.named).must()
    other.work()
    assert {other.job(job_id).status for job_id in jobs} == {Status.SUCCEEDED}


def test_files_in_a_store_that_speaks_s3_come_along(admin: Admin, service: Service, pdf: bytes, stack: Stack) -> None:
    in_s3 = service.named | {
        "STORAGE_URL": "s3://",
        "UPLOADS_BUCKET": stack.settings.uploads_bucket,
        "RESULTS_BUCKET": stack.settings.results_bucket,
    }
    job_id = service.submit(pdf)
    file = backed_up(admin, service)
    close_databases()
    (service.root / "jobs.db").unlink()
    admin("restore", file, **in_s3).must()
    assert stack.s3.get_object(Bucket=stack.settings.uploads_bucket, Key=input_key(job_id, 0))["Body"].read() == pdf
    second = Path(admin("backup", **in_s3).must().out.strip())
    with archive.opened(second) as found:
        [(member, stored)] = found.manifest.files()
        assert (stored.bucket, stored.key) == ("uploads", input_key(job_id, 0))
        assert found.open(member).read() == pdf


@pytest.mark.slow
def test_an_empty_host_has_all_back_within_five_minutes(admin: Admin, service: Service, elsewhere: Service) -> None:
    """10,000 jobs, and 200 MB of the files of those that have not ended: the time that operators are promised."""
    world, now = service.world, service.world.jobs.now()
    with world.together():
        for number in range(10_000):
            status = Status.QUEUED if number < 100 else Status.SUCCEEDED
            assert world.jobs.create(Job(f"{number:032x}", status, now, now, now + 900, result={"report": "x" * 2_000}))
    for number in range(100):
        data = os.urandom(2_000_000)
        world.storage.put_file("uploads", input_key(f"{number:032x}", 0), data, media_type="application/pdf")
    file = backed_up(admin, service)
    began = time.monotonic()
    restored = admin("restore", file, **elsewhere.named).must()
    assert time.monotonic() - began < 300
    assert "10,000 jobs, 0 API keys, 100 files" in restored.out
