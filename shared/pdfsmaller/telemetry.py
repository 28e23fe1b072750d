"""Structured logs: one JSON line per event, with the job's id on every line that belongs to a job."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def get_logger(service: str) -> Logger:
    """The JSON logger of one function (``upload``, ``compress``, ``cleanup``). Its level is LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger(service=service)
