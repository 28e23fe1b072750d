"""What the host's restart means for SQLite's database: nobody from before is alive."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.schema import clock, jobs, messages


def remember(connection: Connection, boot: str, difference: float, since_boot: float) -> float:
    """Keep the greatest difference of the clocks in this start of the host (``clock``); it.

    The first time after a restart the clock of the day is begun with anew, and what the host's former workers held is
    let go: by the clock that they went by it could be held for long.
    """
    kept = insert(clock).values(boot=boot, difference=difference)
    kept = kept.on_conflict_do_update(
        index_elements=[clock.c.boot], set_={"difference": func.max(clock.c.difference, kept.excluded.difference)}
    )
    greatest: float = connection.execute(kept.returning(clock.c.difference)).scalar_one()
    if connection.execute(delete(clock).where(clock.c.boot != boot)).rowcount:
        let_go(connection, greatest + since_boot)
    return greatest


def recall(connection: Connection, boot: str) -> float | None:
    """The greatest difference of the clocks in this start of the host; None where it was not looked at yet."""
    return connection.execute(select(clock.c.difference).where(clock.c.boot == boot)).scalar()


def let_go(connection: Connection, now: float) -> None:
    """What workers held is nobody's from ``now`` on: their messages are visible, their leases over."""
    held = messages.c.dead_at.is_(None), messages.c.visible_at > now
    connection.execute(update(messages).where(*held).values(visible_at=now))
    running = select(jobs.c.job_id, jobs.c.content).where(jobs.c.status == Status.RUNNING)
    for job_id, content in connection.execute(running).all():
        row = json.loads(content) | {"lease_until": now, "due_at": now}
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(content=json.dumps(row), due_at=now))
