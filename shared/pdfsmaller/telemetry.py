"""What the functions say of themselves.

Structured logs: one JSON line per event, with the job's id on every line that belongs to a job. On Lambda, counts that
alarms watch: CloudWatch takes them out of the log (embedded metric format).
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def get_logger(service: str) -> Logger:
    """The JSON logger of one function (``upload``, ``compress``, ``cleanup``). Its level is LOG_LEVEL."""
    from aws_lambda_powertools import Logger

    return Logger(service=service)


def count(metric: str, number: int = 1) -> None:
    """Add to a metric of this function, whose name (``AWS_LAMBDA_FUNCTION_NAME``) is a dimension of it.

    Does nothing where the function runs elsewhere than on Lambda: nobody would read it.
    """
    function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    if not function:
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    # The namespace and the dimension "service" come from POWERTOOLS_METRICS_NAMESPACE and POWERTOOLS_SERVICE_NAME.
    with single_metric(name=metric, unit=MetricUnit.Count, value=number) as single:
        single.add_dimension("FunctionName", function)
