"""Other options, or another operation, on files that are here already: a new job from inputs and results of others.

The store copies the files by itself, so that a new job costs no upload and outlives those that it was made from. It
begins like any other: row, objects, message. A document's password is erased when its job ends; as long as that one has
not ended, a new job of the same files takes it along, and otherwise it has to be given again.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pdfsmaller import errors, passwords, sniff
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job, JobInput
from pdfsmaller.jobs.states import DELETED, Status
from pdfsmaller.operations import OperationSpec, find
from pdfsmaller.services import inbox, intake
from pdfsmaller.services.caller import ANYBODY, Caller

if TYPE_CHECKING:
    from pdfsmaller.engine.options import Options
    from pdfsmaller.jobs.callback import Callback
    from pdfsmaller.services.submit import SubmitService
    from pdfsmaller.services.world import World

#: What a request may say.
FIELDS = ("operation", "options", "inputs")
#: Files looked at and copied at a time: each costs the store a round trip.
_AT_ONCE = 8
_REFERENCE = "a list of {job_id, input} or {job_id, result}, the numbers counted from 0"


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that is here: where it lies, what it is called, and whose it is."""

    bucket: str
    key: str
    name: str
    job: Job


class AgainService:
    """Makes new jobs from the files of others."""

    def __init__(self, world: World, submitting: SubmitService) -> None:
        self._settings, self._storage = world.settings, world.storage
        self._submitting = submitting

    def again(
        self,
        job_id: str,
        request: Mapping[str, Any],
        *,
        caller: Caller = ANYBODY,
        under: str | None = None,
        callback: Callback | None = None,
    ) -> Job:
        """A new job of the caller's, made from files of jobs of the caller's.

        Args:
            job_id: the job that is done again where ``request`` says nothing else.
            request: ``operation`` (the same), ``options`` (none), and ``inputs`` (all of this job's, in order): a list
                of ``{job_id, input: n}`` and ``{job_id, result: n}``, counted from 0, where ``job_id`` is this job's if
                it is left out; untrusted.
            callback: who is told of the new job's ends (``webhooks.address.wanted``).
            under: the new job's id (``new_id``): done again under the same, it goes on where it stopped.

        Raises:
            JobNotFound, InputNotFound, ResultNotFound: what is referred to is not there, or not the caller's.
            JobNotReady, JobFailed, JobCancelled, JobExpired: it has no such file yet, or no more.
            InvalidOption, TooManyFiles, EmptyFile, FileTooLarge, NotAPdf, NotAnImage, StorageFull, RateLimited: as for
                files that are sent.
        """
        job = self._submitting.job(job_id, caller=caller)
        operation = find(request.get("operation", job.operation))
        given = request.get("options") or {}
        if not isinstance(given, Mapping):
            raise errors.InvalidOption("options", given, ["an object of option names and values"])
        options = operation.options.parse(given)
        sources = self._sources(job, request.get("inputs"), caller)
        self._check_count(operation, len(sources))
        intake.check_options(options, len(sources))
        self._submitting.check_room()
        with ThreadPoolExecutor(min(_AT_ONCE, len(sources))) as pool:
            inputs = list(pool.map(lambda source: self._looked_at(source, operation, options), sources))
        total = sum(item.bytes for item in inputs)
        if total > self._settings.max_request_size:
            raise errors.FileTooLarge(
                f"The files have {total:,} bytes together; MAX_REQUEST_SIZE allows {self._settings.max_request_size:,}."
            )
        options = self._with_password(options, sources)
        caller.charge(1)
        made = self._submitting.new_job(operation, options, inputs, None, caller, under, callback=callback)
        if made.status is not Status.AWAITING_UPLOAD:
            return made
        try:
            self._copy(sources, made.job_id)
        except Exception:
            with suppress(Exception):  # nobody hears of it
                self._submitting.delete(made.job_id, caller=caller)
            raise
        return self._submitting.queued(made)

    # Which files

    def _sources(self, job: Job, inputs: Any, caller: Caller) -> list[_Source]:
        if inputs is None:
            return [self._input(job, index) for index in range(job.input_count)]
        if not isinstance(inputs, list) or not inputs:
            raise errors.InvalidOption("inputs", inputs, [_REFERENCE])
        if len(inputs) > self._settings.max_files:
            raise errors.TooManyFiles(f"{len(inputs)} files for one job; MAX_FILES allows {self._settings.max_files}.")
        found = {job.job_id: job}
        return [self._source(job, item, found, caller) for item in inputs]

    def _source(self, job: Job, item: Any, found: dict[str, Job], caller: Caller) -> _Source:
        """The file that one entry of ``inputs`` refers to; ``found`` are the jobs that others referred to."""
        if not isinstance(item, Mapping) or set(item) - {"job_id"} not in ({"input"}, {"result"}):
            raise errors.InvalidOption("inputs", item, [_REFERENCE])
        job_id, index = item.get("job_id", job.job_id), item.get("input", item.get("result"))
        if not isinstance(job_id, str) or not isinstance(index, int) or isinstance(index, bool):
            raise errors.InvalidOption("inputs", item, [_REFERENCE])
        if "result" in item:
            result = self._submitting.result(job_id, index, caller=caller)
            return _Source(self._storage.results, result.key, result.name, self._found(job_id, found, caller))
        return self._input(self._found(job_id, found, caller), index)

    def _found(self, job_id: str, found: dict[str, Job], caller: Caller) -> Job:
        if job_id not in found:
            found[job_id] = self._submitting.job(job_id, caller=caller)
        return found[job_id]

    def _input(self, job: Job, index: int) -> _Source:
        if not 0 <= index < job.input_count:
            raise errors.InputNotFound(f"Job {job.job_id} has {job.input_count} inputs, counted from 0.")
        if job.status in DELETED:
            raise _gone(job)
        if job.status is Status.AWAITING_UPLOAD:
            raise errors.JobNotReady(f"Job {job.job_id} awaits its files. Send them first.")
        if job.drop and not inbox.is_current(self._storage, job.drop):
            raise _gone(job)
        key = job.drop.key if job.drop else input_key(job.job_id, index)
        return _Source(self._storage.uploads, key, job.inputs[index].name, job)

    def _check_count(self, operation: OperationSpec, count: int) -> None:
        if operation.each_alone and count != 1:
            raise errors.InvalidOption("inputs", f"{count} files", [f"1 ({operation.name} takes one file a job)"])

    def _looked_at(self, source: _Source, operation: OperationSpec, options: Options) -> JobInput:
        """A file as a new job's row names it, if it may come in."""
        kind, name = operation.inputs, intake.clean_name(source.name, operation.inputs)
        info = self._storage.head(source.bucket, source.key)
        head = self._storage.read(source.bucket, source.key, first=sniff.HEAD_BYTES) if info else None
        if info is None or head is None:
            raise _gone(source.job)
        if options.leaves_out:  # what it is the engine looks at
            sniff.check_size(name, info.bytes, self._settings.max_file_size, kind.too_large)
        else:
            kind.check(name, info.bytes, head, self._settings.max_file_size)
        return JobInput(name, info.bytes)

    # Making it

    def _with_password(self, options: Options, sources: list[_Source]) -> Options:
        """The options, with the password that is still on the row of the one job whose files these are."""
        sealed = sources[0].job.password
        one = all(source.job.job_id == sources[0].job.job_id for source in sources)
        if not one or not sealed or options.secret or "password" not in options.names():
            return options
        password = passwords.unseal(sealed, self._settings.secret_key)
        return options.with_password(password)

    def _copy(self, sources: list[_Source], job_id: str) -> None:
        """Raises JobExpired where a file went meanwhile."""

        def copy(item: tuple[int, _Source]) -> None:
            index, source = item
            target = input_key(job_id, index)
            if not self._storage.copy(source.bucket, source.key, self._storage.uploads, target):
                raise _gone(source.job)

        with ThreadPoolExecutor(min(_AT_ONCE, len(sources))) as pool:
            list(pool.map(copy, enumerate(sources)))


def _gone(job: Job) -> errors.PdfSmallerError:
    if job.status is Status.CANCELLED:
        return errors.JobCancelled(f"Job {job.job_id} was cancelled, and its files went with it. Send them again.")
    return errors.JobExpired(f"The files of job {job.job_id} are there no more. Send them again.")
