"""A database, whichever it is: its connections, its transactions, its clock."""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Insert, Table
from sqlalchemy.exc import SQLAlchemyError

from pdfsmaller.jobs.bells import Bell
from pdfsmaller.server.database.unavailable import answering, away

_databases: weakref.WeakSet[Database] = weakref.WeakSet()


class _Unit:
    """A transaction that is under way. One of its steps having failed, it is not carried on with: some databases have
    undone it by then, and what came next would stand alone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failed = False
        #: Who is to be woken once it stands: the kind of news, and a word.
        self.news: list[tuple[str, str]] = []

    @contextmanager
    def step(self) -> Iterator[Connection]:
        self.must_be_whole()
        try:
            with answering():
                yield self._connection
        except BaseException as exc:
            self._failed = self._failed or any(isinstance(why, SQLAlchemyError) for why in (exc, exc.__cause__))
            raise

    def must_be_whole(self) -> None:
        if self._failed:
            raise away()


class Database(ABC):
    """Reading, writing, and the present. It may be used from any thread, and in a child after a fork."""

    #: Its name, as URLs begin.
    kind: str
    #: What begins a transaction that writes.
    _begin: str
    #: What begins one that reads, and sees nothing that comes later.
    _begin_snapshot: str

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._unit: ContextVar[_Unit | None] = ContextVar("unit", default=None)
        _databases.add(self)
        # An engine that nobody has any more keeps its connections until it is found to be rubbish: others would take
        # them for those of another process (``is_in_use``).
        weakref.finalize(self, engine.dispose)

    # Transactions

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that stand alone, or that of the transaction that is under way here.

        Raises:
            StoreUnavailable, DiskFull.
        """
        if unit := self._unit.get():
            with unit.step() as connection:
                yield connection
            return
        self._prepare()
        with self.connected() as connection:
            yield connection

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """A connection in a transaction, which ends with it: all that was written stands then, or, where something was
        raised, nothing. Within another transaction of this context it is a part of that one.

        Args:
            lasting: whether it stands once the host loses power, too; else only once a lasting one has followed it.

        Raises:
            StoreUnavailable, DiskFull.
        """
        if unit := self._unit.get():
            with unit.step() as connection:
                yield connection
            return
        self._prepare()
        with self._transaction(lasting=lasting) as connection:
            unit = _Unit(connection)
            token = self._unit.set(unit)
            try:
                yield connection
            finally:
                self._unit.reset(token)
            unit.must_be_whole()
        for kind, what in unit.news:
            self._ring(kind, what)

    @contextmanager
    def together(self) -> Iterator[None]:
        """See ``World.together``: what the adapters on this database write within it is one transaction.

        Raises:
            StoreUnavailable, DiskFull: nothing of it was written, unless the answer to the end alone was lost.
        """
        with self.writing():
            yield

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """As ``reading``, where there may be no tables yet."""
        with answering(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def changing_schema(self) -> Iterator[Connection]:
        """A connection in a transaction of its own, which nobody else has at the same time."""
        with self._transaction(lasting=True) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads: all statements find what the first one did."""
        with self.connected() as connection:
            connection.exec_driver_sql(self._begin_snapshot)
            yield connection

    @contextmanager
    def _transaction(self, *, lasting: bool) -> Iterator[Connection]:
        with (
            answering(),
            self._turn(),
            self._engine.connect() as connection,
            nullcontext() if lasting else self._unsynced(connection),
            connection.begin(),
        ):
            # Not by SQLAlchemy's event: an engine that has one asks for all events at each statement, and takes a
            # fifth longer for it.
            connection.exec_driver_sql(self._begin)
            yield connection

    def _unsynced(self, connection: Connection) -> AbstractContextManager[None]:
        """Around a transaction that need not last by itself, where the database can spare the disk such a one."""
        return nullcontext()

    def _turn(self) -> AbstractContextManager[None]:
        """Held during a transaction that writes, where the database takes one at a time."""
        return nullcontext()

    @abstractmethod
    def insert_if_new(self, table: Table) -> Insert:
        """An INSERT that passes over a row whose key is taken."""

    @abstractmethod
    def insert_or_update(self, table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Insert:
        """An INSERT that changes a row whose key is taken.

        Args:
            changed: the values that such a row gets, from the columns of the row that was to be inserted.
        """

    # The clock

    @abstractmethod
    def _prepare(self) -> None:
        """What the clock needs before a connection is taken."""

    @abstractmethod
    def now(self) -> float:
        """The present by the database's clock, in seconds since the epoch."""

    @property
    @abstractmethod
    def present(self) -> ColumnElement[float]:
        """The same within a statement: when it began. A statement with it can be made once and run often."""

    # Waking those who wait

    @abstractmethod
    def wake(self, connection: Connection, kind: str) -> None:
        """Tell those who wait for a kind of messages that there is one, once the transaction stands."""

    @abstractmethod
    def wait(self, kind: str, seconds: float) -> None:
        """Return when there may be a message of a kind, after ``seconds`` at the latest."""

    @abstractmethod
    def taken(self, kind: str) -> None:
        """A message of a kind was received: nobody need be woken for it any more."""

    @abstractmethod
    def bell(self) -> Bell:
        """See ``JobStore``: it is rung by ``tell_end``, where that does something."""

    @abstractmethod
    def tell_end(self, job_id: str) -> None:
        """Ring every ``bell`` once the transaction stands, if they can be rung."""

    @abstractmethod
    def _ring(self, kind: str, what: str) -> None:
        """Tell what stands now, where the database itself does not."""

    # Upkeep

    @abstractmethod
    def is_there(self) -> bool:
        """Whether there is a database to connect to, where connecting would make one."""

    @abstractmethod
    def is_in_use(self) -> bool | None:
        """Whether another process is connected, but for connections of this one; None where nobody can tell.

        Raises:
            StoreUnavailable.
        """

    @abstractmethod
    def require_sound(self, connection: Connection) -> None:
        """Return where the database finds nothing wrong with itself, if it can tell.

        Raises:
            UnsuitableDatabase: it is damaged.
        """

    @abstractmethod
    def tidy(self, tables: Sequence[str]) -> None:
        """Give back the room of what is gone from these, and count anew what searching goes by."""

    @abstractmethod
    def size(self) -> int:
        """What the database takes on its disk, in bytes."""

    # Starts and ends

    @abstractmethod
    def require_suitable(self, processes: int) -> None:
        """Return where so many processes like this one can use the database; to be asked at their start.

        Raises:
            UnsuitableDatabase: they cannot.
            StoreUnavailable: it does not answer.
        """

    def close(self) -> None:
        """Close every connection that is not in use. Whoever uses the database afterwards connects anew."""
        self._engine.dispose()

    def _forked(self) -> None:
        """In the child: leave the parent's connections alone, which it goes on using."""
        inherited.append(self._engine.pool)
        self._engine.dispose(close=False)


#: What a child has inherited is never closed there, not even when it is collected: that would speak for the parent.
inherited: list[Any] = []


def _after_fork() -> None:
    for database in list(_databases):
        database._forked()


os.register_at_fork(after_in_child=_after_fork)
