"""Rows of jobs in a DynamoDB table, changed only by conditional writes.

Partition key ``job_id``: jobs under their id; ``batch#{id}`` lists a batch's jobs; ``claim#{hash}`` remembers which job
answers for what. The index ``by_status`` (``status``, ``due_at``) is what ``due`` reads, ``by_owner`` (``owner``,
``created_at``) what ``owned`` does. ``ttl`` removes rows by themselves. DynamoDB has no clock that a condition could
ask: the host's is taken.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from pdfsmaller.aws import clients
from pdfsmaller.aws.answers import is_condition_refused
from pdfsmaller.jobs.bells import HandBell
from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.rows import Place, Row, plain
from pdfsmaller.jobs.states import Status

_BATCH_GET_MAX = 100


class DynamoJobStore:
    """``JobStore`` on the table ``name``."""

    def __init__(self, name: str, clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self.now, self.bell = clock, HandBell

    # Reading

    def get(self, job_id: str) -> Row | None:
        row = self._get(job_id)
        return row if row and "status" in row else None  # batches and claims have none

    def get_many(self, job_ids: Iterable[str]) -> list[Row]:
        ids = list(dict.fromkeys(job_ids))
        found: dict[str, Row] = {}
        for start in range(0, len(ids), _BATCH_GET_MAX):
            keys: list[Any] = [{"job_id": {"S": job_id}} for job_id in ids[start : start + _BATCH_GET_MAX]]
            while keys:
                answer = clients.dynamodb().batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self._name) or ():
                    row = _from_item(item)
                    found[row["job_id"]] = row
                left = answer["UnprocessedKeys"].get(self._name)
                keys = list(left["Keys"]) if left else []
        return [found[job_id] for job_id in ids if "status" in found.get(job_id, ())]

    def due(self, status: Status) -> Iterator[Row]:
        pages = self._in_state(status, "due_at <= :now", {":now": self.now()})
        for page in pages:
            for item in page["Items"]:
                # The index lags behind and holds keys only: the row itself decides.
                row = self.get(item["job_id"]["S"])
                if row and row["status"] == status and row["due_at"] <= self.now():
                    yield row

    def every(self, status: Status | None = None) -> Iterator[Row]:
        wanted = "#status = :status" if status else "attribute_exists(#status)"  # batches and claims have none
        values: Any = {"ExpressionAttributeValues": _to_item({":status": status})} if status else {}
        pages = (
            clients.dynamodb()
            .get_paginator("scan")
            .paginate(
                TableName=self._name,
                FilterExpression=wanted,
                ExpressionAttributeNames={"#status": "status"},
                **values,
            )
        )
        for page in pages:
            yield from map(_from_item, page["Items"])

    def count(self, status: Status) -> int:
        return sum(page["Count"] for page in self._in_state(status, Select="COUNT"))

    def _in_state(
        self, status: Status, condition: str = "", values: Mapping[str, Any] | None = None, **more: Any
    ) -> Iterable[Any]:
        """Pages of the index ``by_status``: of a state, as far as a condition on ``due_at`` holds."""
        return (
            clients.dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self._name,
                IndexName="by_status",
                KeyConditionExpression=f"#status = :status{' AND ' if condition else ''}{condition}",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=_to_item({":status": status, **(values or {})}),
                **more,
            )
        )

    def owned(self, owner: str, before: Place | None, limit: int) -> list[Row]:
        found: list[Row] = []
        place = {"owner": owner, "created_at": before[0], "job_id": before[1]} if before else None
        while len(found) < limit:
            start: Any = {"ExclusiveStartKey": _to_item(place)} if place else {}
            answer = clients.dynamodb().query(
                TableName=self._name,
                IndexName="by_owner",
                KeyConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues=_to_item({":owner": owner}),
                ScanIndexForward=False,
                Limit=limit - len(found),
                **start,
            )
            # The index lags behind and holds keys only.
            found += self.get_many(item["job_id"]["S"] for item in answer["Items"])
            place = _from_item(answer["LastEvaluatedKey"]) if "LastEvaluatedKey" in answer else None
            if place is None:
                break
        return found

    # Writing

    def create(self, row: Row) -> bool:
        return self._put(row)

    def change(self, job_id: str, change: Change) -> Row | None:
        from botocore.exceptions import ClientError

        now = self.now()
        expression = _Expression()
        condition = expression.condition(change, now)
        update = expression.update(change, now)
        try:
            answer = clients.dynamodb().update_item(
                TableName=self._name,
                Key={"job_id": {"S": job_id}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=expression.names,
                ExpressionAttributeValues=_to_item(expression.values),
                ReturnValues="ALL_NEW",
            )
        except ClientError as exc:
            if is_condition_refused(exc):
                return None
            raise
        return _from_item(answer["Attributes"])

    def forget_old(self) -> int:
        return 0  # ``ttl`` is DynamoDB's affair

    # Claims and batches

    def claim(self, what: str, job_id: str, *, kept_seconds: float) -> str:
        if self._put({"job_id": _claim_key(what), "job": job_id, "ttl": self.now() + kept_seconds}):
            return job_id
        return self.claimed_by(what) or job_id

    def unclaim(self, what: str, job_id: str) -> None:
        from botocore.exceptions import ClientError

        try:
            clients.dynamodb().delete_item(
                TableName=self._name,
                Key={"job_id": {"S": _claim_key(what)}},
                ConditionExpression="job = :job",
                ExpressionAttributeValues={":job": {"S": job_id}},
            )
        except ClientError as exc:
            if not is_condition_refused(exc):
                raise

    def claimed_by(self, what: str) -> str | None:
        row = self._get(_claim_key(what))
        return row["job"] if row else None

    def create_batch(self, batch_id: str, job_ids: list[str], *, kept_seconds: float) -> None:
        self._put({"job_id": f"batch#{batch_id}", "jobs": job_ids, "ttl": self.now() + kept_seconds})

    def batch(self, batch_id: str) -> list[str] | None:
        row = self._get(f"batch#{batch_id}")
        return row["jobs"] if row else None

    def _get(self, key: str) -> Row | None:
        item = (
            clients.dynamodb()
            .get_item(TableName=self._name, Key={"job_id": {"S": key}}, ConsistentRead=True)
            .get("Item")
        )
        return _from_item(item) if item else None

    def _put(self, row: Row) -> bool:
        from botocore.exceptions import ClientError

        try:
            clients.dynamodb().put_item(
                TableName=self._name, Item=_to_item(row), ConditionExpression="attribute_not_exists(job_id)"
            )
        except ClientError as exc:
            if is_condition_refused(exc):
                return False
            raise
        return True


class _Expression:
    """A change in DynamoDB's language. Every field goes by an alias: many of our names are its reserved words."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def condition(self, change: Change, now: float) -> str:
        demands = change.demands
        parts = [f"{self._name('status')} IN ({', '.join(map(self._value, demands.statuses))})"]
        if demands.lease_over:
            running, over = self._value(Status.RUNNING), self._value(now)
            parts.append(f"({self._name('status')} <> {running} OR {self._name('lease_until')} < {over})")
        if demands.attempt is not None:
            parts.append(f"{self._name('attempt')} = {self._value(demands.attempt)}")
        if demands.attempt_below is not None:
            parts.append(f"{self._name('attempt')} < {self._value(demands.attempt_below)}")
        if demands.due_at is not None:
            parts.append(f"{self._name('due_at')} = {self._value(demands.due_at)}")
        if demands.error_code is not None:
            parts.append(f"{self._name('error')}.{self._name('code')} = {self._value(demands.error_code)}")
        return " AND ".join(parts)

    def update(self, change: Change, now: float) -> str:
        sets = [f"{self._name(n)} = {self._value(_stored(n, v))}" for n, v in change.values(now).items()]
        adds = [f"{self._name(name)} {self._value(number)}" for name, number in change.adds.items()]
        removes = [self._name(name) for name in change.removes]
        clauses = (("SET", sets), ("ADD", adds), ("REMOVE", removes))
        return " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses if parts)

    def _name(self, field: str) -> str:
        alias = f"#{field}"
        self.names[alias] = field
        return alias

    def _value(self, value: Any) -> str:
        alias = f":v{len(self.values)}"
        self.values[alias] = value
        return alias


def _stored(name: str, value: Any) -> Any:
    return int(value) if name == "ttl" else value  # DynamoDB's time to live is a whole number


def _to_item(row: Row) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(_to_decimal(plain(_stored(name, value)))) for name, value in row.items()}


def _to_decimal(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: _to_decimal(item) for name, item in value.items()}
    return [_to_decimal(item) for item in value] if isinstance(value, list) else value


def _from_item(item: dict[str, Any]) -> Row:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: _from_decimal(deserialize(value)) for name, value in item.items()}


def _from_decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _from_decimal(item) for name, item in value.items()}
    return [_from_decimal(item) for item in value] if isinstance(value, list) else value


def _claim_key(what: str) -> str:
    return f"claim#{hashlib.sha256(what.encode()).hexdigest()}"
