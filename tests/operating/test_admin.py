"""``pdfsmaller admin``: tables, workers, the room on the disk; of a data folder, and where there is no database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pdfsmaller.server.database.schema import VERSIONS
from tests import postgres
from tests.aws_stack import Stack
from tests.operating.conftest import Admin, close_databases, made

NEWEST = VERSIONS[-1]


def test_init_makes_what_is_missing_and_may_be_repeated(admin: Admin, tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    for _ in range(2):
        assert NEWEST in admin("init", "--data", data).must().out
    assert (data / "backups").stat().st_mode & 0o777 == 0o700
    assert admin("migrate", "--check", "--data", data).code == 0


class TestMigrate:
    def test_check_says_that_there_is_something_to_do(self, admin: Admin, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'jobs.db'}"
        named = {"DATABASE_URL": url, "STORAGE_URL": str(tmp_path / "files"), "SECRET_KEY": "k" * 20}
        checked = admin("migrate", "--check", **named)
        assert (checked.code, "version none" in checked.out) == (1, True)
        assert not (tmp_path / "jobs.db").exists(), "looking makes nothing"
        assert VERSIONS[0] in admin("migrate", "--to", VERSIONS[0], **named).must().out
        assert admin("migrate", "--check", **named).code == 1
        done = admin("migrate", **named).must()
        assert done.out == f"The tables are of version {NEWEST}; they were of {VERSIONS[0]}.\n"
        assert admin("migrate", "--check", **named).code == 0

    def test_no_way_leads_back_but_a_backup(self, admin: Admin, tmp_path: Path) -> None:
        admin("init", "--data", tmp_path).must()
        ran = admin("migrate", "--to", VERSIONS[0], "--data", tmp_path)
        assert (ran.code, ran.err.count("\n")) == (7, 1)
        assert "admin restore" in ran.err


def test_vacuum_gives_room_back(admin: Admin, tmp_path: Path) -> None:
    admin("init", "--data", tmp_path).must()
    rows = [(f"k{number}", "x" * 1_000, "d", 0.0, "") for number in range(2_000)]
    insert = "INSERT INTO api_keys (key_id, name, digest, created_at, rate_limit) VALUES (?, ?, ?, ?, ?)"
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as database:
        database.executemany(insert, rows)
        database.commit()
        database.execute("DELETE FROM api_keys")
        database.commit()
    before = (tmp_path / "jobs.db").stat().st_size
    admin("vacuum", "--data", tmp_path).must()
    assert (tmp_path / "jobs.db").stat().st_size < before / 4


def test_on_postgresql_all_of_it_works(admin: Admin, postgres_server: postgres.Server, tmp_path: Path) -> None:
    with postgres_server.new_database("template0") as name:
        service = made(tmp_path / "service", postgres_server.url(name))
        admin("init", **service.named).must()
        service.submit(b"%PDF-1.4 a document")
        admin("vacuum", **service.named).must()
        told = json.loads(admin("status", "--json", **service.named).must().out)
        assert (told["store"], told["jobs"]["queued"], told["schema"]["found"]) == ("postgresql", 1, NEWEST)
        assert len(json.loads(admin("jobs", "--json", **service.named).must().out)) == 1
        [(analyzed,)] = postgres_server.execute(
            "SELECT last_analyze IS NOT NULL AND last_vacuum IS NOT NULL FROM pg_stat_user_tables "
            "WHERE relname = 'jobs'",
            name,
        )
        assert analyzed
        close_databases()


def test_without_workers_it_is_said(admin: Admin, tmp_path: Path) -> None:
    admin("init", "--data", tmp_path).must()
    assert admin("workers", "--data", tmp_path).must().out == "No worker was seen lately.\n"
    assert json.loads(admin("workers", "--json", "--data", tmp_path).must().out) == []


@pytest.mark.parametrize("command", [["init"], ["migrate"], ["migrate", "--check"], ["vacuum"], ["workers"]])
def test_on_aws_it_is_said_what_does_the_work(stack: Stack, admin: Admin, command: list[str]) -> None:
    ran = admin(*command, JOBS_TABLE=stack.settings.jobs_table)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "AWS → " in ran.err
