"""The job as the functions know it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from pdfsmaller.jobs.callback import Callback, CallbackAttempt
from pdfsmaller.jobs.states import Status

_ID = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    """A random id of 122 bits, which nobody guesses: knowing it is the right to see the job."""
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    """Whether ``new_id`` could have made this: anything else need not be looked for."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class JobInput:
    """One input file: the user's name for it (only ever shown, never a key) and its size in bytes."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Multipart:
    """An input that comes in parts: which one, counted from 0, what its upload is called in the store, and the size of
    every part but the last, in bytes.
    """

    index: int
    upload_id: str
    part_bytes: int


@dataclass(frozen=True, slots=True)
class JobResult:
    """One file that a job made: what to call it, its size in bytes, its media type, and its key in the results bucket,
    which is nobody's business outside.
    """

    name: str
    bytes: int
    media_type: str
    key: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Where a dropped file lies: bucket, key, which writing of that key it was, and its entity tag then."""

    bucket: str
    key: str
    version: str
    etag: str = ""

    @property
    def identity(self) -> str:
        """One text for one writing of one key, by which a repeated event is known."""
        return "\n".join((self.bucket, self.key, self.version))


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the job table.

    Times are seconds since the epoch. ``due_at`` is when cleanup should look at the job in its present state,
    ``expires_at`` when its files go. ``progress`` is how much of the work's time is behind, 0–100, ``ready_at`` when
    the rest may be done, and ``pages_done`` of ``pages`` are told where they are counted. ``attempt`` counts the runs
    begun; every write of a run is conditional on it. ``crashes`` counts those in which the engine's process died.
    ``attempts_before_redrive`` are those that no longer count, since an operator redrove the job's message, or its
    owner had the job tried again: at ``revived_at``. ``started_at`` is when the present attempt began, or the one that
    ended the job, and ``sent_at`` when the message was put into the queue that it answers to. ``result`` says of a
    finished job what became of it: ``bytes`` of all results together, ``ratio``, ``outcome`` and the engine's
    ``report``. ``results`` are the files, in order, and ``download`` is what stands for all of them: the only file, or
    a ZIP of several. ``owner`` is the id of the API key that it was sent with; None where there was none. ``trace_id``
    is that of the request that it came by (W3C Trace Context). ``asker`` is who takes turns with others for a worker
    (``services.turns``), and is nobody's business outside.

    ``reused`` says that nothing was done for the job: its results are copies of what the same work made before.
    ``ended_by`` is the mark of the write that ended the job. ``callback`` is who hears of its ends (``jobs.callback``):
    ``callback_tries`` attempts to tell the present one were begun, ``callback_attempts`` are the last that are over,
    and ``callback_told`` is the mark of the last end that was told or given up.
    """

    job_id: str
    status: Status
    created_at: float
    updated_at: float
    due_at: float
    operation: str = "compress"
    stage: str = ""
    progress: int = 0
    pages: int | None = None
    pages_done: int | None = None
    ready_at: float | None = None
    attempt: int = 0
    crashes: int = 0
    attempts_before_redrive: int = 0
    revived_at: float | None = None
    sent_at: float | None = None
    started_at: float | None = None
    input_count: int = 1
    inputs: tuple[JobInput, ...] = ()
    multiparts: tuple[Multipart, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    password: str | None = None
    batch_id: str | None = None
    owner: str | None = None
    trace_id: str | None = None
    asker: str | None = None
    drop: Drop | None = None
    expires_at: float | None = None
    lease_until: float | None = None
    lease_message: str | None = None
    result: dict[str, Any] | None = None
    results: tuple[JobResult, ...] = ()
    download: JobResult | None = None
    warnings: tuple[dict[str, str], ...] = ()
    error: dict[str, str] | None = None
    reused: bool = False
    ended_by: str | None = None
    callback: Callback | None = None
    callback_tries: int = 0
    callback_attempts: tuple[CallbackAttempt, ...] = ()
    callback_told: str | None = None
