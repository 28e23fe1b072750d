"""boto3 clients, one per service and process, made when first used.

Endpoints come from boto3's own settings (``AWS_ENDPOINT_URL`` …), so the same code talks to AWS and to an emulator.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pdfsmaller.aws import unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def _client(service: str, endpoint_url: str | None = None, **config: Any) -> Any:
    import boto3
    from botocore.config import Config

    made = cast("Any", boto3).client(
        service,
        endpoint_url=endpoint_url,
        config=Config(
            retries={"mode": "standard", "max_attempts": 4},
            connect_timeout=5,
            read_timeout=60,
            # Checksums only where S3 demands them: older S3-compatible stores refuse the newer trailing ones.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **config,
        ),
    )
    unavailable.listen(made)
    return made


@cache
def s3(endpoint_url: str | None = None) -> S3Client:
    """The S3 client. ``endpoint_url`` is for signing URLs that somebody outside is to open."""
    # Path-style: an emulator has no host name per bucket. s3v4: what browsers may post to in every region.
    client: S3Client = _client("s3", endpoint_url, signature_version="s3v4", s3={"addressing_style": "path"})
    return client


@cache
def sqs() -> SQSClient:
    client: SQSClient = _client("sqs")
    return client


@cache
def dynamodb() -> DynamoDBClient:
    client: DynamoDBClient = _client("dynamodb")
    return client


def connect_early() -> None:
    """Make the clients now, where a function starts on Lambda: its start has more processor than its first request."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for client in (s3, sqs, dynamodb):
            client()


def forget_clients() -> None:
    """Drop the cached clients, for tests that move between endpoints."""
    for cached in (s3, sqs, dynamodb):
        cached.cache_clear()
