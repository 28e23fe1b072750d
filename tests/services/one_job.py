"""One file's job, and the message that announces it."""

from __future__ import annotations

import io

from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from tests.aws_stack import Stack


def submit(stack: Stack, data: bytes, **options: str) -> Job:
    [job] = SubmitService(stack.world).submit_files([IncomingFile("a.pdf", io.BytesIO(data))], options)
    return job


def message_for(stack: Stack, job: Job, **extra: str) -> Message:
    return stack.message(input_key(job.job_id, 0), **extra)
