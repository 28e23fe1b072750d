"""``Upkeep`` of a database: its version, its room, all its rows out of it and into it.

Tables are read and written as they are found there and not as this version has them, so that rows of an older version
can be read, and be put back where they came from before they are brought up to date.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice

from sqlalchemy import Connection, MetaData, Table, func, select, tuple_
from sqlalchemy.exc import DataError, IntegrityError

from pdfsmaller.errors import BadBackup, WrongSchema
from pdfsmaller.jobs.upkeep import Schema, TableRow
from pdfsmaller.server.database import migrations
from pdfsmaller.server.database.after_boot import let_go
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import VERSIONS, clock, metadata, workers
from pdfsmaller.server.database.unavailable import telling_damage

#: Of processes that run, and of a host.
_NOT_OF_THE_SERVICE = {workers.name, clock.name}
_OURS = tuple(metadata.tables)
_KEPT = tuple(name for name in _OURS if name not in _NOT_OF_THE_SERVICE)
#: Rows read, or written, at a time; the largest has 400 KB.
_PAGE = 200


class SqlUpkeep:
    """``Upkeep`` of SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.kind = database.kind
        self.close, self.size, self.is_in_use = database.close, database.size, database.is_in_use

    def schema(self) -> Schema:
        found = None
        if self._database.is_there():
            with telling_damage(), self._database.connected() as connection:
                found = migrations.version(connection)
        return Schema(found, VERSIONS[-1], VERSIONS)

    def migrate(self, to: str | None = None) -> Schema:
        to = to or VERSIONS[-1]
        migrations.require_known(to)
        if (found := self.schema().found) is not None:
            migrations.require_known(found)
            if VERSIONS.index(found) > VERSIONS.index(to):
                raise WrongSchema(
                    f"The tables are of version {found}, and nothing leads back to {to}. Restore the backup that was "
                    f"made with {to}: pdfsmaller admin restore FILE --replace."
                )
        if found != to:
            with self._database.changing_schema() as connection:
                migrations.run(connection, to)
        return self.schema()

    def tidy(self) -> None:
        with self._database.connected() as connection:
            names = list(_found(connection, _OURS).tables)
        self._database.tidy(names)

    def counts(self) -> Mapping[str, int]:
        with self._database.connected() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in _found(connection, _KEPT).tables.items()
            }

    @contextmanager
    def snapshot(self) -> Iterator[SqlSnapshot]:
        if not self._database.is_there():
            raise migrations.no_tables()
        with telling_damage(), self._database.snapshot() as connection:
            version = migrations.version(connection)
            if version is None:
                raise migrations.no_tables()
            migrations.require_known(version)
            self._database.require_sound(connection)
            yield SqlSnapshot(connection, version, time.time())

    def replace(
        self,
        version: str,
        tables: Iterable[tuple[str, Iterable[TableRow]]],
        *,
        taken_at: float,
        keep_version: bool = False,
    ) -> None:
        migrations.require_known(version)
        with self._database.changing_schema() as connection:
            migrations.undo(connection)
            migrations.run(connection, version)
            made = _found(connection, _KEPT).tables
            for name, rows in tables:
                if name not in made:
                    raise BadBackup(f"There is no table {name[:64]} in version {version}.")
                _put(connection, made[name], iter(rows))
            if not keep_version:
                migrations.run(connection)
            let_go(connection, taken_at)


class SqlSnapshot:
    """``Snapshot`` on a connection of ``Database.snapshot``."""

    def __init__(self, connection: Connection, version: str, taken_at: float) -> None:
        self._connection, self.version, self.taken_at = connection, version, taken_at

    def tables(self) -> Iterator[tuple[str, Iterator[TableRow]]]:
        for name, table in sorted(_found(self._connection, _KEPT).tables.items()):
            yield name, self._rows(table)

    def _rows(self, table: Table) -> Iterator[TableRow]:
        """By their keys, page by page: what a transaction sees stays the same, and no page is large."""
        keys = list(table.primary_key)
        page = select(table).order_by(*keys).limit(_PAGE)
        rows = self._connection.execute(page).mappings().all()
        while rows:
            yield from map(dict, rows)
            last = [rows[-1][key.name] for key in keys]
            rows = self._connection.execute(page.where(tuple_(*keys) > tuple_(*last))).mappings().all()


def _found(connection: Connection, names: Iterable[str]) -> MetaData:
    """Those of these tables that are there, as they are."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name in names)
    return found


def _put(connection: Connection, table: Table, rows: Iterator[TableRow]) -> None:
    names = set(table.columns.keys())
    while page := list(islice(rows, _PAGE)):
        if any(set(row) != names for row in page):
            raise BadBackup(f"Rows of the table {table.name} do not have its columns.")
        try:
            connection.execute(table.insert(), page)
        except (IntegrityError, DataError) as exc:
            [why, *_] = str(exc.orig).splitlines()
            raise BadBackup(f"Rows of the table {table.name} are not what it takes: {why}") from exc
