"""What the functions say of themselves.

Structured logs: one JSON line per event, with the job's id on every line that belongs to a job. On Lambda, counts that
alarms watch: CloudWatch takes them out of the log (embedded metric format). While a request is answered every line
carries its ids (``log_context``), whoever writes it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


#: What every line says that is logged in this context: in this thread, as long as a request is answered.
log_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default={})  # noqa: B039 (never written to)


@cache
def install_log_context() -> None:
    """Have every line carry ``log_context``, in the whole process."""
    make = logging.getLogRecordFactory()

    def make_with_context(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.__dict__.update(log_context.get())
        return record

    logging.setLogRecordFactory(make_with_context)


def log_as_json(service: str) -> None:
    """Have what this package's modules log be lines like those of ``get_logger``, in a process that is one service."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    handler, ours = logging.StreamHandler(), logging.getLogger("pdfsmaller")
    handler.setFormatter(LambdaPowertoolsFormatter(service=service))
    ours.handlers, ours.propagate = [handler], False


@cache
def get_logger(service: str) -> Logger:
    """The JSON logger of one function (``upload``, ``compress``, ``cleanup``). Its level is LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger(service=service)


def count(metric: str, number: int = 1) -> None:
    """Add to a metric of this function."""
    emit(metric, number, "Count")


def emit(metric: str, value: float, unit: str, labels: Mapping[str, str] | None = None) -> None:
    """A value for a metric of this function, whose name (``AWS_LAMBDA_FUNCTION_NAME``) is a dimension of it.

    Does nothing where the function runs elsewhere than on Lambda: nobody would read it.

    Args:
        unit: as CloudWatch calls it.
        labels: what tells it from others of its name: dimensions too.
    """
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if not function:
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    # The namespace and the dimension "service" come from POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_SERVICE_NAME.
    with single_metric(name=metric, unit=MetricUnit(unit), value=value) as single:
        single.add_dimension("FunctionName", function)
        for name, text in (labels or {}).items():
            single.add_dimension(name, text)
