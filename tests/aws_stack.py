"""The stack's resources in moto, and the few moves that tests of the services make with them."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any
from urllib.parse import quote_plus

import boto3
from moto import backend_index, mock_aws

from pdfsmaller.jobs.keys import result_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job, JobResult
from pdfsmaller.jobs.moves import Jobs, Success
from pdfsmaller.media import PDF
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from pdfsmaller.wire import wire

# moto seeks the service of a request among the addresses of all of AWS, and registers every one anew in every test.
_OURS = {"dynamodb", "s3", "sqs"}
backend_index.backend_url_patterns[:] = [item for item in backend_index.backend_url_patterns if item[0] in _OURS]

#: A message that a test has received does not come again by itself, however slow the machine is.
_HIDDEN = {"VisibilityTimeout": "3600"}


def made_once(make: Callable[..., Any]) -> Callable[..., Any]:
    """``make``, of clients of AWS: what one is made for has one client, which takes longer to make than most tests."""
    made: dict[str, Any] = {}

    @wraps(make)
    def client(*args: Any, **kwargs: Any) -> Any:
        environment = sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))
        key = repr((args, kwargs, environment))
        if key not in made:
            made[key] = make(*args, **kwargs)
        return made[key]

    return client


aws_client = made_once(boto3.client)


class Clock:
    """A clock that tests can move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


@dataclass
class Stack:
    """What a test needs to look at buckets, queues and table."""

    settings: Settings
    clock: Clock
    world: World

    def __post_init__(self) -> None:
        self.s3, self.sqs = aws_client("s3"), aws_client("sqs")
        self.jobs: Jobs = self.world.jobs

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in listed]

    def upload_keys(self) -> list[str]:
        return self.keys(self.settings.uploads_bucket)

    def result_keys(self) -> list[str]:
        return self.keys(self.settings.results_bucket)

    def result(self, key: str) -> dict[str, Any]:
        return dict(self.s3.get_object(Bucket=self.settings.results_bucket, Key=key))

    def drop(self, key: str, body: bytes, metadata: dict[str, str] | None = None) -> None:
        self.s3.put_object(Bucket=self.settings.uploads_bucket, Key=key, Body=body, Metadata=metadata or {})

    def event(self, key: str, sequencer: str = "0055AED6DCD90281E5", etag: str | None = None) -> str:
        """What S3 sends for a created object, trimmed to what matters; the entity tag is that of what lies there."""
        etag = self._etag(key) if etag is None else etag
        s3 = {
            "bucket": {"name": self.settings.uploads_bucket},
            "object": {"key": quote_plus(key), "sequencer": sequencer} | ({"eTag": etag} if etag else {}),
        }
        return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]})

    def _etag(self, key: str) -> str:
        listed = self.s3.list_objects_v2(Bucket=self.settings.uploads_bucket, Prefix=key).get("Contents", [])
        return next((item["ETag"].strip('"') for item in listed if item["Key"] == key), "")

    def message(
        self, key: str, *, message_id: str = "", sequencer: str = "0055AED6DCD90281E5", etag: str | None = None
    ) -> Message:
        """A message that really is in the queue, received once."""
        url = self.settings.compress_queue_url
        self.sqs.send_message(QueueUrl=url, MessageBody=self.event(key, sequencer, etag))
        [got] = self.sqs.receive_message(QueueUrl=url, AttributeNames=["SentTimestamp"])["Messages"]
        message = self._as_message(got)
        return replace(message, message_id=message_id) if message_id else message

    def announced(self) -> list[Message]:
        """Takes every visible message out of the compress queue, as its workers get them."""
        return [self._as_message(item) for item in self.waiting()]

    def _as_message(self, item: dict[str, Any]) -> Message:
        sent_at = int(item["Attributes"]["SentTimestamp"]) / 1_000 + self.clock.ahead
        return Message(item["MessageId"], item["ReceiptHandle"], item["Body"], sent_at=sent_at)

    def waiting(self, url: str | None = None) -> list[dict[str, Any]]:
        """Takes every visible message out of a queue."""
        found: list[dict[str, Any]] = []
        while got := self.sqs.receive_message(
            QueueUrl=url or self.settings.compress_queue_url, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"]
        ).get("Messages"):
            for item in got:
                self.sqs.delete_message(
                    QueueUrl=url or self.settings.compress_queue_url, ReceiptHandle=item["ReceiptHandle"]
                )
                found.append(dict(item))
        return found

    def job(self, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        assert job is not None
        return job


@contextmanager
def made_stack(clock: Clock, **changes: Any) -> Iterator[Stack]:
    """The resources in moto in this process; ``changes`` are settings."""
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield made_resources(clock, **changes)


def made_resources(clock: Clock, **changes: Any) -> Stack:
    """Make the resources in whatever AWS the environment names; ``changes`` are settings.

    Nobody works there but who is told to, so nobody waits unless a test wants it.
    """
    s3, sqs, dynamodb = aws_client("s3"), aws_client("sqs"), aws_client("dynamodb")
    tag = uuid.uuid4().hex[:8]
    buckets = {"uploads_bucket": f"uploads-{tag}", "results_bucket": f"results-{tag}"}
    for name in buckets.values():
        s3.create_bucket(Bucket=name)
    queues = {
        "compress_queue_url": sqs.create_queue(QueueName=f"compress-{tag}", Attributes=_HIDDEN)["QueueUrl"],
        "dead_letter_queue_url": sqs.create_queue(QueueName=f"dead-{tag}")["QueueUrl"],
        "callback_queue_url": sqs.create_queue(QueueName=f"callbacks-{tag}")["QueueUrl"],
    }
    table = f"jobs-{tag}"
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "job_id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "job_id", "AttributeType": "S"},
            {"AttributeName": "status", "AttributeType": "S"},
            {"AttributeName": "due_at", "AttributeType": "N"},
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "created_at", "AttributeType": "N"},
            {"AttributeName": "asker", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": "HASH"},
                    {"AttributeName": second, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name, key, second in (
                ("by_status", "status", "due_at"),
                ("by_owner", "owner", "created_at"),
                ("by_asker", "status", "asker"),
            )
        ],
    )
    changes = {"secret_key": "a key for tests only", "default_wait_seconds": 0} | changes
    settings = Settings(**buckets, **queues, jobs_table=table, **changes)
    return Stack(settings, clock, wire(settings, clock=clock))


def success(job: Job, size: int = 1) -> Success:
    """One result of so many bytes, under the key that the job's next attempt would give it."""
    only = JobResult("a-smaller.pdf", size, PDF, result_key(job.job_id, max(1, job.attempt), 0))
    return Success({"bytes": size, "ratio": 0.5, "outcome": "compressed", "report": {}}, (only,), only)
