"""Entry point of the callback function, which shares cleanup's package: ``lambda_handler`` for Lambda.

Elsewhere a server's own processes do the same (``pdfsmaller serve``, ``pdfsmaller cleanup``).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pdfsmaller import telemetry, wire
from pdfsmaller.jobs.messages import from_sqs
from pdfsmaller.services.webhooks.deliver import CallbackService
from pdfsmaller.settings import get_settings


@cache
def _service() -> CallbackService:
    """One for as long as this process lives: it remembers which receivers stall."""
    return CallbackService(wire.wire(get_settings()))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do an SQS batch. What is not done yet is named, so that it comes again (ReportBatchItemFailures)."""
    left = []
    for record in event["Records"]:
        message = from_sqs(record)
        try:
            done = _service().handle(message)
        except Exception:
            telemetry.get_logger("callbacks").exception("callback failed")
            telemetry.count("CallbackErrors")  # nothing leaves this handler, so that Lambda counts no error
            done = False
        if not done:
            left.append({"itemIdentifier": message.message_id})
    return {"batchItemFailures": left}


wire.connect_early()
