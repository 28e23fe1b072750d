"""The same work is done once for each owner: the same files with the same options get the finished result at once.

Whoever has done a job of an owner's (an API key's) notes it under what it was: the operation, its options, the names
and contents of its files, this version. Where the owner sends the same while that job's results are there, the new job
has succeeded as soon as the store has copied them. It is a job of its own, with its own files, its own time and its own
end: nothing that happens to the other touches it.

One owner's work is never looked for under another's name, so neither answers nor their time tell what others have sent.
Work in which a password took part is neither noted nor looked for, and no work without an owner is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from pdfsmaller import __version__
from pdfsmaller.jobs import files
from pdfsmaller.jobs.keys import archive_key, input_key, report_key, result_key
from pdfsmaller.jobs.moves import Success
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.outcome import kept_seconds
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.world import World

logger = get_logger("jobs")

#: Copies made at a time: each costs a round trip.
_AT_ONCE = 8


def can_be_reused(job: Job) -> bool:
    """Whether what a job makes may be handed out to its owner once more; asked before it ends."""
    return job.owner is not None and job.password is None and job.drop is None


def sha256_of(path: Path) -> str:
    """A file's content, as a job's work is noted under."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Reuse:
    """Notes work that was done, and finds it again."""

    def __init__(self, world: World) -> None:
        self._jobs, self._ends, self._storage = world.jobs, world.ends, world.storage
        self._kept = kept_seconds(world.settings)

    def note(self, job: Job, contents: Sequence[str]) -> None:
        """A job has succeeded. It takes the place of an older one of the same work, whose files go earlier.

        Args:
            contents: its files' SHA-256, in their order.
        """
        what = _work(job, contents)
        if older := self._jobs.claimed_by(what):
            self._jobs.unclaim(what, older)
        self._jobs.claim(what, job.job_id, kept_seconds=self._kept)

    def done_before(self, job: Job, contents: Sequence[str]) -> Job | None:
        """A new job, which awaits its files, as it has succeeded with what the same work made before; None where there
        is nothing, and the job has to do it itself.
        """
        found = self._jobs.claimed_by(_work(job, contents))
        done = self._jobs.get(found) if found else None
        if done is None or not self._is_there(done, job):
            return None
        results = tuple(
            replace(item, key=result_key(job.job_id, job.attempt, index)) for index, item in enumerate(done.results)
        )
        copies = {old.key: new.key for old, new in zip(done.results, results, strict=True)}
        copies[report_key(done.job_id, done.attempt)] = report_key(job.job_id, job.attempt)
        assert done.download is not None, "a job that has succeeded has made something"
        download = replace(done.download, key=archive_key(job.job_id, job.attempt)) if len(results) > 1 else results[0]
        copies[done.download.key] = download.key
        if not self._copied(self._storage.results, copies):
            files.delete_attempt(self._storage, job.job_id, job.attempt)
            return None
        made = Success(done.result or {}, results, download, done.warnings)
        succeeded = self._ends.succeed_at_once(job, made, kept_seconds=self._kept)
        if succeeded:
            # Afterwards: the message that may follow each leads a worker to a job that has ended, and to no other work.
            self._copied(
                self._storage.uploads,
                {input_key(done.job_id, n): input_key(job.job_id, n) for n in range(job.input_count)},
            )
        return succeeded

    def _is_there(self, done: Job, job: Job) -> bool:
        over = done.expires_at is None or done.expires_at <= self._jobs.now()
        return done.status is Status.SUCCEEDED and not over and done.owner == job.owner

    def _copied(self, bucket: str, keys: dict[str, str]) -> bool:
        """Whether all of these are copied: none has gone meanwhile."""

        def copy(keys: tuple[str, str]) -> bool:
            return self._storage.copy(bucket, keys[0], bucket, keys[1])

        with ThreadPoolExecutor(min(_AT_ONCE, len(keys))) as pool:
            return all(pool.map(copy, keys.items()))


def _work(job: Job, contents: Sequence[str]) -> str:
    """What a job's work is: what it makes follows from nothing else."""
    named = [[item.name, content] for item, content in zip(job.inputs, contents, strict=True)]
    said = json.dumps([__version__, job.operation, job.options, named], sort_keys=True)
    return f"work\n{job.owner}\n{hashlib.sha256(said.encode()).hexdigest()}"
