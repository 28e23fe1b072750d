"""Makes jobs and answers for them: what the HTTP API does, free of HTTP.

It never parses a PDF. A job starts when its objects stand in the uploads bucket and by nothing else: the row comes
first, then the objects (or forms that let the caller send exactly those objects), then the message (``arrivals``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller import errors, media, passwords
from pdfsmaller.engine.options import Options
from pdfsmaller.jobs import files as job_files
from pdfsmaller.jobs.keys import input_key, report_key
from pdfsmaller.jobs.model import Job, JobInput, JobResult, is_id, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.operations import DEFAULT, OperationSpec, find
from pdfsmaller.services import arrivals, audit, inbox, intake, turns, uploads
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.outcome import error_json, kept_seconds
from pdfsmaller.services.reuse import Reuse, can_be_reused

if TYPE_CHECKING:
    from pdfsmaller.jobs.callback import Callback
    from pdfsmaller.jobs.model import Multipart
    from pdfsmaller.jobs.objects import Upload
    from pdfsmaller.services.world import World

#: Objects written at a time: a request of many small files would else wait for each one's round trip.
_SENT_AT_ONCE = 8


class SubmitService:
    """Submits jobs, shows them, hands out their results, ends them.

    A job is its caller's. To another it is as unknown as one that never was: nobody learns what somebody else has.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings, self._jobs, self._ends = world.settings, world.jobs, world.ends
        self._storage, self._reuse = world.storage, Reuse(world)

    # Submitting

    def submit_files(
        self,
        files: Sequence[intake.IncomingFile],
        fields: Mapping[str, Any],
        operation: str = DEFAULT.name,
        *,
        caller: Caller = ANYBODY,
        under: str | None = None,
        callback: Callback | None = None,
        reuse: bool = True,
    ) -> list[Job]:
        """One job for all files, or one for each (``OperationSpec.each_alone``), of which several share a batch id.

        Of files that are jobs of their own, one that may not come in is a failed job among the others. Nothing starts
        where none may, or where one job is to take all and one may not.

        Args:
            fields: the operation's options, untrusted.
            operation: its name.
            under: the id (``new_id``) of the job, or of the batch: done again under the same, it goes on where it
                stopped.
            callback: who is told of each job's ends (``webhooks.address.wanted``).
            reuse: whether what the same work of the same owner made before will do (``services.reuse``).

        Raises:
            BadRequest, TooManyFiles, InvalidOption, EmptyFile, FileTooLarge, NotAPdf, NotAnImage, StorageFull,
            RateLimited.
        """
        spec = find(operation)
        options, inputs, refused = self._looked_at(files, fields, spec)
        groups = [[item] for item in inputs] if spec.each_alone else [inputs]
        self.check_room()
        caller.charge(len(groups))
        batch_id = (under or new_id()) if len(groups) > 1 else None
        ids = self._batch_of(batch_id, len(groups)) if batch_id else [under or new_id()]
        jobs = [
            self.new_job(spec, options, group, batch_id, caller, ids[n], callback) for n, group in enumerate(groups)
        ]
        try:
            if reuse:
                hashes = iter([file.sha256 for file in files])
                jobs = [self._reused(job, list(islice(hashes, job.input_count))) for job in jobs]
            keys = [(job, input_key(job.job_id, index)) for job in jobs for index in range(job.input_count)]
            missing = {
                key: file.stream
                for n, ((job, key), file) in enumerate(zip(keys, files, strict=True))
                if n not in refused and job.status is Status.AWAITING_UPLOAD
            }
            self._send(missing, spec.inputs.media_type)
        except Exception:
            for job in jobs:  # nobody hears of them, and what came of their files may be what fills the disk
                with suppress(Exception):
                    self.delete(job.job_id, caller=caller)
            raise
        return [self._failed(job, refused[n]) if n in refused else self.queued(job) for n, job in enumerate(jobs)]

    def _reused(self, job: Job, contents: list[str | None]) -> Job:
        """A new job, which has succeeded already where the same work was done before."""
        known = [content for content in contents if content]
        if job.status is not Status.AWAITING_UPLOAD or len(known) < len(contents) or not can_be_reused(job):
            return job
        return self._reuse.done_before(job, known) or job

    def _batch_of(self, batch_id: str, count: int) -> list[str]:
        """The ids of a batch's jobs; of one that is there already those that it has."""
        ids = [new_id() for _ in range(count)]
        self._jobs.create_batch(batch_id, ids)
        return self._jobs.batch(batch_id) or ids

    def submit_as(self, job_id: str, file: intake.IncomingFile, fields: Mapping[str, Any], operation: str) -> Job:
        """One job of one file, under an id that its caller chose (``new_id``): done again, it goes on where it stopped.

        Raises:
            InvalidOption, EmptyFile, FileTooLarge, NotAPdf, NotAnImage, StorageFull.
        """
        spec = find(operation)
        options, inputs, _ = self._looked_at([file], fields, spec)
        return self.start(spec, options, inputs[0], file.stream, job_id)

    def start(
        self,
        operation: OperationSpec,
        options: Options,
        item: JobInput,
        body: IO[bytes],
        job_id: str,
        *,
        caller: Caller = ANYBODY,
    ) -> Job:
        """``submit_as`` for a file that needs no look. Raises StorageFull."""
        self.check_room()
        job = self.new_job(operation, options, [item], None, caller, job_id)
        if job.status is not Status.AWAITING_UPLOAD:
            return job
        self._send({input_key(job_id, 0): body}, operation.inputs.media_type)
        return self.queued(job)

    def _looked_at(
        self, files: Sequence[intake.IncomingFile], fields: Mapping[str, Any], spec: OperationSpec
    ) -> tuple[Options, list[JobInput], intake.Refused]:
        """The options of a request, its files as a job's row names them, and what is wrong with some of them."""
        options = spec.options.parse(fields)
        intake.check_count(len(files), spec.inputs, self._settings.max_files)
        named = [replace(file, name=intake.clean_name(file.name, spec.inputs)) for file in files]
        inputs, refused = intake.measure(named, spec, options, self._settings.max_file_size)
        intake.check_options(options, len(inputs))
        return options, inputs, refused

    def _send(self, objects: Mapping[str, IO[bytes]], media_type: str) -> None:
        def put(item: tuple[str, IO[bytes]]) -> None:
            self._storage.put_file(self._storage.uploads, *item, media_type=media_type)

        if len(objects) <= 1:  # the usual case: no threads for it
            list(map(put, objects.items()))
            return
        with ThreadPoolExecutor(min(_SENT_AT_ONCE, len(objects))) as pool:
            list(pool.map(put, objects.items()))

    def queued(self, job: Job) -> Job:
        """A new job whose files all stand, as it is once it has begun; one that has begun already, as it is."""
        if job.status is not Status.AWAITING_UPLOAD:
            return job
        if self._storage.announces:
            queued = self._jobs.queue(job.job_id, due_in=self._settings.requeue_after_seconds)
        else:
            queued = arrivals.begin(self._world, job.job_id)
        # A worker may have been led to the job already: then there is nothing left to say.
        return queued or self._jobs.get(job.job_id) or job

    def _failed(self, job: Job, reason: errors.PdfSmallerError) -> Job:
        """A new job whose file may not come in."""
        self._ends.fail(job, error_json(reason), kept_seconds=kept_seconds(self._settings))
        return self._jobs.get(job.job_id) or job

    def reserve_upload(
        self,
        request: Mapping[str, Any],
        *,
        caller: Caller = ANYBODY,
        under: str | None = None,
        callback: Callback | None = None,
    ) -> tuple[Job, list[Upload]]:
        """A job that waits for files sent straight to the bucket, and what brings each there, in order.

        Args:
            request: ``operation``, ``options``, and ``files`` (a list of ``{name, size}``), ``count``, or one file's
                ``name`` and ``size`` (bytes); untrusted.
            under: the job's id (``new_id``): done again under the same, it is the same job.
            callback: as for ``submit_files``.

        Raises:
            InvalidOption, TooManyFiles, FileTooLarge, EmptyFile, StorageFull, RateLimited.
        """
        operation, options, files = self._announced(request)
        if intake.is_batch(request, operation):
            field = "files" if "files" in request else "count"
            raise errors.InvalidOption(field, len(files.inputs), [f"1 ({operation.name} takes one file a job)"])
        intake.check_options(options, len(files.inputs))
        self.check_room()
        caller.charge(1)
        job = self._awaiting(operation, options, files.inputs, files.sized, None, caller, under, callback)
        return job, uploads.hand_out(self._storage, [job], self._settings)

    def reserve_batch(
        self,
        request: Mapping[str, Any],
        *,
        caller: Caller = ANYBODY,
        under: str | None = None,
        callback: Callback | None = None,
    ) -> tuple[list[Job], list[Upload | None]]:
        """A batch of jobs, each of which waits for one file sent straight to the bucket, and what brings it there.

        A file that may not come in is a failed job among the others, and nothing brings it.

        Args:
            request: as for ``reserve_upload``, for several files of an operation whose files are jobs of their own.
            under: the batch's id.

        Raises:
            As ``reserve_upload``; FileTooLarge and EmptyFile where no file may come in.
        """
        operation, options, files = self._announced(request)
        intake.check_options(options, 1)
        self.check_room()
        caller.charge(len(files.inputs))
        batch_id = under or new_id()
        jobs = []
        for n, job_id in enumerate(self._batch_of(batch_id, len(files.inputs))):
            refused = files.refused.get(n)
            sized = {0} if n in files.sized and not refused else set()
            job = self._awaiting(operation, options, [files.inputs[n]], sized, batch_id, caller, job_id, callback)
            jobs.append(self._failed(job, refused) if refused else job)
        return jobs, self._brought(jobs)

    def reserved(self, job_id: str, *, caller: Caller = ANYBODY) -> tuple[Job, list[Upload]]:
        """What ``reserve_upload`` made under this id: the job as it stands, and what brings its files from now on.

        Raises:
            JobNotFound.
        """
        job = self.job(job_id, caller=caller)
        return job, uploads.hand_out(self._storage, [job], self._settings)

    def reserved_batch(self, batch_id: str, *, caller: Caller = ANYBODY) -> tuple[list[Job], list[Upload | None]]:
        """The same of ``reserve_batch``."""
        jobs = self.batch(batch_id, caller=caller)
        return jobs, self._brought(jobs)

    def _brought(self, jobs: Sequence[Job]) -> list[Upload | None]:
        """What brings the file of each job of a batch; nothing for one that does not wait for it."""
        waiting = [job if job.status is Status.AWAITING_UPLOAD else None for job in jobs]
        return uploads.hand_out_some(self._storage, waiting, self._settings)

    def _announced(self, request: Mapping[str, Any]) -> tuple[OperationSpec, Options, intake.Declared]:
        """What a request for presigned uploads says, if it makes sense."""
        operation = find(request.get("operation", DEFAULT.name))
        given = request.get("options") or {}
        if not isinstance(given, Mapping):
            raise errors.InvalidOption("options", given, ["an object of option names and values"])
        return operation, operation.options.parse(given), intake.declared(request, operation, self._settings)

    def _awaiting(
        self,
        operation: OperationSpec,
        options: Options,
        inputs: Sequence[JobInput],
        sized: Iterable[int],
        batch_id: str | None,
        caller: Caller,
        under: str | None,
        callback: Callback | None,
    ) -> Job:
        """A new job that waits for its files, with the uploads in parts of those that are large."""
        job_id = under or new_id()
        multiparts = uploads.begin(self._storage, job_id, inputs, sized, operation.inputs.media_type)
        job = self.new_job(operation, options, inputs, batch_id, caller, job_id, callback, multiparts)
        if job.multiparts != multiparts:
            uploads.give_up(self._storage, job_id, multiparts)  # it was there already, with its own
        return job

    def check_room(self) -> None:
        """Refuse a new job where there is no room for its files. Raises StorageFull."""
        if self._storage.is_full():
            raise errors.StorageFull(
                f"The files kept have reached {self._settings.storage_full_percent:g} % of the room there is, so no "
                "new job is taken; those that run finish. Try again later, or delete jobs that are done."
            )

    def new_job(
        self,
        operation: OperationSpec,
        options: Options,
        inputs: Sequence[JobInput],
        batch_id: str | None,
        caller: Caller,
        job_id: str | None = None,
        callback: Callback | None = None,
        multiparts: tuple[Multipart, ...] = (),
    ) -> Job:
        """A job's new row; one that is there already, as it stands."""
        password = options.secret
        now = self._jobs.now()
        job = Job(
            job_id=job_id or new_id(),
            status=Status.AWAITING_UPLOAD,
            stage="awaiting_upload",
            created_at=now,
            updated_at=now,
            due_at=arrivals.first_look_at(self._world, now, in_parts=bool(multiparts)),
            operation=operation.name,
            input_count=len(inputs),
            inputs=tuple(inputs),
            multiparts=multiparts,
            options=options.to_json(asked_for=True),
            password=passwords.seal(password, self._settings.secret_key) if password else None,
            batch_id=batch_id,
            owner=caller.owner,
            trace_id=caller.trace_id,
            callback=callback,
            asker=turns.asker_of(caller, self._settings),
        )
        if not self._jobs.create(job):
            return self._jobs.get(job.job_id) or job
        audit.accepted(job, names=self._settings.audit_file_names)
        return job

    def uploaded(self, job_id: str, *, caller: Caller = ANYBODY) -> Job:
        """Begin a job whose files were sent straight to the bucket, if all of them are there; how it stands then.

        Saying so again changes nothing. Where a message follows each object by itself the job begins without it.

        Raises:
            JobNotFound.
        """
        job = self.job(job_id, caller=caller)
        arrived = job.status is Status.AWAITING_UPLOAD and arrivals.are_there(self._storage, job)
        return self.queued(job) if arrived else job

    # Asking

    def job(self, job_id: str, *, caller: Caller = ANYBODY) -> Job:
        """The caller's job with this id. Raises JobNotFound."""
        job = self._jobs.get(job_id) if is_id(job_id) else None
        if job is None or not caller.may_have(job):
            raise errors.JobNotFound(
                f"There is no job {job_id[:64]!r}. Jobs are forgotten some days after they expire."
            )
        return self.as_it_stands(job)

    def one_or_batch(self, made: str, *, caller: Caller = ANYBODY) -> list[Job]:
        """The job with this id, or the jobs of the batch with it. Raises JobNotFound."""
        if is_id(made) and self._jobs.batch(made):
            return self.batch(made, caller=caller)
        return [self.job(made, caller=caller)]

    def batch(self, batch_id: str, *, caller: Caller = ANYBODY) -> list[Job]:
        """A batch's jobs, in the order of its files. Raises JobNotFound."""
        job_ids = self._jobs.batch(batch_id) if is_id(batch_id) else None
        jobs = self._jobs.get_many(job_ids) if job_ids is not None else None
        if jobs is None or not all(caller.may_have(job) for job in jobs):
            raise errors.JobNotFound(f"There is no batch {batch_id[:64]!r}.")
        return [self.as_it_stands(job) for job in jobs]

    def download(self, job_id: str, *, caller: Caller = ANYBODY) -> JobResult:
        """What stands for all that a job made: the only file, or a ZIP of several.

        Raises:
            JobNotFound, JobNotReady, JobFailed, JobCancelled, JobExpired.
        """
        download = self.finished(job_id, caller=caller).download
        assert download is not None, "a job that has succeeded has made something"
        return download

    def result(self, job_id: str, index: int, *, caller: Caller = ANYBODY) -> JobResult:
        """One of the files that a job made, counted from 0.

        Raises:
            ResultNotFound: it made fewer.
            JobNotFound, JobNotReady, JobFailed, JobCancelled, JobExpired.
        """
        return self.result_of(self.finished(job_id, caller=caller), index)

    def result_of(self, job: Job, index: int) -> JobResult:
        """One of the files that a job made, counted from 0. Raises ResultNotFound where it made fewer."""
        if not 0 <= index < len(job.results):
            raise errors.ResultNotFound(f"Job {job.job_id} has {len(job.results)} results, counted from 0.")
        return job.results[index]

    def finished(self, job_id: str, *, caller: Caller = ANYBODY) -> Job:
        """The caller's job with this id, which has succeeded and whose files are there.

        Raises:
            JobNotFound, JobNotReady, JobFailed, JobCancelled, JobExpired.
        """
        job = self.job(job_id, caller=caller)
        if job.status is Status.SUCCEEDED:
            return job
        if job.status is Status.EXPIRED:
            raise errors.JobExpired(
                f"The files of job {job_id} were deleted, when asked to or {self._settings.max_file_age_hours:g} hours "
                "after it ended. Send the document again."
            )
        if job.status is Status.CANCELLED:
            raise errors.JobCancelled(f"Job {job_id} was cancelled. Send the document again.")
        if job.status is Status.FAILED and job.error:
            raise errors.JobFailed(job.error["code"], job.error["message"])
        raise errors.JobNotReady(
            f"Job {job_id} is {job.status}. Ask for it again in a moment, or wait with Prefer: wait=60."
        )

    def report_of(self, job: Job) -> JobResult:
        """The engine's whole report of a finished job, a JSON file: the job's own JSON has what of it fits into a row.

        Raises:
            JobExpired: it is gone although the row does not know yet.
        """
        key = report_key(job.job_id, job.attempt)
        info = self._storage.head(self._storage.results, key)
        if info is None:
            raise errors.JobExpired("The job's files were deleted. Send the document again.")
        return JobResult("report.json", info.bytes, media.JSON, key)

    def read_result(self, result: JobResult) -> bytes:
        """The result's bytes, for one small enough to hand through.

        Raises:
            JobExpired: the file is gone although the row does not know yet.
        """
        data = self._storage.read(self._storage.results, result.key)
        if data is None:
            raise errors.JobExpired("The job's files were deleted. Send the document again.")
        return data

    def result_url(self, result: JobResult) -> str:
        """A URL, good for ten minutes, from which the store itself hands out the result."""
        return self._storage.download_link(
            result.key, file_name=result.name, media_type=result.media_type, expires_seconds=600
        )

    # Ending

    def cancel(self, job_id: str, *, caller: Caller = ANYBODY) -> Job:
        """End a job that has not ended, and delete its files; the job then. Doing it again changes nothing.

        Raises:
            JobNotFound.
            JobEnded: in another way.
        """
        job = self.job(job_id, caller=caller)
        if not self._ends.cancel(job, kept_seconds=kept_seconds(self._settings)):
            job = self.job(job_id, caller=caller)
            if job.status is not Status.CANCELLED:
                raise errors.JobEnded(
                    f"Job {job_id} is {job.status} already, so there is nothing to cancel. DELETE takes away its files."
                )
        self._delete_files(job)
        return self.job(job_id, caller=caller)

    def delete(self, job_id: str, *, caller: Caller = ANYBODY) -> None:
        """End a job and delete its files; a running one is cancelled. Doing it again changes nothing.

        A dropped file itself stays: it belongs to its owner. What this job laid out for it goes.

        Raises:
            JobNotFound.
        """
        job = self.job(job_id, caller=caller)
        cancelled = self._ends.cancel(job, kept_seconds=kept_seconds(self._settings))
        if not cancelled and job.status is not Status.CANCELLED:
            self._ends.expire(job)
        self._delete_files(job)

    def _delete_files(self, job: Job) -> None:
        job_files.abort_multiparts(self._storage, job)
        job_files.delete_job(self._storage, job.job_id)
        if job.drop:
            inbox.withdraw(self._storage, job, job.drop)

    def as_it_stands(self, job: Job) -> Job:
        """A job past its time is expired, whether cleanup has come by or not."""
        over = job.status.is_final and job.expires_at is not None and job.expires_at <= self._jobs.now()
        return replace(job, status=Status.EXPIRED) if over else job
