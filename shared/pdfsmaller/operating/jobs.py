"""``pdfsmaller admin jobs``, ``redrive`` and ``purge``: all callers' jobs, as only their operator sees them."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsmaller import events
from pdfsmaller.errors import InvalidOption, JobNotFound
from pdfsmaller.jobs.keys import job_of_input, job_prefix
from pdfsmaller.jobs.rows import plain
from pdfsmaller.jobs.states import Status
from pdfsmaller.operating.place import place
from pdfsmaller.operations import OPERATIONS
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.submit import SubmitService

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Queue
    from pdfsmaller.services.world import World

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIMES = ("90m", "24h", "7d", "2026-01-31", "2026-01-31T12:00:00Z")
#: States of jobs that may still have files.
_WITH_FILES = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs to list: all that is given must hold.

    Attributes:
        statuses: one of these; none given: any.
        owner: the id of an API key; an empty text: those sent without one.
        operation: such as ``compress``.
        since: made later: a span before now (``24h``) or a time.
        code: failed with this code.
    """

    statuses: Sequence[str] = ()
    owner: str | None = None
    operation: str | None = None
    since: str | None = None
    code: str | None = None


def listed(wanted: Wanted, *, limit: int, before: str | None, data: Path | None) -> list[Job]:
    """Jobs, the newest first. All that there are are looked at.

    Args:
        limit: so many at most.
        before: the id of the last one of the page before; None: from the newest.
        data: the folder of a ``serve``; None where the environment names the store.

    Raises:
        InvalidOption: there is no such state, operation or time.
        JobNotFound: ``before`` is none.
        CannotServe, StoreUnavailable.
    """
    statuses = [_one_of("status", status, list(Status)) for status in wanted.statuses]
    if wanted.operation:
        _one_of("operation", wanted.operation, list(OPERATIONS))
    world = place(data).ready()
    after = _time("since", wanted.since, world.jobs.now()) if wanted.since else 0.0
    place_of_last = _age(_job(world, before)) if before else None

    def is_wanted(job: Job) -> bool:
        return (
            (wanted.owner is None or wanted.owner == (job.owner or ""))
            and wanted.operation in (None, job.operation)
            and job.created_at >= after
            and (wanted.code is None or wanted.code == (job.error or {}).get("code"))
            and (place_of_last is None or _age(job) < place_of_last)
        )

    return heapq.nlargest(limit, filter(is_wanted, _every(world, statuses)), key=_age)


def shown(job_id: str, *, data: Path | None) -> dict[str, Any]:
    """All that is known of a job: its row, without its secrets, its files, and whether its message is a dead letter.
    ``data`` and errors as for ``listed``.
    """
    here = place(data)
    world = here.ready()
    job = _job(world, job_id)
    row: dict[str, Any] = plain(asdict(job))
    row["password"] = job.password is not None
    row["callback"] = job.callback is not None  # its address may hold a secret
    storage = world.storage
    row["files"] = [
        {"bucket": bucket, "key": found.key, "bytes": found.bytes}
        for bucket in (storage.uploads, storage.results)
        for found in storage.list(bucket, job_prefix(job_id))
    ]
    row["dead_letter"] = next(_letters(world.queue, job_id), None) if here.knows_queues else None
    return row


def redrive(job_id: str | None, *, data: Path | None) -> int:
    """Send dead letters anew: all, or those of one job; how many there were. ``data`` and errors as for ``listed``.

    Raises:
        JobNotFound: no dead letter is that job's.
    """
    queue = place(data).queue()
    if job_id is None:
        return queue.redrive()
    if not (letters := list(_letters(queue, job_id))):
        raise JobNotFound(
            f"No dead letter is of a job {job_id[:64]!r}. `pdfsmaller admin status` says how many there are."
        )
    return sum(queue.redrive(letter) for letter in letters)


def purge_job(job_id: str, *, data: Path | None) -> None:
    """End a job, if it has not ended, and delete its files. ``data`` and errors as for ``listed``."""
    world = place(data).ready()
    _delete(world, _job(world, job_id))


def purge_ended(before: str, *, data: Path | None, really: bool) -> int:
    """Delete the files of jobs that ended before a time; how many jobs. ``data`` and errors as for ``listed``.

    Args:
        before: a span before now (``24h``) or a time.
        really: False counts them, and deletes nothing.
    """
    world = place(data).ready()
    until, purged = _time("ended_before", before, world.jobs.now()), 0
    for job in _every(world, _WITH_FILES):
        if job.updated_at < until:
            purged += 1
            if really:
                _delete(world, job)
    return purged


def purge_dead_letters(*, data: Path | None, really: bool) -> int:
    """Delete all dead letters; how many. Their jobs stay failed, and cannot be redriven. As for ``purge_ended``."""
    queue = place(data).queue()
    return queue.delete_dead_letters() if really else sum(1 for _ in queue.peek_dead_letters())


def _every(world: World, statuses: Iterable[Status]) -> Iterator[Job]:
    for status in dict.fromkeys(statuses) or (None,):
        yield from world.jobs.every(status)


def _delete(world: World, job: Job) -> None:
    SubmitService(world).delete(job.job_id, caller=Caller(job.owner, ""))


def _letters(queue: Queue, job_id: str) -> Iterator[str]:
    """The ids of dead letters that lead to a job."""
    for message in queue.peek_dead_letters():
        try:
            created = events.parse(message.body)
        except events.MalformedEvent:
            continue
        if any(job_of_input(item.key) == job_id for item in created):
            yield message.message_id


def _job(world: World, job_id: str) -> Job:
    if job := world.jobs.get(job_id):
        return job
    raise JobNotFound(f"There is no job {job_id[:64]!r}. `pdfsmaller admin jobs` lists those that there are.")


def _age(job: Job) -> tuple[float, str]:
    return job.created_at, job.job_id


def _one_of(field: str, value: str, allowed: Sequence[str]) -> Any:
    if value not in allowed:
        raise InvalidOption(field, value, allowed)
    return allowed[list(allowed).index(value)]


def _time(field: str, text: str, now: float) -> float:
    """The time that a text says, in seconds since the epoch: so long before now, or a date, in UTC if it says no other.

    Raises:
        InvalidOption.
    """
    if span := _SPAN.fullmatch(text):
        return now - int(span[1]) * _UNIT_SECONDS[span[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidOption(field, text, _TIMES) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
