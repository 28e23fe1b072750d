"""All results of several jobs as one ZIP: a job of its own, so that it is kept, linked and fetched like any result.

Whoever asks for it has the list of what goes in written down, as the job's only input (``Manifest``): results are
never changed, so the list says all, and the worker needs nothing but the results bucket. It copies bytes and opens no
document, so it does so itself, without an engine's process.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pdfsmaller import errors, media
from pdfsmaller.engine.report import BaseReport, ReportWarning
from pdfsmaller.engine.results import Done, ResultFile
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job, JobInput, new_id
from pdfsmaller.jobs.states import DELETED, Status
from pdfsmaller.operations import ARCHIVE
from pdfsmaller.services import zips
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.results import distinct

if TYPE_CHECKING:
    from pdfsmaller.engine.results import Progress
    from pdfsmaller.jobs.ports import Storage
    from pdfsmaller.limits import Limits
    from pdfsmaller.services.submit import SubmitService
    from pdfsmaller.services.world import World

#: What the job's only input is called, and with another ending its result.
_NAME = "results"
#: Results on the disk beside the ZIP at a time, fetched together: small ones cost a round trip each.
_AT_ONCE = 8
_ENDED = (Status.FAILED, *DELETED)


class Member(BaseModel):
    """One file that goes in: what it is called there, its size in bytes, and its key in the results bucket."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
    key: str


class LeftOut(BaseModel):
    """A job that nothing goes in of: what its file is called, and why."""

    model_config = ConfigDict(frozen=True)

    name: str
    why: str


class Manifest(BaseModel):
    """What goes into a ZIP.

    Attributes:
        pages: those of all files together.
        kept_until: when the first of the files is deleted, and the ZIP with it; seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True)

    files: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]
    pages: int
    kept_until: float

    @property
    def digest(self) -> str:
        """What tells it from another: what goes in and what does not. Why that does not may change meanwhile."""
        said = [*(item.key for item in self.files), "", *(item.name for item in self.left_out)]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


class ArchiveService:
    """Begins the jobs that make ZIPs."""

    def __init__(self, world: World, submitting: SubmitService) -> None:
        self._jobs, self._limits = world.jobs, world.settings.limits()
        self._submitting = submitting

    def of_batch(self, batch_id: str, *, caller: Caller = ANYBODY) -> Job:
        """The job that makes a ZIP of all that a batch's jobs have made so far.

        Raises:
            JobNotFound, NothingToArchive, LimitExceeded, StorageFull, RateLimited.
        """
        return self._begin(self._submitting.batch(batch_id, caller=caller), caller)

    def of_jobs(self, job_ids: Any, *, caller: Caller = ANYBODY) -> Job:
        """The same of any jobs of the caller's.

        Args:
            job_ids: untrusted.

        Raises:
            InvalidOption, JobNotFound, NothingToArchive, LimitExceeded, StorageFull, RateLimited.
        """
        most = self._limits.max_parts
        if not isinstance(job_ids, list) or not all(isinstance(item, str) for item in job_ids) or not job_ids:
            raise errors.InvalidOption("jobs", job_ids, ["a list of job ids"])
        if len(job_ids) > most:
            raise errors.InvalidOption("jobs", f"{len(job_ids):,} of them", [f"at most {most:,} job ids"])
        return self._begin([self._submitting.job(item, caller=caller) for item in dict.fromkeys(job_ids)], caller)

    def _begin(self, jobs: Sequence[Job], caller: Caller) -> Job:
        """The job for what these have made; the same one as long as it is there and nothing has been added."""
        manifest = self._manifest(jobs)
        body = manifest.model_dump_json().encode()
        what = f"{ARCHIVE.name}\n{caller.owner or ''}\n{manifest.digest}"
        for number in count():  # until one that has not gone meanwhile
            job_id = self._jobs.claim(f"{what}\n{number}", new_id())
            job = self._jobs.get(job_id)
            over = job is not None and job.expires_at is not None and job.expires_at <= self._jobs.now()
            if job is None or not (over or job.status in _ENDED):
                if job is None:
                    self._submitting.check_room()
                    caller.charge(1)
                item = JobInput(f"{_NAME}.json", len(body))
                return self._submitting.start(ARCHIVE, ARCHIVE.options(), item, io.BytesIO(body), job_id, caller=caller)
        raise AssertionError("there is always another number")

    def _manifest(self, jobs: Sequence[Job]) -> Manifest:
        done = [job for job in jobs if job.status is Status.SUCCEEDED]
        results = [result for job in done for result in job.results]
        left_out = tuple(LeftOut(name=_name(job), why=_why(job)) for job in jobs if job.status is not Status.SUCCEEDED)
        if not results:
            raise errors.NothingToArchive(
                f"None of the {len(jobs):,} jobs has a result: the first, {left_out[0].name}, is left out because "
                f"{left_out[0].why}. Ask again once one has succeeded."
            )
        _check_bounds(len(results), sum(result.bytes for result in results), self._limits)
        names = distinct([result.name for result in results])
        return Manifest(
            files=tuple(
                Member(name=name, bytes=result.bytes, key=result.key)
                for name, result in zip(names, results, strict=True)
            ),
            left_out=left_out,
            pages=sum((job.result or {}).get("report", {}).get("pages", 0) for job in done),
            kept_until=min(job.expires_at for job in done if job.expires_at is not None),
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A ZIP, and when it has to go, in seconds since the epoch."""

    done: Done[BaseReport]
    kept_until: float


