"""One document's way: it is taken for a job, and its result is laid or takes its place.

The ledger says which job an item has before the job is made; what comes afterwards can be done again under that id; and
the ledger says that the item is over once the result stands. So a process may die at any moment, and the next goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pdfsmaller import errors, sniff, workspace
from pdfsmaller.jobs.collections import is_in_store
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import JobInput, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.operations import DEFAULT
from pdfsmaller.services import intake, turns
from pdfsmaller.services.backfill.ledger import Item, Ledger, State
from pdfsmaller.services.backfill.placing import Placing
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.backfill.plan import Plan
    from pdfsmaller.services.world import World

logger = get_logger("backfill")

_CALLER = Caller(None, "", program=turns.BACKFILL)


class Taking:
    """Takes documents, and settles what became of them. Threads may share it, not for the same item.

    Args:
        copies: whether the service's files are in the very store that the source is in.
    """

    def __init__(self, world: World, plan: Plan, ledger: Ledger, *, copies: bool) -> None:
        self._submitting = SubmitService(world)
        self._storage, self._max_bytes = world.storage, world.settings.max_file_size
        self._plan, self._ledger, self._copies = plan, ledger, copies
        self._placing = Placing(world, plan, ledger)

    def take(self, item: Item) -> None:
        """Make a job of an item.

        Raises:
            TransientError, CollectionUnusable, OSError: ``settle`` goes on from there.
        """
        item = self._ledger.take(item, new_id())
        with self._one_alone(item):
            self._submit(item)

    def settle(self, item: Item, job: Job | None) -> bool:
        """Do what an item's job asks for; whether it asked for anything.

        Args:
            job: as it stands; None where there is none (yet, or any more).

        Raises:
            As ``take``.
        """
        if job and not job.status.is_final and job.status is not Status.AWAITING_UPLOAD:
            return False
        with self._one_alone(item):
            self._settle(item, job)
        return True

    @contextmanager
    def _one_alone(self, item: Item) -> Iterator[None]:
        """A document of which something is wrong, or that meets a mistake of ours, does not stop all others."""
        try:
            yield
        except (errors.TransientError, errors.CollectionUnusable, OSError):
            raise
        except (errors.RequestError, errors.DocumentError) as exc:
            self._fail(item, exc.code, exc.message)
        except Exception:
            logger.exception("a mistake", extra={"item": item.item_id})
            self._fail(item, errors.PdfSmallerError.code, "Something unexpected happened; the log has it.")

    def _settle(self, item: Item, job: Job | None) -> None:
        if item.sha256 and self._placing.stands(item):
            self._delete(item)  # its result was laid, and nobody wrote that down any more
        elif job is None or job.status is Status.AWAITING_UPLOAD:
            self._submit(item)
        elif job.status is Status.SUCCEEDED:
            self._place(item, job)
        elif job.status is Status.EXPIRED or (job.error or {}).get("code") == errors.UploadIncomplete.code:
            self.take(item)  # its time ran out while nobody was here
        elif job.error:
            self._fail(item, job.error["code"], job.error["message"])
        else:
            self._fail(item, errors.JobCancelled.code, "The job was cancelled.")

    def _submit(self, item: Item) -> None:
        """Make an item's job, or go on making it, if the document still is what it was."""
        sniff.check_size(_last(item), item.original.bytes, self._max_bytes)
        self._submitting.check_room()
        shown = intake.clean_name(_last(item).encode("utf-8", "replace").decode(), DEFAULT.inputs)
        described = JobInput(shown, item.original.bytes)
        job = self._submitting.new_job(DEFAULT, self._plan.options, [described], None, _CALLER, item.job_id)
        if job.status is Status.AWAITING_UPLOAD and not self._bring(item):
            self._supersede(item)
            return
        self._submitting.queued(job)
        logger.info("taken", extra={"job_id": item.job_id})

    def _bring(self, item: Item) -> bool:
        """Bring a document to where its job finds it; False where it is no longer what it was."""
        source, key = self._plan.source, input_key(item.job_id, 0)
        if self._copies and is_in_store(source):
            return source.copy(item.original, self._storage.uploads, key)
        with workspace.job_folder() as folder:
            if not source.fetch(item.original, folder / "original.pdf"):
                return False
            with (folder / "original.pdf").open("rb") as body:
                self._storage.put_file(self._storage.uploads, key, body, media_type=DEFAULT.inputs.media_type)
        return True

    def _place(self, item: Item, job: Job) -> None:
        try:
            is_current = self._placing.place(item, job)
        except errors.JobExpired:
            self.take(item)
            return
        if is_current:
            self._delete(item)  # its owner has the result, and the store need not keep another
        else:
            self._supersede(item)

    def _supersede(self, item: Item) -> None:
        """A document is no longer what it was: as it is now it is another item.

        Raises:
            InputChanged: it is again what it was.
        """
        now = self._plan.source.look(item.original.name)
        if now == item.original:
            raise errors.InputChanged("The document changed while it was read, and changed back. Have it tried again.")
        self._ledger.superseded(item, now)
        self._delete(item)

    def _fail(self, item: Item, code: str, message: str) -> None:
        logger.info("failed", extra={"job_id": item.job_id, "item": item.item_id, "code": code, "reason": message})
        self._ledger.end(item, State.FAILED, code, message)
        self._delete(item)

    def _delete(self, item: Item) -> None:
        """Cleanup deletes what cannot be deleted now."""
        with suppress(errors.JobNotFound, errors.TransientError):
            self._submitting.delete(item.job_id)


def _last(item: Item) -> str:
    return item.original.name.rpartition("/")[2]
