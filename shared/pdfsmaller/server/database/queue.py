"""Messages in a database's table, with what SQS promises of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from sqlalchemy import Double, Row, String, bindparam, case, delete, func, insert, select, tuple_, update

from pdfsmaller import events
from pdfsmaller.jobs.messages import Message
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import messages

#: The names of the queues.
JOBS, CALLBACKS = "jobs", "callbacks"

#: As long as SQS keeps a message.
_DEAD_KEPT_SECONDS = 14 * 86_400
#: As long as SQS can hide one.
_MAX_VISIBILITY_SECONDS = 12 * 3_600
#: Dead letters read, or redriven, at a time.
_PAGE = 100

_COLUMNS = messages.c
_LIVE = _COLUMNS.dead_at.is_(None)
_DEAD = _COLUMNS.dead_at.is_not(None)
_PLACE = _COLUMNS.dead_at, _COLUMNS.message_id
_OF_THE_QUEUE = _COLUMNS.queue == bindparam("of")
#: A message, if it was not delivered again since.
_DELIVERY = (_COLUMNS.message_id == bindparam("this")) & (_COLUMNS.receipt == bindparam("handle")) & _LIVE

# Statements are made once: making one takes longer than SQLite does to run it.
_ACKNOWLEDGE = delete(messages).where(_DELIVERY)
_LETTERS = (
    select(messages)
    .where(_OF_THE_QUEUE, _DEAD, tuple_(*_PLACE) > tuple_(bindparam("dead_at", type_=Double), bindparam("message_id", type_=String)))
    .order_by(*_PLACE)
    .limit(bindparam("number"))
)
_TO_REDRIVE = select(_COLUMNS.message_id).where(_OF_THE_QUEUE, _DEAD).limit(_PAGE).with_for_update(skip_locked=True)


class SqlQueue:
    """``WorkQueue`` in a database. Each call is a transaction of its own: none is held while a message is worked on."""

    def __init__(
        self, database: Database, *, name: str = JOBS, visibility_seconds: float, max_receive_count: int
    ) -> None:
        """
        Args:
            name: which of the queues in the database it is.
            visibility_seconds: how long a received message stays hidden, unless its receiver says otherwise.
            max_receive_count: after so many deliveries a message is a dead letter.
        """
        self._database = database
        self._name = {"of": name}
        now = database.present
        here = _COLUMNS.queue == name
        fresh = {"queue": name, "receive_count": 0, "sent_at": now, "visible_at": now}
        visible = here & _LIVE & (_COLUMNS.visible_at <= now)
        oldest = select(_COLUMNS.message_id).where(visible).order_by(_COLUMNS.visible_at).limit(1)
        hidden_until = now + bindparam("seconds", type_=Double)
        self._send = insert(messages).values(fresh)
        self._look = select(_COLUMNS.message_id).where(visible).limit(1)
        self._take = (
            update(messages)
            .where(_COLUMNS.message_id == oldest.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                receive_count=_COLUMNS.receive_count + 1,
                visible_at=now + visibility_seconds,
                receipt=bindparam("handle"),
                dead_at=case((_COLUMNS.receive_count >= max_receive_count, now)),
            )
            .returning(*_COLUMNS)
        )
        self._retry = update(messages).where(_DELIVERY).values(visible_at=hidden_until)
        self._count = select(
            func.coalesce(func.sum(case((_COLUMNS.visible_at <= now, 1), else_=0)), 0), func.count()
        ).where(here, _LIVE)
        self._forget = delete(messages).where(_DEAD, _COLUMNS.dead_at < now - _DEAD_KEPT_SECONDS)
        self._redrive = (
            update(messages)
            .where(_COLUMNS.message_id == bindparam("dead"))
            .values(fresh | {"message_id": bindparam("new"), "receipt": None, "dead_at": None})
        )

    # Sending

    def announce(self, created: events.ObjectCreated) -> None:
        self.send(events.s3_event(created))

    def send(self, body: str) -> None:
        with self._database.writing() as connection:
            connection.execute(self._send, {"message_id": _new_id(), "body": body})
            self._database.wake(connection)

    # Receiving

    def receive(self) -> Message | None:
        while self._is_any_visible():
            found = self._taken()
            if found is None:
                return None  # others were quicker
            if found.dead_at is None:
                return Message(found.message_id, found.receipt, found.body, found.receive_count, found.sent_at)
        return None

    def _is_any_visible(self) -> bool:
        """So that a look into an empty queue writes nothing and waits for nobody."""
        with self._database.reading() as connection:
            return connection.execute(self._look).first() is not None

    def _taken(self) -> Row[tuple[object, ...]] | None:
        """The message that has been visible for longest, delivered once more; or among the dead letters now."""
        with self._database.writing() as connection:
            return connection.execute(self._take, {"handle": _new_id()}).one_or_none()

    def retry_in(self, message: Message, seconds: float) -> None:
        hidden = max(0.0, min(_MAX_VISIBILITY_SECONDS, seconds))
        with self._database.writing() as connection:
            connection.execute(self._retry, _delivery(message) | {"seconds": hidden})

    def acknowledge(self, message: Message) -> None:
        with self._database.writing() as connection:
            connection.execute(_ACKNOWLEDGE, _delivery(message))

    def wait(self, seconds: float) -> None:
        self._database.wait(seconds)

    # Looking, and dead letters

    def depth(self) -> dict[str, int]:
        with self._database.reading() as connection:
            visible, live = connection.execute(self._count).one()
        return {"waiting": int(visible), "in_flight": int(live) - int(visible)}

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
                found = connection.execute(_LETTERS, self._name | place | {"number": min(_PAGE, max_messages)}).all()
            for row in found:
                if time.monotonic() >= ends_at:
                    return
                yield Message(row.message_id, "", row.body, row.receive_count, row.sent_at)
                place = {"dead_at": row.dead_at, "message_id": row.message_id}
            max_messages -= len(found)
            if len(found) < _PAGE:
                return

    def redrive(self) -> int:
        redriven = 0
        while number := self._redrive_page():
            redriven += number
        return redriven

    def _redrive_page(self) -> int:
        with self._database.writing() as connection:
            found = connection.execute(_TO_REDRIVE, self._name).scalars().all()
            if found:
                connection.execute(self._redrive, [{"dead": dead, "new": _new_id()} for dead in found])
                self._database.wake(connection)
        return len(found)


def _delivery(message: Message) -> dict[str, str]:
    return {"this": message.message_id, "handle": message.receipt_handle}


def _new_id() -> str:
    return uuid.uuid4().hex