def make(storage: Storage, job: Job, folder: Path, limits: Limits, progress: Progress) -> Made:
    """Make the ZIP that a job of ``ARCHIVE`` is for.

    Args:
        folder: the job's own. It holds the ZIP, and a few results at a time.
        progress: what it raises ends the work.

    Raises:
        UploadIncomplete: the list of what goes in is gone.
        NothingToArchive: all that was to go in was deleted meanwhile.
        LimitExceeded: it takes longer than ``hard_seconds``, or is over what results may have.
    """
    begun = time.monotonic()
    body = storage.read(storage.uploads, input_key(job.job_id, 0))
    if body is None:
        raise errors.UploadIncomplete("The list of what goes into the ZIP was deleted. Ask for it again.")
    manifest = Manifest.model_validate_json(body)
    total = sum(member.bytes for member in manifest.files)
    _check_bounds(len(manifest.files), total, limits)
    left_out = list(manifest.left_out)
    copied = 0

    def entries() -> Iterator[tuple[str, Path]]:
        nonlocal copied
        for member, path in _fetched(storage, manifest.files, folder):
            if time.monotonic() - begun > (most := limits.hard_seconds):
                raise errors.LimitExceeded(
                    "hard_seconds", most, f"The ZIP took longer than the {most:g} seconds allowed. Ask for fewer jobs."
                )
            progress("archive", 100 * copied // max(1, total))
            if path is None:
                left_out.append(LeftOut(name=member.name, why="its file was deleted meanwhile"))
                continue
            copied += path.stat().st_size
            yield member.name, path
            path.unlink()

    target = folder / f"{_NAME}.zip"
    with target.open("w+b") as file:
        size = zips.write(file, entries(), job.created_at)
    if not copied and left_out:
        raise errors.NothingToArchive("All that was to go into the ZIP was deleted meanwhile. Nothing is left to send.")
    report = BaseReport(
        input_bytes=copied,
        output_bytes=size,
        outcome="archived",
        pages=manifest.pages,
        warnings=[ReportWarning(code="left_out", message=f"{item.name} is left out: {item.why}.") for item in left_out],
        seconds={"total": round(time.monotonic() - begun, 3)},
    )
    return Made(Done(report, (ResultFile(target, target.name, media.ZIP),)), manifest.kept_until)


def _fetched(storage: Storage, members: Sequence[Member], folder: Path) -> Iterator[tuple[Member, Path | None]]:
    """Each file on the disk, in their order; None for one that is no longer there."""

    def bring(number: int) -> Path | None:
        path = folder / f"member-{number}"
        return path if storage.download(storage.results, members[number].key, path) else None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(members), _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, len(members)))
            yield from zip((members[number] for number in some), pool.map(bring, some), strict=True)


def _check_bounds(number: int, size: int, limits: Limits) -> None:
    """A ZIP is bounded as the parts are that one document is cut into."""
    if number > limits.max_parts:
        raise errors.LimitExceeded(
            "max_parts",
            limits.max_parts,
            f"The jobs made {number:,} files; a ZIP holds at most {limits.max_parts:,}. Ask for fewer jobs at once.",
        )
    if size > limits.max_results_bytes:
        most = limits.max_results_bytes
        raise errors.LimitExceeded(
            "max_results_bytes",
            most,
            f"The results have {size:,} bytes together; a ZIP holds at most {most:,}. Ask for fewer jobs at once.",
        )


def _name(job: Job) -> str:
    return job.inputs[0].name if job.inputs else f"job {job.job_id}"


def _why(job: Job) -> str:
    """Why a job has no result to give."""
    if job.status is Status.FAILED and job.error:
        return f"its job failed ({job.error['code']})"
    if job.status in DELETED:
        return "its files were deleted"
    return f"its job is {job.status.replace('_', ' ')}"
