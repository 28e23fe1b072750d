"""What the functions say of themselves.

Structured logs: one JSON line per event, with the job's id on every line that belongs to a job. On Lambda, counts that
alarms watch: CloudWatch takes them out of the log (embedded metric format). While a request is answered every line
carries its ids (``log_context``), whoever writes it.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

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


class Output(Protocol):
    """What lines can be written to."""

    def write(self, text: str, /) -> object:
        """Write whole lines."""

    def flush(self) -> object:
        """See that they are not kept back."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """How this process logs.

    Attributes:
        output: None for standard output.
        level: None for LOG_LEVEL.
        detailed: whether lines say which process and which thread wrote them.
    """

    output: Output | None = None
    level: str | None = None
    detailed: bool = False


_lines = _Lines()
_loggers: list[Logger] = []
_WHO: dict[str, Any] = {"process": "%(process)d", "thread": "%(threadName)s"}


def log_as_json(service: str) -> None:
    """Have what this package's modules log be lines like those of ``get_logger``, in a process that is one service."""
    handler, ours = json_handler(service), logging.getLogger("pdfsmaller")
    ours.handlers, ours.propagate = [handler], False


def log_everything(service: str, output: Output, level: str, *, detailed: bool = False) -> None:
    """Have whatever is logged in this process, and in those that it forks, be such lines of one ``output``.

    Args:
        level: from which on this package's lines are written; what libraries warn of is in any case.
        detailed: whether lines say which process and which thread wrote them, and Python's own warnings are shown.
    """
    global _lines
    _lines = _Lines(output, level, detailed)
    logging.getLogger().handlers = [json_handler(service)]
    logging.getLogger("pdfsmaller").setLevel(level)
    logging.captureWarnings(True)
    if detailed:
        warnings.simplefilter("default")
    for logger in _loggers:
        _arrange(logger)


def json_handler(service: str) -> logging.Handler:
    """Writes lines like those of ``get_logger``, to where this process logs."""
    from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

    handler = logging.StreamHandler(_lines.output or sys.stderr)
    handler.setFormatter(LambdaPowertoolsFormatter(service=service, **(_WHO if _lines.detailed else {})))
    return handler


@cache
def get_logger(service: str) -> Logger:
    """The JSON logger of one function (``upload``, ``compress``, ``cleanup``). Its level is LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    logger = Logger(service=service)
    _loggers.append(logger)
    if _lines.output:
        _arrange(logger)
    return logger


def _arrange(logger: Logger) -> None:
    """Have a logger that there is write as this process does."""
    own = logging.getLogger(logger.service)
    own.handlers, own.propagate = [json_handler(logger.service)], False
    own.setLevel(_lines.level or logging.INFO)


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
