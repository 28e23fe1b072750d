"""API keys and counters in the DynamoDB table of jobs: rows ``key#{id}`` and ``count#{hash}``.

Keys are found in the index ``by_owner``, as those of one owner whom no job can have. A counter's row goes by its
``ttl``; its name says which window it counts, so that it does no harm until then.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from pdfsmaller.access.keys import ApiKey
from pdfsmaller.aws import clients
from pdfsmaller.aws.answers import is_condition_refused

#: The ``owner`` of keys' rows: the id of no key.
_KEYS = "keys"


class DynamoKeyStore:
    """``KeyStore`` on the table ``name``."""

    def __init__(self, name: str) -> None:
        self._name = name

    def add(self, key: ApiKey) -> bool:
        from botocore.exceptions import ClientError

        row: dict[str, Any] = {
            **_id(key.key_id),
            "owner": {"S": _KEYS},
            "name": {"S": key.name},
            "digest": {"S": key.digest},
            "created_at": {"N": str(key.created_at)},
            "rate_limit": {"S": key.rate_limit},
        }
        times = {"last_used_at": key.last_used_at, "revoked_at": key.revoked_at}
        row |= {name: {"N": str(at)} for name, at in times.items() if at is not None}
        try:
            clients.dynamodb().put_item(
                TableName=self._name, Item=row, ConditionExpression="attribute_not_exists(job_id)"
            )
        except ClientError as exc:
            if is_condition_refused(exc):
                return False
            raise
        return True

    def get(self, key_id: str) -> ApiKey | None:
        answer = clients.dynamodb().get_item(TableName=self._name, Key=_id(key_id), ConsistentRead=True)
        return _key(answer["Item"]) if "Item" in answer else None

    def all(self) -> list[ApiKey]:
        pages = (
            clients.dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self._name,
                IndexName="by_owner",
                KeyConditionExpression="#owner = :keys",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":keys": {"S": _KEYS}},
            )
        )
        ids = [item["job_id"]["S"].removeprefix("key#") for page in pages for item in page["Items"]]
        return [key for key in map(self.get, ids) if key]

    def revoke(self, key_id: str, at: float) -> None:
        self._note(key_id, "revoked_at", at, "attribute_exists(job_id) AND attribute_not_exists(#field)")

    def used(self, key_id: str, at: float) -> None:
        self._note(key_id, "last_used_at", at, "attribute_exists(job_id)")

    def _note(self, key_id: str, field: str, at: float, condition: str) -> None:
        from botocore.exceptions import ClientError

        try:
            clients.dynamodb().update_item(
                TableName=self._name,
                Key=_id(key_id),
                UpdateExpression="SET #field = :at",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#field": field},
                ExpressionAttributeValues={":at": {"N": str(at)}},
            )
        except ClientError as exc:
            if not is_condition_refused(exc):
                raise


class DynamoCounters:
    """``Counters`` on the table ``name``. DynamoDB has no clock that a condition could ask: the host's is taken."""

    def __init__(self, name: str, clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self.now = clock

    def add(self, name: str, number: int, *, most: int, kept_seconds: float) -> int | None:
        from botocore.exceptions import ClientError

        if number > most:
            return None
        try:
            answer = clients.dynamodb().update_item(
                TableName=self._name,
                Key={"job_id": {"S": f"count#{hashlib.sha256(name.encode()).hexdigest()}"}},
                UpdateExpression="ADD #count :number SET #ttl = if_not_exists(#ttl, :until)",
                ConditionExpression="attribute_not_exists(#count) OR #count <= :room",
                ExpressionAttributeNames={"#count": "count", "#ttl": "ttl"},
                ExpressionAttributeValues={
                    ":number": {"N": str(number)},
                    ":room": {"N": str(most - number)},
                    ":until": {"N": str(int(self.now() + kept_seconds) + 1)},
                },
                ReturnValues="ALL_NEW",
            )
        except ClientError as exc:
            if is_condition_refused(exc):
                return None
            raise
        return int(answer["Attributes"]["count"]["N"])


def _id(key_id: str) -> dict[str, Any]:
    return {"job_id": {"S": f"key#{key_id}"}}


def _key(row: dict[str, Any]) -> ApiKey:
    def time_of(field: str) -> float | None:
        return float(row[field]["N"]) if field in row else None

    return ApiKey(
        row["job_id"]["S"].removeprefix("key#"),
        row["name"]["S"],
        row["digest"]["S"],
        float(row["created_at"]["N"]),
        time_of("last_used_at"),
        time_of("revoked_at"),
        row["rate_limit"]["S"],
    )
