"""The audit: a line of the log when a job is accepted and one when it ends, which say who had what done.

Who is the API key's id or, without one, what stands for the address (``turns.asker_of``), which cannot be read there.
Names of files are personal: they are in it where AUDIT_FILE_NAMES asks for them. The lines are of the logger
``pdfsmaller.audit``, whatever LOG_LEVEL is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pdfsmaller.services.ends import End
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.ends import Ended, Listener

LOGGER = "pdfsmaller.audit"


def accepted(job: Job, *, names: bool) -> None:
    """A job is there, new.

    Args:
        names: whether the names of its files may be told.
    """
    _logger().info("job accepted", extra=_of(job, names=names))


def listener(*, names: bool) -> Listener:
    """What ``Ends`` tells of every end. ``names`` as for ``accepted``."""

    def tell(ended: Ended) -> None:
        job = ended.job
        told: dict[str, Any] = {"outcome": ended.end, "seconds": round(job.updated_at - job.created_at, 3)}
        if ended.end is End.SUCCEEDED and job.result:
            report = job.result.get("report", {})
            told |= {"bytes_out": job.result["bytes"], "reused": job.reused}
            told |= {"bytes_in": report["input_bytes"]} if "input_bytes" in report else {}
        elif ended.end in (End.FAILED, End.GIVEN_UP) and job.error:
            told["code"] = job.error["code"]
        if names and ended.end is End.SUCCEEDED:
            told["results"] = [result.name for result in job.results]
        _logger().info("job ended", extra=_of(job, names=names) | told)

    return tell


def _of(job: Job, *, names: bool) -> dict[str, Any]:
    """What both lines say: who, what, when, and how much. A file that is yet to come may be of unknown size, 0."""
    told = {
        "job_id": job.job_id,
        "batch_id": job.batch_id,
        "api_key": job.owner,
        "asker": job.asker,
        "operation": job.operation,
        "created_at": job.created_at,
        "files": job.input_count,
        "bytes_in": sum(item.bytes for item in job.inputs),
    }
    return told | ({"names": [item.name for item in job.inputs]} if names else {})


def _logger() -> Logger:
    logger, own = get_logger(LOGGER), logging.getLogger(LOGGER)
    if own.level != logging.INFO:  # to set it empties what all loggers remember
        own.setLevel(logging.INFO)
    own.propagate = False
    return logger
