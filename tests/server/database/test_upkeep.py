"""A database as its operators keep it: all rows out of it, of one moment, and into it, all or none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pdfsmaller.errors import BadBackup, WrongSchema
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.upkeep import TableRow
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import VERSIONS
from pdfsmaller.server.database.upkeep import SqlUpkeep
from tests.server.database.conftest import Place
from tests.server.database.parts import queue, store


def job(database: Database, number: int, **fields: Any) -> None:
    row = {"job_id": f"{number:032x}", "status": "queued", "due_at": 1.5, "ttl": 9e9, "created_at": 0.0} | fields
    assert store(database).create(row)


def all_rows(upkeep: SqlUpkeep) -> dict[str, list[TableRow]]:
    with upkeep.snapshot() as snapshot:
        return {name: list(rows) for name, rows in snapshot.tables()}


def test_a_snapshot_is_of_one_moment_whatever_is_written_while_it_is_read(place: Place) -> None:
    database, upkeep = place.open(), SqlUpkeep(place.open())
    for number in range(450):  # three pages
        job(database, number)
    with upkeep.snapshot() as snapshot:
        found: dict[str, list[TableRow]] = {}
        for name, rows in snapshot.tables():
            found[name] = []
            for count, row in enumerate(rows):
                found[name].append(row)
                if name == "jobs" and count == 10:
                    job(database, 10_000)
                    queue(database).send("later")
    assert len(found["jobs"]) == 450
    assert found["messages"] == []
    assert [row["job_id"] for row in found["jobs"]] == [f"{number:032x}" for number in range(450)]
    assert (upkeep.counts()["jobs"], upkeep.counts()["messages"]) == (451, 1)


def test_what_comes_out_goes_in_again_and_what_was_there_is_gone(place: Place) -> None:
    database, upkeep = place.open(), SqlUpkeep(place.open())
    job(database, 1, owner="a", name="é\u0000\U0001f4c4")
    queue(database).send("to be done", "a")
    before = all_rows(upkeep)
    job(database, 2)
    upkeep.replace(VERSIONS[-1], before.items(), taken_at=9e9)
    assert all_rows(upkeep) == before
    assert store(database).get(f"{1:032x}")


def test_what_was_held_is_nobodys_then(place: Place) -> None:
    database, upkeep = place.open(), SqlUpkeep(place.open())
    job(database, 1, status=Status.RUNNING, lease_until=9e9, due_at=9e9, attempt=1)
    queue(database).send("held")
    assert queue(database).receive()
    assert queue(database).receive() is None
    upkeep.replace(VERSIONS[-1], all_rows(upkeep).items(), taken_at=5.0)
    message = queue(database).receive()
    assert message
    assert (message.body, message.receive_count) == ("held", 2)
    [row] = store(database).due(Status.RUNNING)
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
    database, upkeep = place.open(), SqlUpkeep(place.open())
    job(database, 1)
    before = all_rows(upkeep)
    with pytest.raises(BadBackup) as caught:
        upkeep.replace(VERSIONS[-1], [("jobs", []), (table, rows)], taken_at=0.0)
    assert "\n" not in caught.value.message
    assert all_rows(upkeep) == before
    assert upkeep.schema().is_current


def test_rows_of_an_unknown_version_change_nothing(place: Place) -> None:
    database, upkeep = place.open(), SqlUpkeep(place.open())
    job(database, 1)
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


def test_who_else_is_connected_is_known(place: Place) -> None:
    upkeep, other = SqlUpkeep(place.open()), place.open()
    assert upkeep.is_in_use() is False
    job(other, 1)  # its connection stays
    assert upkeep.is_in_use() is True
    other.close()
    assert upkeep.is_in_use() is False
    assert upkeep.counts()["jobs"] == 1
