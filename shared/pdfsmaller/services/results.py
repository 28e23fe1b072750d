"""The files that a job made: what they are called, and how they come into the results bucket."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from pdfsmaller import media
from pdfsmaller.jobs.keys import archive_key, report_key, result_key
from pdfsmaller.jobs.model import JobResult
from pdfsmaller.jobs.moves import Success
from pdfsmaller.services import zips
from pdfsmaller.services.inbox import mark
from pdfsmaller.services.outcome import result_json, warnings_json

if TYPE_CHECKING:
    from pdfsmaller.engine.report import BaseReport
    from pdfsmaller.engine.results import Done, ResultFile
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Storage

#: Files written at a time: small ones cost a round trip each.
_AT_ONCE = 8
#: What the names of all results together may have in a row, in bytes: it holds 400 KB, and the rest needs the rest.
_NAMES_MAX_BYTES = 110_000
#: What file systems allow one name.
_NAME_MAX_BYTES = 255
#: Signs that a file's name cannot have on one system or another.
_FORBIDDEN = re.compile(r'[<>:"|?*]')


def store(storage: Storage, job: Job, done: Done[BaseReport], folder: Path) -> Success:
    """Write the report, the results and, of several, a ZIP of all, under this attempt's own keys.

    Args:
        folder: the job's own, where the ZIP is made.
    """
    facts = done.report.to_json()
    written = json.dumps(facts).encode()
    storage.put_file(storage.results, report_key(job.job_id, job.attempt), written, media_type=media.JSON)
    named = zip(names([file.name for file in done.files]), done.files, strict=True)
    results = tuple(
        JobResult(name, file.path.stat().st_size, file.media_type, result_key(job.job_id, job.attempt, index))
        for index, (name, file) in enumerate(named)
    )

    def put(result: JobResult, body: IO[bytes]) -> None:
        metadata = mark(job) | {
            "outcome": done.report.outcome,
            "input-bytes": str(done.report.input_bytes),
            "output-bytes": str(result.bytes),
        }
        storage.put_file(storage.results, result.key, body, media_type=result.media_type, metadata=metadata)

    def put_file(result: JobResult, file: ResultFile) -> None:
        with file.path.open("rb") as body:
            put(result, body)

    if len(results) == 1:  # the usual case: no thread for it
        put_file(results[0], done.files[0])
    else:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(put_file, results, done.files))
    download = results[0]
    if len(results) > 1:
        # By a name that nothing can stand under: the engine's process, which wrote here, is not to be trusted.
        with tempfile.TemporaryFile(dir=folder) as archive:
            named_paths = [(result.name, file.path) for result, file in zip(results, done.files, strict=True)]
            size = zips.write(archive, named_paths, job.created_at)
            download = JobResult(_archive_name(job), size, media.ZIP, archive_key(job.job_id, job.attempt))
            put(download, archive)
    return Success(result_json(done.report, facts), results, download, warnings_json(done.report))


def names(wanted: Sequence[str]) -> list[str]:
    """What results are called: names for any file system, no two alike, that fit into a row together.

    The only result keeps its name but for folders and what cannot be shown.
    """
    return [_shown(wanted[0])[:_NAME_MAX_BYTES] or "result"] if len(wanted) == 1 else distinct(wanted)


def distinct(wanted: Sequence[str]) -> list[str]:
    """Names for any file system, no two alike, that fit into a row together, or into a ZIP."""
    most = min(_NAME_MAX_BYTES, _NAMES_MAX_BYTES // max(1, len(wanted)))
    taken: set[str] = set()
    return [_unlike(_FORBIDDEN.sub("_", _shown(name)).strip(". ") or "result", most, taken) for name in wanted]


def _shown(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable()).strip()


def _unlike(name: str, most: int, taken: set[str]) -> str:
    """``name``, cut to ``most`` bytes before its ending and numbered where one like it is taken."""
    for candidate in _numbered(name, most):
        if candidate.casefold() not in taken:
            taken.add(candidate.casefold())
            return candidate
    raise AssertionError("there is always another number")


def _numbered(name: str, most: int) -> Iterator[str]:
    suffix = PurePosixPath(name).suffix if len(PurePosixPath(name).suffix.encode()) <= 10 else ""
    stem, number = name.removesuffix(suffix).encode(), 1
    while True:
        ending = (f" ({number})" if number > 1 else "") + suffix
        yield stem[: most - len(ending.encode())].decode(errors="ignore") + ending
        number += 1


def _archive_name(job: Job) -> str:
    stem = PurePosixPath(job.inputs[0].name).stem if job.inputs else ""
    return f"{stem or 'results'}.zip"
