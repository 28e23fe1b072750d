"""Messages in a database's table, with what SQS promises of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Delete,
    Double,
    Row,
    Select,
    String,
    Table,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    tuple_,
    union_all,
    update,
)

from pdfsmaller import events
from pdfsmaller.jobs.messages import Backlog, Message
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import messages

_Statement = TypeVar("_Statement", Select[Any], Delete)

#: As long as SQS keeps a message.
_DEAD_KEPT_SECONDS = 14 * 86_400
#: As long as SQS can hide one.
_MAX_VISIBILITY_SECONDS = 12 * 3_600
#: Dead letters read, or redriven, at a time.
_PAGE = 100


class SqlQueue:
    """``WorkQueue`` in a database. Each call is a transaction of its own: none is held while a message is worked on."""

    def __init__(
        self, database: Database, *, visibility_seconds: float, max_receive_count: int, table: Table = messages
    ) -> None:
        """
        Args:
            visibility_seconds: how long a received message stays hidden, unless its receiver says otherwise.
            max_receive_count: after so many deliveries a message is a dead letter.
            table: where the messages are.
        """
        # Statements are made once: making one takes longer than SQLite does to run it.
        self._database, self._kind = database, table.name
        now, columns = database.present, table.c
        live, dead = columns.dead_at.is_(None), columns.dead_at.is_not(None)
        # A message, if it was not delivered again since.
        delivery = (columns.message_id == bindparam("this")) & (columns.receipt == bindparam("handle")) & live
        # Whose turn it is. What is searched in this order adds 0 to other columns: their indexes are of no use then,
        # since all of what waits may be under them.
        turn = columns.round, columns.visible_at
        fresh = {"receive_count": 0, "sent_at": now, "visible_at": now}
        visible = live & (columns.visible_at <= now)
        first = select(columns.message_id).where(live & (columns.visible_at + 0 <= now)).order_by(*turn).limit(1)
        hidden_until = now + bindparam("seconds", type_=Double)
        self._send = insert(table).values(
            fresh | {"asker": bindparam("of"), "round": _round(table, now, bindparam("of", type_=String))}
        )
        self._look = select(columns.message_id).where(visible).limit(1)
        self._take = (
            update(table)
            .where(columns.message_id == first.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                receive_count=columns.receive_count + 1,
                visible_at=now + visibility_seconds,
                receipt=bindparam("handle"),
                dead_at=case((columns.receive_count >= max_receive_count, now)),
            )
            .returning(*columns)
        )
        self._retry = update(table).where(delivery).values(visible_at=hidden_until)
        self._count = select(
            func.coalesce(func.sum(case((columns.visible_at <= now, 1), else_=0)), 0), func.count()
        ).where(live)
        # Each by an index of its own, however many messages there are.
        oldest = select(func.min(columns.visible_at)).where(visible).scalar_subquery()
        self._backlog = select(
            func.coalesce(now - oldest, 0.0), select(func.count()).select_from(table).where(dead).scalar_subquery()
        )
        self._forget = delete(table).where(dead, columns.dead_at < now - _DEAD_KEPT_SECONDS)
        self._redrive = (
            update(table)
            .where(columns.message_id == bindparam("dead"))
            .values(
                fresh
                | {"message_id": bindparam("new"), "receipt": None, "dead_at": None}
                | {"round": _round(table, now, bindparam("of", type_=String))}
            )
        )
        self._acknowledge = delete(table).where(delivery)
        place = columns.dead_at, columns.message_id
        after = tuple_(bindparam("dead_at", type_=Double), bindparam("message_id", type_=String))
        self._letters = select(table).where(dead, tuple_(*place) > after).order_by(*place).limit(bindparam("number"))
        self._to_redrive = select(columns.message_id, columns.asker).where(dead).with_for_update(skip_locked=True)
        self._delete_dead = delete(table).where(dead)
        self._this = columns.message_id == bindparam("this")

    # Sending

    def announce(self, created: events.ObjectCreated, asker: str = "") -> None:
        self.send(events.s3_event(created), asker)

    def send(self, body: str, asker: str = "") -> None:
        with self._database.writing() as connection:
            connection.execute(self._send, {"message_id": _new_id(), "body": body, "of": asker})
            self._database.wake(connection, self._kind)

    # Receiving

    def receive(self) -> Message | None:
        while self._is_any_visible():
            found = self._taken()
            if found is None:
                return None  # others were quicker
            self._database.taken(self._kind)
            if found.dead_at is None:
                return Message(found.message_id, found.receipt, found.body, found.receive_count, found.sent_at)
        return None

    def _is_any_visible(self) -> bool:
        """So that a look into an empty queue writes nothing and waits for nobody."""
        with self._database.reading() as connection:
            return connection.execute(self._look).first() is not None

    def _taken(self) -> Row[tuple[object, ...]] | None:
        """The message whose turn it is, delivered once more; or among the dead letters now."""
        with self._database.writing(lasting=False) as connection:
            return connection.execute(self._take, {"handle": _new_id()}).one_or_none()

    def retry_in(self, message: Message, seconds: float) -> None:
        hidden = max(0.0, min(_MAX_VISIBILITY_SECONDS, seconds))
        with self._database.writing(lasting=False) as connection:
            connection.execute(self._retry, _delivery(message) | {"seconds": hidden})

    def acknowledge(self, message: Message) -> None:
        # What it led to lasts already: should the message come again, it meets that.
        with self._database.writing(lasting=False) as connection:
            connection.execute(self._acknowledge, _delivery(message))

    def wait(self, seconds: float) -> None:
        self._database.wait(self._kind, seconds)

    # Looking, and dead letters

    def depth(self) -> dict[str, int]:
        with self._database.reading() as connection:
            visible, live = connection.execute(self._count).one()
        return {"waiting": int(visible), "in_flight": int(live) - int(visible)}

    def backlog(self) -> Backlog:
        with self._database.reading() as connection:
            oldest_seconds, dead_letters = connection.execute(self._backlog).one()
        return Backlog(float(oldest_seconds), int(dead_letters))

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        """See ``Queue``. Nothing is held, so any number may look at once. Letters past their time go first."""
        ends_at = time.monotonic() + max_seconds
        with self._database.writing() as connection:
            connection.execute(self._forget)
        place = {"dead_at": 0.0, "message_id": ""}
        while max_messages > 0 and time.monotonic() < ends_at:
            with self._database.reading() as connection:
                found = connection.execute(self._letters, place | {"number": min(_PAGE, max_messages)}).all()
            for row in found:
                if time.monotonic() >= ends_at:
                    return
                yield Message(row.message_id, "", row.body, row.receive_count, row.sent_at)
                place = {"dead_at": row.dead_at, "message_id": row.message_id}
            max_messages -= len(found)
            if len(found) < _PAGE:
                return

    def redrive(self, message_id: str | None = None) -> int:
        redriven = 0
        while number := self._redrive_page(message_id):
            redriven += number
        return redriven

    def _redrive_page(self, message_id: str | None) -> int:
        wanted, given = self._only(self._to_redrive.limit(_PAGE), message_id)
        with self._database.writing() as connection:
            found = connection.execute(wanted, given).all()
            if found:
                connection.execute(
                    self._redrive, [{"dead": dead, "of": asker, "new": _new_id()} for dead, asker in found]
                )
                self._database.wake(connection, self._kind)
        return len(found)

    def delete_dead_letters(self, message_id: str | None = None) -> int:
        with self._database.writing() as connection:
            return connection.execute(*self._only(self._delete_dead, message_id)).rowcount

    def _only(self, statement: _Statement, message_id: str | None) -> tuple[_Statement, dict[str, str]]:
        """A statement about dead letters, and what it is run with: about all, or one."""
        return (statement.where(self._this), {"this": message_id}) if message_id else (statement, {})


def _round(table: Table, now: ColumnElement[float], asker: ColumnElement[str]) -> ColumnElement[int]:
    """The round in which the turn of an asker's next message comes: one after the asker's last, and not before the
    round that is being served. An asker has one turn in each, so who has just come waits for no more than that round.

    That is the latest of all that are worked on, or the earliest that waits: either alone would fall back, where all
    others are done but one that takes long, or while one that failed shows again.
    """
    others = table.alias()
    live = others.c.dead_at.is_(None)
    served = select(func.max(others.c.round + 0)).where(live, others.c.visible_at > now)
    waiting = select(others.c.round).where(live, others.c.visible_at + 0 <= now).order_by(others.c.round).limit(1)
    own = select(others.c.round + 1).where(live, others.c.asker == asker).order_by(others.c.round.desc()).limit(1)
    floors = union_all(*(select(floor.scalar_subquery().label("round")) for floor in (served, waiting, own))).subquery()
    return select(func.coalesce(func.max(floors.c.round), 0)).scalar_subquery()


def _delivery(message: Message) -> dict[str, str]:
    return {"this": message.message_id, "handle": message.receipt_handle}


def _new_id() -> str:
    return uuid.uuid4().hex
