"""How the functions are called: Lambda's events and Functions Framework's requests."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import functions_framework

from tests.aws_stack import Stack

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests" / "events"


class Context:
    """What Lambda passes beside the event, as far as we read it."""

    aws_request_id = "request-1"

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1_000)


def framework_client(function: str) -> Any:
    return functions_framework.create_app(function, str(ROOT / "functions" / function / "main.py")).test_client()


def cloud_event(data: object) -> dict[str, Any]:
    headers = {"ce-id": "1", "ce-source": "/test", "ce-type": "com.example", "ce-specversion": "1.0"}
    return {"json": data, "headers": headers}


def function_url_event(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A Function URL's event (payload format 2.0)."""
    event = json.loads((EVENTS / "function_url.json").read_text())
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["headers"] |= headers or {}
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True} if body else {}
    return event


def sqs_event(stack: Stack, *bodies: str, queue_url: str = "") -> dict[str, Any]:
    """An SQS batch as Lambda gets it, with messages that really are in the queue."""
    template = json.loads((EVENTS / "sqs.json").read_text())["Records"][0]
    records, url = [], queue_url or stack.settings.compress_queue_url
    for body in bodies:
        stack.sqs.send_message(QueueUrl=url, MessageBody=body)
        [got] = stack.sqs.receive_message(QueueUrl=url)["Messages"]
        records.append(template | {"messageId": got["MessageId"], "receiptHandle": got["ReceiptHandle"], "body": body})
    return {"Records": records}
