"""The tables: made once whoever comes, as the code has them, and never used where they are another version's."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from pdfsmaller.errors import WrongSchema
from pdfsmaller.server import database
from pdfsmaller.server.database import migrations
from pdfsmaller.server.database.schema import VERSIONS, metadata
from tests.server.database.conftest import Place
from tests.server.database.processes import ended, start

#: Of the tests' own clock.
NOT_OURS = {"ahead"}


def test_the_tables_are_those_of_the_code(place: Place) -> None:
    with place.open().connected() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": lambda item, name, *_: name not in NOT_OURS, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_code_knows_every_version_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", "pdfsmaller.server.database:migrations")
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(revision.revision for revision in revisions)[::-1] == VERSIONS


def test_those_of_this_version_are_used(place: Place) -> None:
    migrations.check(place.open())
    migrations.upgrade(place.open())


def test_a_newer_version_is_refused_and_left_alone(place: Place) -> None:
    opened = place.open()
    with opened.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9999'"))
    for call in (migrations.check, migrations.upgrade):
        with pytest.raises(WrongSchema, match="v9999, which is newer") as caught:
            call(opened)
        assert "\n" not in caught.value.message
    with opened.connected() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "v9999"


def test_tables_that_are_not_there_are_asked_for(empty: str) -> None:
    opened = database.opened(empty)
    with pytest.raises(WrongSchema, match="has no tables yet"):
        migrations.check(opened)
    opened.close()


def test_several_processes_may_make_them_at_once(empty: str) -> None:
    code = "from pdfsmaller.server.database import migrations\nmigrations.upgrade(opened)\nmigrations.check(opened)"
    for process in [start(empty, code) for _ in range(3)]:
        ended(process)
    opened = database.opened(empty)
    migrations.check(opened)
    opened.close()


def test_postgresql_clears_up_after_messages_soon(on_postgres: Place) -> None:
    with on_postgres.open().connected() as connection:
        options = connection.execute(text("SELECT reloptions FROM pg_class WHERE relname = 'messages'")).scalar_one()
    assert "autovacuum_vacuum_scale_factor=0" in options


@pytest.mark.parametrize(
    "query",
    [
        "SELECT message_id FROM messages WHERE dead_at IS NULL AND visible_at <= 1 ORDER BY visible_at LIMIT 1",
        "SELECT message_id FROM messages WHERE dead_at IS NOT NULL AND (dead_at, message_id) > (0, '') "
        "ORDER BY dead_at, message_id LIMIT 100",
        "SELECT due_at, job_id FROM jobs WHERE status = 'queued' AND due_at <= 1 AND (due_at, job_id) > (0, '') "
        "ORDER BY due_at, job_id LIMIT 200",
        "SELECT job_id FROM jobs WHERE ttl < 1 LIMIT 200",
        "SELECT job_id FROM jobs WHERE owner = 'a' AND (created_at, job_id) < (9, '') "
        "ORDER BY created_at DESC, job_id DESC LIMIT 20",
    ],
)
def test_what_is_asked_often_is_answered_from_an_index(place: Place, query: str) -> None:
    with place.open().writing() as connection:
        if place.url.startswith("sqlite"):
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))  # small tables are read whole otherwise
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
            plan = connection.execute(text(f"EXPLAIN {query}")).all()
    lines = " ".join(str(row) for row in plan)
    assert "Index" in lines or "INDEX" in lines
    assert "Sort" not in lines
    assert "TEMP B-TREE" not in lines
