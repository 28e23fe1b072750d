"""Messages in a database's table, with what SQS promises of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Row, bindparam, case, delete, func, insert, select, tuple_, update

from pdfsmaller import events
from pdfsmaller.jobs.messages import Message
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import messages

#: As long as SQS keeps a message.
_DEAD_KEPT_SECONDS = 14 * 86_400
#: As long as SQS can hide one.
_MAX_VISIBILITY_SECONDS = 12 * 3_600
#: Dead letters read, or redriven, at a time.
_PAGE = 100

_LIVE = messages.c.dead_at.is_(None)
_DEAD = messages.c.dead_at.is_not(None)


class SqlQueue:
    """``WorkQueue`` in a database. Each call is a transaction of its own: none is held while a message is worked on."""

    def __init__(self, database: Database, *, visibility_seconds: float, max_receive_count: int) -> None:
        """
        Args:
            visibility_seconds: how long a received message stays hidden, unless its receiver says otherwise.
            max_receive_count: after so many deliveries a message is a dead letter.
        """
        self._database = database
        self._visibility, self._max_receive_count = visibility_seconds, max_receive_count

    # Sending

    def announce(self, created: events.ObjectCreated) -> None:
        self.send(events.s3_event(created))

    def send(self, body: str) -> None:
        """Put any text into the queue."""
        with self._database.writing() as connection:
            now = self._database.present()
            values = {"message_id": _new_id(), "body": body, "sent_at": now, "visible_at": now, "receive_count": 0}
            connection.execute(insert(messages).values(values))
            self._database.wake(connection)

    # Receiving

    def receive(self) -> Message | None:
        while self._is_any_visible():
            found = self._take()
            if found is None:
                return None  # others were quicker
            if found.dead_at is None:
                return Message(found.message_id, found.receipt, found.body, found.receive_count, found.sent_at)
        return None

    def _is_any_visible(self) -> bool:
        """So that a look into an empty queue writes nothing and waits for nobody."""
        look = select(messages.c.message_id).where(*self._visible()).limit(1)
        with self._database.reading() as connection:
            return connection.execute(look).first() is not None

    def _take(self) -> Row[tuple[str, str, str, int, float, float | None]] | None:
        """The message that has been visible for longest, received once more; or among the dead letters now."""
        with self._database.writing() as connection:
            now = self._database.present()
            oldest = select(messages.c.message_id).where(*self._visible()).order_by(messages.c.visible_at).limit(1)
            oldest = oldest.with_for_update(skip_locked=True)
            worn_out = messages.c.receive_count >= self._max_receive_count
            taken = (
                update(messages)
                .where(messages.c.message_id == oldest.scalar_subquery())
                .values(
                    receive_count=messages.c.receive_count + 1,
                    visible_at=now + self._visibility,
                    receipt=_new_id(),
                    dead_at=case((worn_out, now)),
                )
                .returning(
                    messages.c.message_id,
                    messages.c.receipt,
                    messages.c.body,
                    messages.c.receive_count,
                    messages.c.sent_at,
                    messages.c.dead_at,
                )
            )
            return connection.execute(taken).one_or_none()

    def _visible(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return _LIVE, messages.c.visible_at <= self._database.present()

    def retry_in(self, message: Message, seconds: float) -> None:
        hidden = max(0.0, min(_MAX_VISIBILITY_SECONDS, seconds))
        with self._database.writing() as connection:
            visible_at = self._database.present() + hidden
            connection.execute(update(messages).where(*_delivery(message)).values(visible_at=visible_at))

    def acknowledge(self, message: Message) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(messages).where(*_delivery(message)))

    def wait(self, seconds: float) -> None:
        self._database.wait(seconds)

    # Looking, and dead letters

    def depth(self) -> dict[str, int]:
        waiting = func.coalesce(func.sum(case((messages.c.visible_at <= self._database.present(), 1), else_=0)), 0)
        with self._database.reading() as connection:
            visible, all_live = connection.execute(select(waiting, func.count()).where(_LIVE)).one()
        return {"waiting": int(visible), "in_flight": int(all_live) - int(visible)}

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        """See ``Queue``. Several may look at once: nothing is held, as a place in the order needs no receiving."""
        ends_at = time.monotonic() + max_seconds
        self._forget_old_dead_letters()
        place = messages.c.dead_at, messages.c.message_id
        last = (0.0, "")
        while max_messages > 0 and time.monotonic() < ends_at:
            page = select(messages).where(_DEAD, tuple_(*place) > last).order_by(*place).limit(min(_PAGE, max_messages))
            with self._database.reading() as connection:
                found = connection.execute(page).all()
            for row in found:
                if time.monotonic() >= ends_at:
                    return
                yield Message(row.message_id, "", row.body, row.receive_count, row.sent_at)
                last = (row.dead_at, row.message_id)
            max_messages -= len(found)
            if len(found) < _PAGE:
                return

    def _forget_old_dead_letters(self) -> None:
        with self._database.writing() as connection:
            before = self._database.present() - _DEAD_KEPT_SECONDS
            connection.execute(delete(messages).where(_DEAD, messages.c.dead_at < before))

    def redrive(self) -> int:
        redriven = 0
        while number := self._redrive_page():
            redriven += number
        return redriven

    def _redrive_page(self) -> int:
        with self._database.writing() as connection:
            page = select(messages.c.message_id).where(_DEAD).order_by(messages.c.dead_at).limit(_PAGE)
            found = connection.execute(page.with_for_update(skip_locked=True)).scalars().all()
            if found:
                now = self._database.present()
                anew = {"receipt": None, "dead_at": None, "receive_count": 0, "sent_at": now, "visible_at": now}
                sent = update(messages).where(messages.c.message_id == bindparam("dead")).values(anew)
                connection.execute(
                    sent.values(message_id=bindparam("id")), [{"dead": dead, "id": _new_id()} for dead in found]
                )
                self._database.wake(connection)
        return len(found)


def _delivery(message: Message) -> tuple[ColumnElement[bool], ...]:
    """The message, if it was not delivered again since."""
    this = messages.c.message_id == message.message_id, messages.c.receipt == message.receipt_handle
    return *this, _LIVE


def _new_id() -> str:
    return uuid.uuid4().hex
