"""A database as its operators keep it: all rows out of it, of one moment, and into it, all or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from pdfsmaller.errors import BadBackup, WrongSchema
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.upkeep import TableRow
from pdfsmaller.server import database
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import VERSIONS
from pdfsmaller.server.database.upkeep import SqlUpkeep
from tests.server.database.conftest import Place
from tests.server.database.parts import queue, store


def job(opened: Database, number: int, **fields: Any) -> None:
    row = {"job_id": f"{number:032x}", "status": "queued", "due_at": 1.5, "ttl": 9e9, "created_at": 0.0} | fields
    assert store(opened).create(row)


def all_rows(upkeep: SqlUpkeep) -> dict[str, list[TableRow]]:
    with upkeep.snapshot() as snapshot:
        return {name: list(rows) for name, rows in snapshot.tables()}


def test_a_snapshot_is_of_one_moment_whatever_is_written_while_it_is_read(place: Place) -> None:
    opened, upkeep = place.open(), SqlUpkeep(place.open())
    for number in range(450):  # three pages
        job(opened, number)
    with upkeep.snapshot() as snapshot:
        found: dict[str, list[TableRow]] = {}
        for name, rows in snapshot.tables():
            found[name] = []
            for count, row in enumerate(rows):
                found[name].append(row)
                if name == "jobs" and count == 10:
                    job(opened, 10_000)
                    queue(opened).send("later")
    assert len(found["jobs"]) == 450
    assert found["messages"] == []
    assert [row["job_id"] for row in found["jobs"]] == [f"{number:032x}" for number in range(450)]
    assert (upkeep.counts()["jobs"], upkeep.counts()["messages"]) == (451, 1)


def test_what_comes_out_goes_in_again_and_what_was_there_is_gone(place: Place) -> None:
    opened, upkeep = place.open(), SqlUpkeep(place.open())
    job(opened, 1, owner="a", name="é\u0000\U0001f4c4")
    queue(opened).send("to be done", "a")
    before = all_rows(upkeep)
    job(opened, 2)
    upkeep.replace(VERSIONS[-1], before.items(), taken_at=9e9)
    assert all_rows(upkeep) == before
    assert store(opened).get(f"{1:032x}")


def test_what_was_held_is_nobodys_then(place: Place) -> None:
    opened, upkeep = place.open(), SqlUpkeep(place.open())
    job(opened, 1, status=Status.RUNNING, lease_until=9e9, due_at=9e9, attempt=1)
    queue(opened).send("held")
    assert queue(opened).receive()
    assert queue(opened).receive() is None
    upkeep.replace(VERSIONS[-1], all_rows(upkeep).items(), taken_at=5.0)
    message = queue(opened).receive()
    assert message
    assert (message.body, message.receive_count) == ("held", 2)
    [row] = store(opened).due(Status.RUNNING)
    assert row["lease_until"] == 5.0


GOOD = {
    "job_id": "x",
    "status": "queued",
    "due_at": 1.0,
    "ttl": 1.0,
    "content": "{}",
    "owner": None,
    "created_at": None,
}


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("jobs", [GOOD, {"job_id": "y"}]),
        ("jobs", [GOOD, GOOD]),
        ("jobs", [GOOD, GOOD | {"job_id": "z", "status": None}]),
        ("jobs", [GOOD | {"evil": 1}]),
        ("workers", []),
        ("sqlite_master", [{"a": 1}]),
    ],
)
def test_rows_that_are_none_change_nothing(place: Place, table: str, rows: list[TableRow]) -> None:
    opened, upkeep = place.open(), SqlUpkeep(place.open())
    job(opened, 1)
    before = all_rows(upkeep)
    with pytest.raises(BadBackup) as caught:
        upkeep.replace(VERSIONS[-1], [("jobs", []), (table, rows)], taken_at=0.0)
    assert "\n" not in caught.value.message
    assert all_rows(upkeep) == before
    assert upkeep.schema().is_current


def test_rows_of_an_unknown_version_change_nothing(place: Place) -> None:
    opened, upkeep = place.open(), SqlUpkeep(place.open())
    job(opened, 1)
    before = all_rows(upkeep)
    with pytest.raises(WrongSchema):
        upkeep.replace("v9999", [], taken_at=0.0)
    assert all_rows(upkeep) == before


def test_rows_of_the_first_version_get_what_came_later(place: Place) -> None:
    upkeep = SqlUpkeep(place.open())
    content = json.dumps({"job_id": "x", "status": "queued", "owner": "a", "created_at": 2.0})
    row = {"job_id": "x", "status": "queued", "due_at": 1.0, "ttl": 1.0, "content": content}
    upkeep.replace(VERSIONS[0], [("jobs", [row])], taken_at=0.0)
    [found] = all_rows(upkeep)["jobs"]
    assert {name: found[name] for name in row} == row
    assert upkeep.schema().is_current


@pytest.mark.parametrize("tables", [("theirs",), ("theirs", "alembic_version")])
def test_the_database_of_another_program_is_left_alone(empty: str, tables: tuple[str, ...]) -> None:
    opened = database.opened(empty)
    with opened.changing_schema() as connection:
        for table in tables:
            connection.execute(text(f"CREATE TABLE {table} (version_num VARCHAR(32))"))
            connection.execute(text(f"INSERT INTO {table} VALUES ('a1b2')"))
    upkeep = SqlUpkeep(opened)
    if empty.startswith("postgresql") and tables == ("theirs",):
        upkeep.replace(VERSIONS[-1], [], taken_at=0.0)  # beside theirs there is room for ours
    else:
        with pytest.raises(WrongSchema, match="another program"):
            upkeep.replace(VERSIONS[-1], [], taken_at=0.0)
    with opened.connected() as connection:
        assert connection.execute(text("SELECT version_num FROM theirs")).scalars().all() == ["a1b2"]
    opened.close()


def test_who_else_is_connected_is_known(place: Place) -> None:
    upkeep, other = SqlUpkeep(place.open()), place.open()
    assert upkeep.is_in_use() is False
    job(other, 1)  # its connection stays
    assert upkeep.is_in_use() is True
    other.close()
    assert upkeep.is_in_use() is False
    assert upkeep.counts()["jobs"] == 1
