"""Jobs and their moves through the states (``states``): each is one conditional change of one row.

Written once, above the ``JobStore`` port. A move that does not apply any more returns None, or raises ``LeaseLost``
where it was an attempt's own; nothing is changed then. The answer to a write can be lost though the write was made:
a move that ends a job leaves its mark on the row (``ended_by``), and one that is refused or unanswered looks whether
the mark is its own. So whoever ended a job knows, and nobody else thinks so.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pdfsmaller.errors import LeaseLost, StoreUnavailable
from pdfsmaller.jobs.callback import ATTEMPTS_KEPT, CallbackAttempt
from pdfsmaller.jobs.change import After, Change, Demands
from pdfsmaller.jobs.rows import Row, results_row, to_job, to_row
from pdfsmaller.jobs.states import SOURCES, Status

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job, JobResult
    from pdfsmaller.jobs.ports import JobStore
    from pdfsmaller.jobs.rows import Place

#: How long a row outlives its job's files, so that a late caller hears "expired" and not "unknown".
ROW_KEPT_SECONDS = 7 * 86_400
#: How long a claim is remembered: longer than a message can live (14 days in the dead-letter queue).
CLAIM_KEPT_SECONDS = 21 * 86_400
#: What the names of a row's marks for inputs that came begin with; the input's number follows.
_ARRIVED = "arrived_"
#: Rows of jobs that never end must not stay for ever either.
UNFINISHED_KEPT_SECONDS = 30 * 86_400
#: Long after the row is forgotten: nobody is to look at it again.
_NEVER_DUE_SECONDS = 10 * ROW_KEPT_SECONDS
#: When somebody should look whether an end was told, should the process that made it have died before it said so.
CALLBACK_LOOK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Success:
    """What an attempt made; the attributes are those of ``Job``."""

    result: dict[str, Any]
    results: tuple[JobResult, ...]
    download: JobResult
    warnings: tuple[dict[str, str], ...] = ()


class Jobs:
    """Every read and write of jobs. Spans of time are in seconds from the store's present."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self.now, self.bell = store.now, store.bell

    # Reading

    def get(self, job_id: str) -> Job | None:
        """The job with this id, or None."""
        row = self._store.get(job_id)
        return to_job(row) if row else None

    def get_many(self, job_ids: Iterable[str]) -> list[Job]:
        """The jobs that exist, in the order asked for."""
        return [to_job(row) for row in self._store.get_many(job_ids)]

    def due(self, status: Status) -> Iterator[Job]:
        """Jobs in a state whose time has come, the longest due first, each as it stands when it is yielded."""
        return map(to_job, self._store.due(status))

    def every(self, status: Status | None = None) -> Iterator[Job]:
        """Every job there is, or every one in a state, in any order; at a cost that grows with them all."""
        return map(to_job, self._store.every(status))

    def count(self, status: Status) -> int:
        """About how many jobs are in a state."""
        return self._store.count(status)

    def owned(self, owner: str, before: Place | None, limit: int) -> list[Job]:
        """An owner's jobs, the newest first; fewer than ``limit`` where there are no more.

        Args:
            before: ``created_at`` and ``job_id`` of the last that is known already; None: from the newest.
        """
        return [to_job(row) for row in self._store.owned(owner, before, limit)]

    # Making

    def create(self, job: Job) -> bool:
        """Write a new row; False where the id is taken."""
        return self._store.create(to_row(job, ttl=job.created_at + UNFINISHED_KEPT_SECONDS))

    def create_batch(self, batch_id: str, job_ids: list[str]) -> None:
        """Remember the jobs of one request with several files."""
        self._store.create_batch(batch_id, job_ids, kept_seconds=UNFINISHED_KEPT_SECONDS)

    def batch(self, batch_id: str) -> list[str] | None:
        """The job ids of a batch, or None where there is no such batch."""
        return self._store.batch(batch_id)

    def claim(self, what: str, job_id: str, *, kept_seconds: float = CLAIM_KEPT_SECONDS) -> str:
        """The job that answers for ``what``: ``job_id`` for the first who asks, the first's for all others."""
        return self._store.claim(what, job_id, kept_seconds=kept_seconds)

    def unclaim(self, what: str, job_id: str) -> None:
        """Let others claim ``what``, if it is this job that answers for it."""
        self._store.unclaim(what, job_id)

    def claimed_by(self, what: str) -> str | None:
        """The job that answers for ``what``, or None where nobody has asked."""
        return self._store.claimed_by(what)

    def forget_old(self) -> int:
        """Remove what may be forgotten, where the store does not do so by itself; how much there was."""
        return self._store.forget_old()

    # Moving on

    def input_arrived(self, job_id: str, index: int) -> int | None:
        """Note that an input of a job came, counted from 0; how many are still to come.

        None where the job does not wait for inputs (any more). Noting one again changes nothing.
        """
        sets = {"updated_at": After(0), f"{_ARRIVED}{index}": True}
        row = self._store.change(job_id, Change(Demands((Status.AWAITING_UPLOAD,)), sets))
        return row["input_count"] - sum(name.startswith(_ARRIVED) for name in row) if row else None

    def queue(self, job_id: str, *, due_in: float) -> Job | None:
        """awaiting_upload → queued: every input has come."""
        sets = {"stage": "queued", "due_at": After(due_in)}
        return self._move(job_id, Status.QUEUED, sets, Demands((Status.AWAITING_UPLOAD,)))

    def start(
        self,
        job_id: str,
        message_id: str,
        lease_seconds: float,
        *,
        last_attempt: int | None = None,
        sent_at: float | None = None,
    ) -> Job | None:
        """Take the lease: → running with the next attempt, if nobody else's lease is alive.

        Args:
            last_attempt: the number of the last attempt that the job may have; None for any number.
            sent_at: when the message was put into the queue, in seconds since the epoch.
        """
        until = After(lease_seconds)
        sets: dict[str, Any] = {"stage": "starting", "progress": 0, "started_at": After(0)}
        sets |= {"lease_until": until, "lease_message": message_id, "due_at": until}
        sets |= {"sent_at": sent_at} if sent_at is not None else {}
        return self._move(
            job_id,
            Status.RUNNING,
            sets,
            Demands(SOURCES[Status.RUNNING], lease_over=True, attempt_below=last_attempt),
            adds={"attempt": 1},
            removes=("pages", "pages_done", "ready_at"),
            lasting=False,
        )

    def renew(
        self,
        job: Job,
        lease_seconds: float,
        *,
        stage: str | None = None,
        progress: int | None = None,
        pages: tuple[int, int] | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Keep the lease alive, and tell how far the work is.

        Args:
            pages: how many are done, of how many.
            seconds_left: an estimate.

        Raises:
            LeaseLost: the job is no longer this attempt's (taken over, or cancelled).
        """
        until = After(lease_seconds)
        sets: dict[str, Any] = {"lease_until": until, "due_at": until}
        sets |= {"stage": stage} if stage is not None else {}
        sets |= {"progress": progress} if progress is not None else {}
        sets |= {"pages_done": pages[0], "pages": pages[1]} if pages is not None else {}
        sets |= {"ready_at": After(seconds_left)} if seconds_left is not None else {}
        _held(job, self._move(job.job_id, Status.RUNNING, sets, _attempt_of(job), lasting=False))

    def check_held(self, job: Job) -> None:
        """Return where the job is still this attempt's, by a read alone. Raises LeaseLost as ``renew`` does."""
        row = self._store.get(job.job_id)
        held = row and row["status"] == Status.RUNNING and row["attempt"] == job.attempt
        _held(job, job if held else None)

    def release(self, job: Job, *, due_in: float, crashed: bool = False) -> Job:
        """running → queued: this attempt failed for a passing reason. Raises LeaseLost as ``renew`` does.

        Args:
            crashed: the reason was the engine's process, which died.
        """
        released = self._move(
            job.job_id,
            Status.QUEUED,
            {"stage": "queued", "progress": 0, "due_at": After(due_in)},
            _attempt_of(job),
            adds={"crashes": 1} if crashed else {},
            removes=("lease_until", "lease_message", "started_at"),
        )
        return _held(job, released)

    def revive(self, job: Job, *, due_in: float) -> Job | None:
        """failed → queued, with as many attempts as at first: its message was redriven, or its owner wants it tried."""
        return self._move(
            job.job_id,
            Status.QUEUED,
            {
                "stage": "queued",
                "progress": 0,
                "crashes": 0,
                "attempts_before_redrive": job.attempt,
                "revived_at": After(0),
                "due_at": After(due_in),
                "ttl": After(UNFINISHED_KEPT_SECONDS),
            },
            Demands((Status.FAILED,), error_code=(job.error or {}).get("code", "")),
            removes=("error", "expires_at", "ended_by", "started_at"),
        )

    def postpone(self, job: Job, due_in: float) -> bool:
        """Have cleanup look again later; False where the job has moved on (or another cleanup was first)."""
        sets = {"due_at": After(due_in)}
        return self._move(job.job_id, job.status, sets, Demands((job.status,), due_at=job.due_at)) is not None

    # Ending. ``services.ends`` is who calls these, so that everybody who waits for an end hears of it.

    def succeed(self, job: Job, done: Success, *, kept_seconds: float) -> Job:
        """running → succeeded. Raises LeaseLost as ``renew`` does."""
        sets = _made(done) | _kept(kept_seconds, job)
        return _held(job, self._end(job.job_id, Status.SUCCEEDED, sets, _attempt_of(job), removes=("password",)))

    def succeed_at_once(self, job: Job, done: Success, *, kept_seconds: float) -> Job | None:
        """awaiting_upload → succeeded, without an attempt: what it should make is there already."""
        sets = _made(done) | _kept(kept_seconds, job) | {"reused": True}
        demands = Demands((Status.AWAITING_UPLOAD,), attempt=job.attempt)
        return self._end(job.job_id, Status.SUCCEEDED, sets, demands, removes=("password",))

    def fail_attempt(self, job: Job, error: dict[str, str], *, kept_seconds: float, keep_password: bool = False) -> Job:
        """running → failed. The password stays where the job may be redriven. Raises LeaseLost as ``renew`` does."""
        sets = {"error": error, "stage": "failed"} | _kept(kept_seconds, job)
        removes = () if keep_password else ("password",)
        return _held(job, self._end(job.job_id, Status.FAILED, sets, _attempt_of(job), removes=removes))

    def fail(self, job: Job, error: dict[str, str], *, kept_seconds: float, keep_password: bool = False) -> Job | None:
        """→ failed for a job that no worker is at, if it stands as it was read.

        The password stays where the job may be redriven.
        """
        sets = {"error": error, "stage": "failed"} | _kept(kept_seconds, job)
        removes = () if keep_password else ("password",)
        demands = Demands(SOURCES[Status.FAILED], due_at=job.due_at)
        return self._end(job.job_id, Status.FAILED, sets, demands, removes=removes)

    def cancel(self, job: Job, *, kept_seconds: float) -> Job | None:
        """→ cancelled, from any state that is not final, however it was when it was read."""
        sets = {"stage": "cancelled"} | _kept(kept_seconds, job)
        demands = Demands(SOURCES[Status.CANCELLED])
        return self._end(job.job_id, Status.CANCELLED, sets, demands, removes=("password",))

    def expire(self, job: Job) -> Job | None:
        """succeeded, failed, cancelled → expired: the files are gone, the row stays a while."""
        due = CALLBACK_LOOK_SECONDS if job.callback else _NEVER_DUE_SECONDS
        sets = {"stage": "expired", "due_at": After(due), "ttl": After(ROW_KEPT_SECONDS)}
        return self._end(job.job_id, Status.EXPIRED, sets, Demands(SOURCES[Status.EXPIRED]), removes=("password",))

    # Telling an end (``jobs.callback``). The job stays as it ended: ``updated_at`` is the time of that.

    def begin_telling(self, job: Job, *, seconds: float) -> Job | None:
        """Take the telling of a job's end upon oneself, for so long; the job then. None where it is somebody else's.

        Whoever has read the same row before is refused.
        """
        row = self._note(job, {"due_at": After(seconds)}, adds={"callback_tries": 1})
        return to_job(row) if row else None

    def told(self, job: Job, attempt: CallbackAttempt | None = None) -> bool:
        """The end of a job (of ``begin_telling``) was told, or is given up; False where the job has moved on.

        Args:
            attempt: what came of it, where there was one more.
        """
        over = job.expires_at if job.expires_at and job.status is not Status.EXPIRED else After(_NEVER_DUE_SECONDS)
        return self._note(job, {"callback_told": job.ended_by, "due_at": over} | _attempts(job, attempt)) is not None

    def tell_later(self, job: Job, attempt: CallbackAttempt, *, seconds: float) -> bool:
        """The end of a job (of ``begin_telling``) is to be told again after so long; False as ``told`` has it."""
        return self._note(job, {"due_at": After(seconds)} | _attempts(job, attempt)) is not None

    def look_later(self, job: Job, *, seconds: float) -> Job | None:
        """Have cleanup look at an ended job again after so long; None where it has moved on, or another was first."""
        row = self._note(job, {"due_at": After(seconds)})
        return to_job(row) if row else None

    def _note(self, job: Job, sets: Mapping[str, Any], *, adds: Mapping[str, int] | None = None) -> Row | None:
        return self._store.change(job.job_id, Change(Demands((job.status,), due_at=job.due_at), sets, adds or {}))

    # How it is done

    def _end(
        self, job_id: str, status: Status, sets: dict[str, Any], demands: Demands, *, removes: tuple[str, ...]
    ) -> Job | None:
        mark = uuid.uuid4().hex
        try:
            removes = (*removes, "callback_tries")  # they are of the end before
            ended = self._move(job_id, status, sets | {"ended_by": mark}, demands, removes=removes)
        except StoreUnavailable:
            if mine := self._ended_by(job_id, mark):
                return mine
            raise
        return ended or self._ended_by(job_id, mark)

    def _ended_by(self, job_id: str, mark: str) -> Job | None:
        row = self._store.get(job_id)
        return to_job(row) if row and row.get("ended_by") == mark else None

    def _move(
        self,
        job_id: str,
        status: Status,
        sets: Mapping[str, Any],
        demands: Demands,
        *,
        adds: Mapping[str, int] | None = None,
        removes: tuple[str, ...] = (),
        lasting: bool = True,
    ) -> Job | None:
        values = {"status": status, "updated_at": After(0)} | dict(sets)
        row = self._store.change(job_id, Change(demands, values, adds or {}, removes, lasting))
        return to_job(row) if row else None


def _attempts(job: Job, attempt: CallbackAttempt | None) -> dict[str, Any]:
    attempts = (*job.callback_attempts, *([attempt] if attempt else ()))[-ATTEMPTS_KEPT:]
    return {"callback_attempts": [asdict(item) for item in attempts]}


def _attempt_of(job: Job) -> Demands:
    return Demands((Status.RUNNING,), attempt=job.attempt)


def _held(job: Job, moved: Job | None) -> Job:
    if moved is None:
        raise LeaseLost(f"Job {job.job_id} is no longer attempt {job.attempt}'s.")
    return moved


def _made(done: Success) -> dict[str, Any]:
    """What success sets."""
    return {
        "result": done.result,
        "results": results_row(done.results),
        "download": asdict(done.download),
        "warnings": done.warnings,
        "stage": "done",
        "progress": 100,
    }


def _kept(seconds: float, job: Job) -> dict[str, Any]:
    """What every end sets: when the files go, and when the row does should cleanup never come."""
    due = min(seconds, CALLBACK_LOOK_SECONDS) if job.callback else seconds
    return {"expires_at": After(seconds), "due_at": After(due), "ttl": After(seconds + ROW_KEPT_SECONDS)}
