"""The ports: what jobs need of a store of rows, a queue and a storage of files, whatever these are made of.

``tests/contracts`` holds every adapter to what is promised here, and services rely on nothing else: not on a row and a
message being written in one transaction (``World.together`` does so where it can), nor on anything happening once.

Every method of every port may raise ``errors.StoreUnavailable``: what is behind it is away, or does not answer in
time. A write may then have been made all the same, its answer lost: who makes it once more, or an adapter that does so
by itself, may be refused by its own first write. Writes that matter are conditional for that reason, and the others
can be made twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol, TypeGuard

from pdfsmaller.events import ObjectCreated
from pdfsmaller.jobs.bells import Bell
from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.messages import Backlog, Message
from pdfsmaller.jobs.objects import FormGrant, ObjectInfo, PartGrant, PartInfo, ServedFile, UploadForm
from pdfsmaller.jobs.rows import Place, Row
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.workers import WorkerInfo


class JobStore(Protocol):
    """Rows of jobs (``jobs.rows``), each under its ``job_id``; batches; claims.

    One row at a time is written, all of it or nothing, and whoever reads it afterwards, from anywhere, sees it so.
    Names of jobs, batches and claims are apart: no job is found under a batch's.
    """

    def now(self) -> float:
        """The present by the clock that counts for rows, in seconds since the epoch.

        It is the store's own where it has one, so that all hosts agree on what is over. With a store that has none
        (DynamoDB) it is the host's: hosts then disagree by as much as their clocks do. A lease is longer than several
        heartbeats and skew together, and whoever is overtaken all the same is refused by ``attempt``.
        """
        ...

    def bell(self) -> Bell:
        """One that is rung once an end of a job (a change of its status to a final one) stands, if that can be told."""
        ...

    def create(self, row: Row) -> bool:
        """Write a new row; False where its ``job_id`` is taken, and nothing is written then."""
        ...

    def get(self, job_id: str) -> Row | None:
        """The row with this id, or None."""
        ...

    def get_many(self, job_ids: Iterable[str]) -> list[Row]:
        """The rows that exist, in the order asked for."""
        ...

    def change(self, job_id: str, change: Change) -> Row | None:
        """Make a change in one step; the row after it. None, and nothing changed, where the row is not as demanded.

        ``After`` and ``lease_over`` go by the clock of ``now``. Of any number of callers at once whose demands one
        change ends, one succeeds.
        """
        ...

    def due(self, status: Status) -> Iterator[Row]:
        """The rows in a state whose ``due_at`` has come, the longest due first.

        Each is as it stands when it is yielded: one that has moved on since the search began is left out. One that
        came due just now may be found by a later search only.
        """
        ...

    def every(self, status: Status | None = None) -> Iterator[Row]:
        """Every row there is, or every one in a state, in any order: for operators, at a cost that grows with them all.

        Of rows that are made or changed meanwhile any may be left out.
        """
        ...

    def count(self, status: Status) -> int:
        """About how many rows are in a state; at a cost that may grow with their number."""
        ...

    def owned(self, owner: str, before: Place | None, limit: int) -> list[Row]:
        """The rows with this ``owner``, the newest first; fewer than ``limit`` where there are no more.

        Args:
            before: where the last one stood that is known already: those behind it are wanted. None: from the newest.

        Each is as it stands now. Of rows made at the same time any may come first, always the same. One made just now
        may be found a little later only.
        """
        ...

    def claim(self, what: str, job_id: str, *, kept_seconds: float) -> str:
        """The job that answers for ``what``: ``job_id`` for the first who asks, the first's for all others.

        Args:
            what: any text, of any length.
            job_id: its id, or whatever else stands for it, in at most 64 characters.
            kept_seconds: how long the store must remember it; afterwards it may forget.
        """
        ...

    def unclaim(self, what: str, job_id: str) -> None:
        """Let others claim ``what``, if it is this job that answers for it."""
        ...

    def claimed_by(self, what: str) -> str | None:
        """The job that answers for ``what``, or None where nobody has asked."""
        ...

    def create_batch(self, batch_id: str, job_ids: list[str], *, kept_seconds: float) -> None:
        """Remember the jobs of a batch, in their order."""
        ...

    def batch(self, batch_id: str) -> list[str] | None:
        """The job ids of a batch, or None where there is no such batch."""
        ...

    def forget_old(self) -> int:
        """Remove the rows, claims and batches that may be forgotten; how many there were.

        A store that does so by itself (DynamoDB, within days) has nothing to do.
        """
        ...


class Messages(Protocol):
    """A queue of messages of any text.

    Whoever receives (Lambda from SQS, a process's own loop elsewhere), these hold: A message is delivered at least
    once, perhaps twice, in any order. While it is being worked on nobody else gets it, for the queue's visibility
    timeout; it comes again then unless it was acknowledged, with ``receive_count`` one higher. One that was received so
    often as the queue allows without being acknowledged goes to the dead letters, where it stays for 14 days unless an
    operator redrives it: it is then sent anew, with a new ``sent_at`` and counting from 1.
    """

    def send(self, body: str, asker: str = "") -> None:
        """Put a message of this text into the queue.

        Args:
            asker: whom it is for, for a queue that lets askers take turns by itself.
        """
        ...

    def retry_in(self, message: Message, seconds: float) -> None:
        """Let a received message come again after ``seconds`` instead of the queue's own visibility timeout."""
        ...

    def depth(self) -> dict[str, int]:
        """About how many messages wait (``waiting``) and how many are being worked on, or hidden (``in_flight``)."""
        ...

    def backlog(self) -> Backlog:
        """About what is behind: who has waited for longest, and what was given up. A queue may not know either."""
        ...


class Queue(Messages, Protocol):
    """Messages that say which job to run, and those that nobody could do: received MAX_RECEIVE_COUNT times, in vain."""

    def announce(self, created: ObjectCreated, asker: str = "") -> None:
        """Send the event that (re)starts a job.

        Args:
            asker: who asked for the job (``Job.asker``).
        """
        ...

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        """Dead letters, each once with its ``sent_at``, and none taken from there: not even where the reader stops
        half-way.

        There may be any number of them, so looking ends after about ``max_messages`` or ``max_seconds``.

        Args:
            hold_seconds: how long a look may keep a letter from others that look.
        """
        ...

    def redrive(self, message_id: str | None = None) -> int:
        """Send dead letters anew, as an operator does: all, or the one with this id; how many there were."""
        ...

    def delete_dead_letters(self, message_id: str | None = None) -> int:
        """Delete dead letters for good, all or one; how many there were."""
        ...


class PulledMessages(Messages, Protocol):
    """A queue that processes receive from by themselves, where nobody (Lambda) does it for them."""

    def receive(self) -> Message | None:
        """The message whose turn it is, which nobody else gets for the visibility timeout from now; None where none is
        visible, without waiting for one.

        Askers take turns, message by message, however many each has. Of one asker's messages that were never received
        the one that has been visible for longest comes first.

        Who works on it for longer says so by ``retry_in`` in time.
        """
        ...

    def acknowledge(self, message: Message) -> None:
        """Take a received message away for good. One that was delivered again since stays: its newer receiver has it.

        ``retry_in`` too changes nothing then.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Return when a message may have come, after ``seconds`` at the latest: an adapter that cannot tell sleeps."""
        ...


class WorkQueue(Queue, PulledMessages, Protocol):
    """The queue of jobs, where workers receive from it by themselves."""


class Line(Protocol):
    """Who waits for a turn and who has one, by ``Job.asker``, beside a queue that hands out messages as it likes.

    What is told may be some seconds old: who acts by it may be wrong about the order and about nothing else.
    """

    def waiting(self, at_most: int, begin: str = "") -> list[str]:
        """Who has a queued job, each once, at most so many; found at a cost that does not depend on how many jobs there
        are.

        Args:
            begin: those that come after this in their alphabet are looked for first, and then the others.
        """
        ...

    def running(self) -> Counter[str]:
        """How many running jobs who has."""
        ...

    def last_turns(self, askers: Iterable[str]) -> dict[str, float]:
        """When each of these last took a turn, of those who did in the last hours; seconds since the epoch."""
        ...

    def take_turn(self, asker: str) -> None:
        """Note that somebody has a turn now."""
        ...

    def put_back(self, message: Message, seconds: float) -> None:
        """Have a received message come again after ``seconds`` as one that was never received; whoever received it
        acknowledges it then as one that is done. It comes twice should that fail.
        """
        ...


class Workers(Protocol):
    """The workers that receive from a ``WorkQueue``, as they tell of themselves."""

    def seen(self, worker: WorkerInfo) -> None:
        """A sign of life; the first of a worker makes it known."""
        ...

    def gone(self, worker_id: str) -> None:
        """A worker has ended as it should."""
        ...

    def alive(self, within_seconds: float) -> list[WorkerInfo]:
        """Those that were seen in the last so many seconds, by host and process."""
        ...


class Figures(Protocol):
    """Figures of the whole service that are kept, whoever of any number of processes noted them down."""

    def add(self, figures: Iterable[Figure]) -> None:
        """Add to figures, all of these or none; one that there is not yet begins at 0. Nothing is lost where many add
        at once.
        """
        ...

    def set(self, figure: Figure) -> None:
        """Put a figure in place of a former one."""
        ...

    def all(self) -> list[Figure]:
        """Every figure, by name and labels."""
        ...


class Storage(Protocol):
    """Files under keys (``jobs.keys``) in two buckets: what comes in, and what goes out.

    A key is any text of at most 1,024 bytes of UTF-8. An object appears whole or not at all, and whoever reads or lists
    afterwards sees it so. Its entity tag changes whenever its bytes do.
    """

    @property
    def uploads(self) -> str:
        """The bucket of what comes in."""
        ...

    @property
    def results(self) -> str:
        """The bucket of what goes out. No message ever follows an object there: no result is taken for an input."""
        ...

    @property
    def announces(self) -> bool:
        """Whether a message follows each object that is created in the bucket of what comes in, by itself."""
        ...

    @property
    def public_origin(self) -> str:
        """Scheme and host that forms and links lead to; empty where they are paths of this service."""
        ...

    def put_file(
        self,
        bucket: str,
        key: str,
        body: IO[bytes] | bytes,
        *,
        media_type: str,
        metadata: dict[str, str] | None = None,
    ) -> None:
        """Write one object from an open file (streamed) or bytes, in place of a former one.

        Args:
            metadata: names and values of ASCII.
        """
        ...

    def download(self, bucket: str, key: str, target: Path, *, etag: str | None = None) -> bool:
        """Stream an object into ``target``. False where it is gone (or is no longer the one with ``etag``)."""
        ...

    def read(self, bucket: str, key: str, *, first: int | None = None) -> bytes | None:
        """A small object's bytes, or the first so many (at least one) of any; None where it does not exist."""
        ...

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """An object's facts, or None where it does not exist."""
        ...

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key begins with ``prefix``, by their keys' order in UTF-8."""
        ...

    def copy(self, bucket: str, key: str, target_bucket: str, target_key: str) -> bool:
        """Copy an object, with its media type and metadata, in place of a former one; False where it is gone.

        Its bytes do not come by here where the store can do that by itself. What is copied into the bucket of what
        comes in is announced like what is written there.
        """
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Delete one object; one that is not there is no error."""
        ...

    def abort_unfinished(self, bucket: str, before: float) -> Iterator[bool]:
        """Throw away the uploads in parts that were begun before a time (seconds since the epoch) and never ended.

        For each that there is, whether it was one of them.
        """
        ...

    def begin_multipart(self, key: str, *, part_bytes: int, media_type: str) -> str:
        """Begin an upload in parts to a key of the uploads bucket; what the upload is called from then on.

        No object appears, and a former one stays, before ``complete_multipart``.

        Args:
            part_bytes: the size of every part but the last one, which has at most as many; 5 MiB (``PART_MIN_BYTES``)
                or more.
        """
        ...

    def part_link(self, key: str, upload_id: str, number: int, *, size: int, expires_seconds: int) -> str:
        """A URL that takes a part, counted from 1, of exactly ``size`` bytes by PUT, until it expires; more than once
        too, and the last one counts. The answer has the part's entity tag as ``ETag``.
        """
        ...

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo] | None:
        """The parts that have come whole, by their numbers; None where there is no such upload (any more)."""
        ...

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> bool:
        """Make the object of all these parts, which are numbered without a gap, in one step, and end the upload.

        False, and nothing done, where there is no such upload (any more), or a part is no longer as given. A store may
        remember one that has ended so, and say True once more.
        """
        ...

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw away an upload in parts; one that is not there (any more) is no error."""
        ...

    def upload_form(self, key: str, *, max_bytes: int, expires_seconds: int, media_type: str) -> UploadForm:
        """A form that takes exactly one object of the uploads bucket: this key, of 1 to ``max_bytes`` bytes.

        It can be used until it expires, more than once too.
        """
        ...

    def download_link(self, key: str, *, file_name: str, media_type: str, expires_seconds: int) -> str:
        """A URL that downloads an object of the results bucket under a name, in ranges where the client asks for one
        (RFC 9110), until it expires.
        """
        ...

    def used_ratio(self) -> float | None:
        """How much is kept of what may be, from 0 to 1; None where nothing bounds it."""
        ...

    def is_full(self) -> bool:
        """Whether so much is kept that no new job should be taken; those that are there can still end."""
        ...

    def probe(self, bucket: str) -> None:
        """Return if the bucket answers, and raise something if it does not."""
        ...


class ServedStorage(Storage, Protocol):
    """A storage whose forms and links this service itself answers to: they are paths below ``FILES_PATH``."""

    def open_form(self, fields: Mapping[str, str]) -> FormGrant:
        """What a form that came with these fields allows. Whoever takes it in holds the file to that.

        Raises:
            AccessDenied: its time is over, or it is not as it was handed out.
        """
        ...

    def open_part(self, token: str) -> PartGrant:
        """What a part's link with this token allows.

        Raises:
            AccessDenied: its time is over, or it is not as it was handed out.
        """
        ...

    def put_part(self, grant: PartGrant, body: IO[bytes]) -> str:
        """Take in the part that a link allows, in place of a former one; its entity tag.

        Raises:
            WrongPartSize: ``body`` has not exactly the bytes that it should.
            UploadClosed: there is no such upload any more.
        """
        ...

    def open_link(self, token: str) -> ServedFile | None:
        """What a link with this token leads to; None where it is there no more.

        Raises:
            AccessDenied: its time is over, or it is not as it was handed out.
        """
        ...


def is_served(storage: Storage) -> TypeGuard[ServedStorage]:
    """Whether this service itself answers to a storage's forms and links."""
    return hasattr(storage, "open_form")
