"""Entry points of the compress function: ``compress`` for Functions Framework, ``lambda_handler`` for Lambda."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pdfsmaller import sandbox, telemetry, wire
from pdfsmaller.jobs.messages import Message, from_sqs
from pdfsmaller.services.run_job import RunService
from pdfsmaller.settings import get_settings

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


@cache
def _service() -> RunService:
    return RunService(wire.wire(get_settings()))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do an SQS batch. What failed is named, so that only that comes again (ReportBatchItemFailures).

    Powertools' ``BatchProcessor`` and ``SQSRecord`` do the same; importing them made a cold start longer by as much as
    powertools' logger itself takes (75 → 147 ms of processor, median of 7), for the dozen lines below.
    """
    failed = []
    for record in event["Records"]:
        message = from_sqs(record)
        try:
            _service().handle(message, context.get_remaining_time_in_millis() / 1_000)
        except Exception:  # logged by the service, which has also arranged when it comes again
            telemetry.count("FailedAttempts")  # nothing leaves this handler, so that Lambda counts no error
            failed.append({"itemIdentifier": message.message_id})
    sandbox.warm_up()
    return {"batchItemFailures": failed}


def compress(event: CloudEvent) -> None:
    """Do what a CloudEvent carries: an S3 notification. Failing (500) leaves it to its sender to send again."""
    data = event.get_data()
    body = data if isinstance(data, str) else json.dumps(data)
    sent_at = datetime.fromisoformat(event["time"]).timestamp()
    _service().handle(Message(message_id=event["id"], receipt_handle="", body=body, sent_at=sent_at))
    sandbox.warm_up()


if "functions_framework" in sys.modules:
    # Only where Functions Framework itself loads us: importing it costs a Lambda a cold start's worth of time.
    import functions_framework

    compress = functions_framework.cloud_event(compress)  # type: ignore[assignment]

sandbox.warm_up()  # the first job finds its engine process started
wire.connect_early()
