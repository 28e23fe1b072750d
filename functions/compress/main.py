"""Entry points of the compress function: ``compress`` for Functions Framework, ``lambda_handler`` for Lambda."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from pdfsmaller import aws, sandbox, telemetry
from pdfsmaller.queue import Message
from pdfsmaller.services.compress import CompressService
from pdfsmaller.settings import get_settings

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent


@cache
def _service() -> CompressService:
    return CompressService(get_settings())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do an SQS batch. What failed is named, so that only that comes again (ReportBatchItemFailures)."""
    failed = []
    for record in event["Records"]:
        message = Message(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            receive_count=int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)),
        )
        try:
            _service().handle(message, context.get_remaining_time_in_millis() / 1_000)
        except Exception:  # logged by the service, which has also arranged when it comes again
            telemetry.count("FailedAttempts")  # nothing leaves this handler, so that Lambda counts no error
            failed.append({"itemIdentifier": message.message_id})
    sandbox.prepare()
    return {"batchItemFailures": failed}


def compress(event: CloudEvent) -> None:
    """Do what a CloudEvent carries: an S3 notification. Failing (500) leaves it to its sender to send again."""
    data = event.get_data()
    body = data if isinstance(data, str) else json.dumps(data)
    _service().handle(Message(message_id=event["id"], receipt_handle="", body=body))
    sandbox.prepare()


if "functions_framework" in sys.modules:
    # Only where Functions Framework itself loads us: importing it costs a Lambda a cold start's worth of time.
    import functions_framework

    compress = functions_framework.cloud_event(compress)  # type: ignore[assignment]

sandbox.prepare()  # the first job finds its engine process started
aws.connect_early()
