"""One watched file's way: it is taken for a job, and what became of that is laid among the results.

A mark (``marks``) says which job a file has before the job is made; what comes afterwards can be done again under that
id; and the mark says that it is done once the result stands. So a process may die at any moment, and the next goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pdfsmaller import errors, sniff
from pdfsmaller.jobs.model import new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.giving_up import was_given_up
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.watch.folder import NO_WRITING, WatchedFolder, Writing
from pdfsmaller.services.watch.marks import Mark, Marks, State
from pdfsmaller.services.watch.results import ResultsFolder, shown
from pdfsmaller.services.watch.wishes import OPTIONS_MAX_BYTES, OPTIONS_SUFFIX, wished
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.world import World

logger = get_logger("watch")


class Taking:
    """Takes files, and settles what became of them."""

    def __init__(self, world: World, folder: WatchedFolder, marks: Marks, results: ResultsFolder) -> None:
        self._submitting = SubmitService(world)
        self._max_bytes = world.settings.max_file_size
        self._folder, self._marks, self._results = folder, marks, results

    def take(self, name: str, writing: Writing, root: int) -> None:
        """Make a job of a file, or tell its owner why there is none. A former writing's job is no longer wanted.

        Args:
            root: the watched folder as it is now (``Listing.root``).

        Raises:
            TransientError, OSError: store or disk are away; ``settle`` goes on from there.
        """
        former = self._marks.get(name)
        if former and former.state is not State.DONE:
            self._delete(former.job_id)
        mark = Mark(name, writing, root, new_id(), State.TAKEN, former.laid if former else ())
        with self._one_alone(mark):
            self._submit(mark)

    def settle(self, mark: Mark, job: Job | None) -> bool:
        """Do what a job's state asks for; whether it asked for anything.

        Args:
            mark: of a file that is not done.
            job: its job as it stands; None where there is none (yet, or any more).

        Raises:
            TransientError, OSError: as for ``take``.
        """
        with self._one_alone(mark):
            return self._settle(mark, job)

    @contextmanager
    def _one_alone(self, mark: Mark) -> Iterator[None]:
        """A file that meets a mistake of ours must not keep all others waiting."""
        try:
            yield
        except (errors.TransientError, OSError):
            raise
        except Exception:
            logger.exception("a mistake", extra={"job_id": mark.job_id, "file": shown(mark.name)})
            self._explain(mark, errors.PdfSmallerError("Something unexpected happened; the log has it."), State.DONE)

    def _settle(self, mark: Mark, job: Job | None) -> bool:
        if job and (not job.status.is_final or (mark.state is State.GIVEN_UP and was_given_up(job))):
            if job.status is not Status.AWAITING_UPLOAD:
                return False
            self._submit(mark)
        elif mark.state is State.GIVEN_UP and (job is None or job.status is Status.EXPIRED):
            self._marks.put(replace(mark, state=State.DONE))  # nobody had it tried again
        elif job is None:
            self._submit(mark)
        elif job.status is Status.SUCCEEDED:
            self._deliver(mark, job)
        elif job.status is Status.EXPIRED or (job.error or {}).get("code") == errors.UploadIncomplete.code:
            self._submit(replace(mark, job_id=new_id()))  # its time ran out while nobody was here
        else:
            self._explain(mark, _reason(job), State.GIVEN_UP if was_given_up(job) else State.DONE)
        return True

    def _submit(self, mark: Mark) -> None:
        """Make the job of a mark, or go on making it, if the file still is what it was."""
        self._marks.put(mark)
        try:
            sniff.check_size(_last(mark.name), mark.writing.size, self._max_bytes)
            file = self._folder.open(mark.name, mark.writing)
            if file is None:
                self._withdraw(mark)
                return
            with file:
                head = file.read(sniff.HEAD_BYTES)
                file.seek(0)
                spec, fields = wished(mark.name, head, self._options(mark.name))
                named = IncomingFile(_last(mark.name), file)
                self._submitting.submit_as(mark.job_id, named, fields, spec.name)
        except (errors.RequestError, errors.DocumentError) as exc:
            self._delete(mark.job_id)
            self._explain(replace(mark, job_id=""), exc, State.DONE)
        else:
            logger.info("watched file taken", extra={"job_id": mark.job_id, "file": shown(mark.name)})

    def _options(self, name: str) -> bytes | None:
        """What is in a file's options file."""
        name += OPTIONS_SUFFIX
        writing = self._folder.writing(name)
        file = self._folder.open(name, writing) if writing else None
        if file is None:
            return None
        with file:
            return file.read(OPTIONS_MAX_BYTES + 1)

    def _deliver(self, mark: Mark, job: Job) -> None:
        if self._is_superseded(mark):
            self._withdraw(mark)
            return
        try:
            laid = self._results.lay(mark.name, job, mark.laid)
        except errors.JobExpired:
            self._submit(replace(mark, job_id=new_id()))
        except errors.ResultNameTaken as exc:
            self._explain(mark, exc, State.DONE)
        else:
            self._marks.put(replace(mark, state=State.DONE, laid=laid))
            logger.info("watched file done", extra={"job_id": mark.job_id, "file": shown(mark.name)})
            self._delete(mark.job_id)  # its owner has the result, and the store need not keep another

    def _explain(self, mark: Mark, error: errors.PdfSmallerError, state: State) -> None:
        if self._is_superseded(mark):
            self._withdraw(mark)
            return
        extra = {"job_id": mark.job_id, "file": shown(mark.name), "code": error.code, "reason": error.message}
        logger.warning("watched file failed", extra=extra)
        try:
            self._results.explain(mark.name, mark.job_id, error, mark.laid)
        except errors.ResultNameTaken as exc:
            logger.warning("the reason has no place", extra=extra | {"reason": exc.message})
        self._marks.put(replace(mark, state=state, laid=()))

    def _is_superseded(self, mark: Mark) -> bool:
        """Whether a newer file has taken the place. One that was taken away has not: what it became is laid."""
        with suppress(errors.DocumentError):
            return self._folder.writing(mark.name) not in (None, mark.writing)
        return False

    def _withdraw(self, mark: Mark) -> None:
        """The file went or was written anew before it was done: it is as though nobody had seen that writing."""
        self._marks.put(replace(mark, writing=NO_WRITING, state=State.DONE))
        self._delete(mark.job_id)

    def _delete(self, job_id: str) -> None:
        """Cleanup deletes what cannot be deleted now."""
        with suppress(errors.JobNotFound, errors.TransientError):
            self._submitting.delete(job_id)


def _reason(job: Job) -> errors.PdfSmallerError:
    """Why a job made nothing, as its row says it."""
    if job.error:
        return errors.JobFailed(job.error["code"], job.error["message"])
    return errors.JobCancelled("The job was cancelled. Write the file again, or touch it, to have it done.")


def _last(name: str) -> str:
    return name.rpartition("/")[2]
