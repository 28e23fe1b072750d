"""A database as those see it who look after it: its tables' version, its room on the disk, all that is in it.

Rows are dictionaries of what JSON knows (text, numbers, None), the same for every database: what one gives another
takes. What belongs to the processes that run and not to the service (workers, a host's clock) is never among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

#: One row of a table, by the names of its columns.
TableRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Schema:
    """Which version the tables are of.

    Attributes:
        found: None where there are none yet.
        wanted: this program's.
        known: all that this program knows, oldest first.
    """

    found: str | None
    wanted: str
    known: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        return self.found == self.wanted


class Snapshot(Protocol):
    """All that stood in a database at one moment, however long it is read and whatever is written meanwhile."""

    @property
    def version(self) -> str:
        """Of the tables."""
        ...

    @property
    def taken_at(self) -> float:
        """When that was, in seconds since the epoch."""
        ...

    def tables(self) -> Iterator[tuple[str, Iterator[TableRow]]]:
        """Each table's name and its rows, which are read while they are asked for: one table after the other."""
        ...


class Upkeep(Protocol):
    """The database of a server of one's own. Every method may raise ``StoreUnavailable`` and ``DiskFull``."""

    @property
    def kind(self) -> str:
        """``sqlite`` or ``postgresql``."""
        ...

    def schema(self) -> Schema:
        """Which version the tables are of. Asking makes nothing."""
        ...

    def migrate(self, to: str | None = None) -> Schema:
        """Make the tables, or bring them to a version: this program's, or one before it; as ``schema`` afterwards.

        Raises:
            WrongSchema: they are newer than ``to``, or than this program knows.
        """
        ...

    def size(self) -> int:
        """What the database takes on its disk, in bytes."""
        ...

    def tidy(self) -> None:
        """Give back the room of what is gone, and count anew what searching goes by."""
        ...

    def is_in_use(self) -> bool | None:
        """Whether another process is connected; None where nobody can tell, since a pool of connections is between."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """What stands now; to be read within.

        Raises:
            WrongSchema: there are no tables, or newer ones.
            UnsuitableDatabase: it is damaged.
        """
        ...

    def replace(
        self,
        version: str,
        tables: Iterable[tuple[str, Iterable[TableRow]]],
        *,
        taken_at: float,
        keep_version: bool = False,
    ) -> None:
        """Put these rows in place of all that there is, in one step, and bring them to this program's version.

        Jobs that ran are nobody's then: their leases are over, and their messages visible.

        Args:
            version: the tables' when the rows were read; a known one.
            tables: a table may come in several pieces.
            taken_at: as ``Snapshot`` has it.
            keep_version: leave the tables of ``version``, for an older program.

        Raises:
            BadBackup: these are no rows of those tables; nothing was changed.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """How many rows each table has."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
