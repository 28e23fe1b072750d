"""Object keys: which key in the two buckets means what.

Keys are ours; a user's file name is only ever metadata. Uploads bucket: ``jobs/{job_id}/in/{n}`` and ``inbox/…``.
Results bucket: ``jobs/{job_id}/{attempt}/out/{n}``, ``…/out.zip`` with all of several and ``…/report.json``, so that no
attempt writes over another's (the row names the one that counts), and what a drop's owner finds: copies of the results
under ``inbox/…`` (one under the drop's own key and its operation's suffix, several as ``<key>/<name>``) or the reason
of a failure under ``errors/….json``.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

INBOX = "inbox/"
ERRORS = "errors/"
JOBS = "jobs/"
#: The longest key that every store takes (S3's bound), in bytes of UTF-8.
KEY_MAX_BYTES = 1_024
_JOB_INPUT = re.compile(r"jobs/([0-9a-f]{32})/in/(\d{1,3})")


def job_prefix(job_id: str) -> str:
    """What all keys of a job's own files begin with, in both buckets."""
    return f"{JOBS}{job_id}/"


def inputs_prefix(job_id: str) -> str:
    return f"{job_prefix(job_id)}in/"


def input_key(job_id: str, index: int) -> str:
    return f"{inputs_prefix(job_id)}{index}"


def attempt_prefix(job_id: str, attempt: int) -> str:
    return f"{job_prefix(job_id)}{attempt}/"


def result_key(job_id: str, attempt: int, index: int) -> str:
    return f"{attempt_prefix(job_id, attempt)}out/{index}"


def archive_key(job_id: str, attempt: int) -> str:
    return f"{attempt_prefix(job_id, attempt)}out.zip"


def report_key(job_id: str, attempt: int) -> str:
    return f"{attempt_prefix(job_id, attempt)}report.json"


def drop_result_key(drop_key: str, suffix: str) -> str:
    """Where the result of a dropped file is laid, for an operation with this suffix (``OperationSpec.drop_suffix``)."""
    return _fitted(drop_key, suffix)


def drop_parts_prefix(drop_key: str) -> str:
    """What the keys begin with under which several results of a dropped file are laid."""
    return f"{drop_key}/"


def drop_part_key(drop_key: str, name: str) -> str:
    """Where one of several results of a dropped file is laid."""
    suffix = PurePosixPath(name).suffix
    return _fitted(drop_parts_prefix(drop_key) + name.removesuffix(suffix), suffix)


def error_key(drop_key: str) -> str:
    """Where the reason is laid why a dropped file failed. No drop has its own result there."""
    return _fitted(ERRORS + drop_key.removeprefix(INBOX), ".json")


def _fitted(key: str, suffix: str) -> str:
    """``key + suffix``; where that is too long for a key, the end of ``key`` gives way to a hash of all of it."""
    if len((key + suffix).encode()) <= KEY_MAX_BYTES:
        return key + suffix
    ending = f"~{hashlib.sha256(key.encode()).hexdigest()}{suffix}"
    return key.encode()[: KEY_MAX_BYTES - len(ending)].decode(errors="ignore") + ending


def job_of_input(key: str) -> str | None:
    """The job id in an input's key, or None for any other key."""
    match = _JOB_INPUT.fullmatch(key)
    return match[1] if match else None


def index_of_input(key: str) -> int | None:
    """Which of its job's inputs a key is for, or None for any other key."""
    match = _JOB_INPUT.fullmatch(key)
    return int(match[2]) if match else None
