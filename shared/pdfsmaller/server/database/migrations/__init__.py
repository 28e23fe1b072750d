"""The tables' versions: made and brought up to date by Alembic, told apart without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, Table, inspect, text
from sqlalchemy.schema import SetTableComment

from pdfsmaller.errors import WrongSchema
from pdfsmaller.server.database.schema import MARK, VERSIONS, jobs, metadata

if TYPE_CHECKING:
    from pdfsmaller.server.database.base import Database

#: Alembic's own table.
_VERSION_TABLE = "alembic_version"


def check(database: Database) -> None:
    """Return where the tables are those of this version of PDF Smaller.

    Raises:
        WrongSchema: they are absent, older or newer.
        StoreUnavailable: the database does not answer.
    """
    with database.connected() as connection:
        found = version(connection)
    if found is None:
        raise no_tables()
    require_known(found)
    if found != VERSIONS[-1]:
        raise WrongSchema(
            f"The database's tables are of version {found}, and {VERSIONS[-1]} is needed. `pdfsmaller serve` and "
            "`pdfsmaller admin migrate` bring them up to date."
        )


def upgrade(database: Database) -> None:
    """Make the tables, or bring them up to date; several processes may do so at once.

    Raises:
        WrongSchema: they are newer.
        StoreUnavailable, DiskFull: nothing was changed.
    """
    with database.connected() as connection:
        found = version(connection)
    if found is not None:
        require_known(found)
    if found == VERSIONS[-1]:
        return
    with database.changing_schema() as connection:
        run(connection)


def run(connection: Connection, to: str = "head") -> None:
    """Make the tables, or bring them up to a version, on a connection of ``Database.changing_schema``."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "pdfsmaller.server.database:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    _mark(connection)


def undo(connection: Connection) -> None:
    """Remove all tables, those of newer versions too, on a connection of ``Database.changing_schema``.

    A SQLite file is ours alone. A database of PostgreSQL may hold others' tables, so ours have a mark.

    Raises:
        WrongSchema: the tables that are there are somebody else's.
    """
    found = inspect(connection)
    names, shared = found.get_table_names(), connection.dialect.name == "postgresql"
    if (_VERSION_TABLE in names or (names and not shared)) and jobs.name not in names:
        raise WrongSchema("The database holds tables of another program. Name another one in DATABASE_URL.")
    if shared:
        ours = {name for name in names if found.get_table_comment(name)["text"] == MARK}
        names = [name for name in names if name in ours or name in metadata.tables or name == _VERSION_TABLE]
    for name in names:
        Table(name, MetaData()).drop(connection)


def _mark(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for name in {*metadata.tables} & {*inspect(connection).get_table_names()}:
            connection.execute(SetTableComment(Table(name, MetaData(), comment=MARK)))


def version(connection: Connection) -> str | None:
    """Which version the tables are of: what Alembic has noted down; None where it has not yet."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()
    return str(found) if found is not None else None


def no_tables() -> WrongSchema:
    """What is said of a database that nobody has made tables in."""
    return WrongSchema("The database has no tables yet. `pdfsmaller serve` and `pdfsmaller admin init` make them.")


def require_known(version: str) -> None:
    """Return where this program knows a version of the tables. Raises WrongSchema."""
    if version not in VERSIONS:
        raise WrongSchema(
            f"The database's tables are of version {version[:32]}, which is newer than this PDF Smaller knows: run the "
            "version that made them, or a later one. Nothing was changed."
        )
