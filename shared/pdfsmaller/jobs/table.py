"""The job table in DynamoDB: one row per job, changed only by conditional writes.

Rows (partition key ``job_id``): jobs under their id; ``batch#{id}`` lists a batch's jobs; ``claim#{hash}`` remembers
which job answers for an event that may come twice. The index ``by_status`` (``status``, ``due_at``) is what cleanup
reads. ``ttl`` removes rows by themselves.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pdfsmaller import aws
from pdfsmaller.errors import LeaseLost
from pdfsmaller.jobs.model import Drop, Job, JobInput
from pdfsmaller.jobs.states import SOURCES, Status

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a row outlives its job's files, so that a late caller hears "expired" and not "unknown".
ROW_KEPT_SECONDS = 7 * 86_400
#: How long a claim is remembered: longer than a message can live (14 days in the dead-letter queue).
CLAIM_KEPT_SECONDS = 21 * 86_400
#: Rows of jobs that never end must not stay for ever either.
UNFINISHED_KEPT_SECONDS = 30 * 86_400

_BATCH_GET_MAX = 100


def _to_item(values: dict[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(_plain(value)) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """``value`` as DynamoDB takes it: no floats, no tuples."""
    if isinstance(value, float):
        return Decimal(str(round(value, 4)))
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, Status) else value


def _from_item(item: dict[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    return {name: _unplain(deserialize(value)) for name, value in item.items()}


def _unplain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {k: _unplain(v) for k, v in value.items()}
    return [_unplain(v) for v in value] if isinstance(value, list) else value


_JOB_FIELDS = {f.name for f in fields(Job)}


def _to_job(item: dict[str, Any]) -> Job:
    row = _from_item(item)
    row["status"] = Status(row["status"])
    row["inputs"] = tuple(JobInput(**i) for i in row.get("inputs", ()))
    row["warnings"] = tuple(row.get("warnings", ()))
    row["drop"] = Drop(**row["drop"]) if row.get("drop") else None
    return Job(**{name: value for name, value in row.items() if name in _JOB_FIELDS})


class JobTable:
    """Every read and write of the job table. A conditional write that does not apply returns None."""

    def __init__(self, name: str, clock: Callable[[], float] = time.time) -> None:
        self._name = name
        self.now = clock

    # Reading

    def get(self, job_id: str) -> Job | None:
        """The job with this id; None for anything else, the table's other rows included."""
        item = self._get(job_id)
        return _to_job(item) if item and "status" in item else None

    def get_many(self, job_ids: Iterable[str]) -> list[Job]:
        """The jobs that exist, in the order asked for."""
        ids = list(job_ids)
        found: dict[str, Job] = {}
        for start in range(0, len(ids), _BATCH_GET_MAX):
            keys: list[Any] = [{"job_id": {"S": job_id}} for job_id in ids[start : start + _BATCH_GET_MAX]]
            while keys:
                answer = aws.dynamodb().batch_get_item(
                    RequestItems={self._name: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self._name) or ():
                    job = _to_job(item)
                    found[job.job_id] = job
                left = answer["UnprocessedKeys"].get(self._name)
                keys = list(left["Keys"]) if left else []
        return [found[job_id] for job_id in ids if job_id in found]

    def due(self, status: Status) -> Iterator[Job]:
        """The jobs in ``status`` that cleanup should look at now, the longest due first."""
        pages = (
            aws.dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self._name,
                IndexName="by_status",
                KeyConditionExpression="#s = :s AND due_at <= :now",
                ExpressionAttributeNames={"#s": "status"},
                ExpressionAttributeValues=_to_item({":s": status, ":now": self.now()}),
            )
        )
        for page in pages:
            for item in page["Items"]:
                # The index lags behind and holds keys only: the row itself decides.
                job = self.get(item["job_id"]["S"])
                if job and job.status == status and job.due_at <= self.now():
                    yield job

    # Making

    def create(self, job: Job) -> bool:
        """Write a new row; False where the id is taken."""
        row = asdict(job) | {"ttl": int(job.created_at + UNFINISHED_KEPT_SECONDS)}
        return self._put({name: value for name, value in row.items() if value is not None})

    def create_batch(self, batch_id: str, job_ids: list[str]) -> None:
        self._put({"job_id": f"batch#{batch_id}", "jobs": job_ids, "ttl": int(self.now() + UNFINISHED_KEPT_SECONDS)})

    def batch(self, batch_id: str) -> list[str] | None:
        """The job ids of a batch, or None where there is no such batch."""
        item = self._get(f"batch#{batch_id}")
        return _from_item(item)["jobs"] if item else None

    def claim(self, what: str, job_id: str) -> str:
        """The job that answers for ``what``: ``job_id`` for the first who asks, the first's for all others."""
        key = _claim_key(what)
        if self._put({"job_id": key, "job": job_id, "ttl": int(self.now() + CLAIM_KEPT_SECONDS)}):
            return job_id
        return self.claimed_by(what) or job_id

    def claimed_by(self, what: str) -> str | None:
        item = self._get(_claim_key(what))
        return _from_item(item)["job"] if item else None

    # Moving through the states

    def queue(self, job_id: str, *, due_at: float) -> Job | None:
        """awaiting_upload → queued: every input has come."""
        changes = {"stage": "queued", "due_at": due_at}
        return self._move(job_id, Status.QUEUED, changes, sources=(Status.AWAITING_UPLOAD,))

    def start(
        self, job_id: str, message_id: str, lease_seconds: float, *, last_attempt: int | None = None
    ) -> Job | None:
        """Take the lease: → running with the next attempt, if nobody else's lease is alive.

        Args:
            last_attempt: the number of the last attempt that the job may have; None for any number.
        """
        until = self.now() + lease_seconds
        condition = "(#status <> :running OR lease_until < :now)"
        values: dict[str, Any] = {":running": Status.RUNNING, ":now": self.now()}
        if last_attempt is not None:
            condition += " AND attempt < :last"
            values[":last"] = last_attempt
        return self._move(
            job_id,
            Status.RUNNING,
            {"stage": "starting", "progress": 0, "lease_until": until, "lease_message": message_id, "due_at": until},
            condition=condition,
            values=values,
            add={"attempt": 1},
        )

    def renew(self, job: Job, lease_seconds: float, *, stage: str | None = None, progress: int | None = None) -> None:
        """Keep the lease alive, and tell how far the work is.

        Raises:
            LeaseLost: the job is no longer this attempt's (taken over, or cancelled).
        """
        until = self.now() + lease_seconds
        changes: dict[str, Any] = {"lease_until": until, "due_at": until}
        changes |= {"stage": stage} if stage is not None else {}
        changes |= {"progress": progress} if progress is not None else {}
        self._as_attempt(job, Status.RUNNING, changes)

    def succeed(self, job: Job, result: dict[str, Any], warnings: list[dict[str, str]], *, kept_seconds: float) -> Job:
        """running → succeeded. Raises LeaseLost as ``renew`` does."""
        changes = {"result": result, "warnings": warnings, "stage": "done", "progress": 100}
        return self._as_attempt(job, Status.SUCCEEDED, changes | self._ending(kept_seconds), remove=("password",))

    def fail_attempt(self, job: Job, error: dict[str, str], *, kept_seconds: float, keep_password: bool = False) -> Job:
        """running → failed. The password stays where the job may be redriven. Raises LeaseLost as ``renew`` does."""
        changes = {"error": error, "stage": "failed"} | self._ending(kept_seconds)
        return self._as_attempt(job, Status.FAILED, changes, remove=() if keep_password else ("password",))

    def release(self, job: Job, *, due_at: float, crashed: bool = False) -> Job:
        """running → queued: this attempt failed for a passing reason. Raises LeaseLost as ``renew`` does.

        Args:
            crashed: the reason was the engine's process, which died.
        """
        return self._as_attempt(
            job,
            Status.QUEUED,
            {"stage": "queued", "progress": 0, "due_at": due_at},
            add={"crashes": 1} if crashed else None,
            remove=("lease_until", "lease_message"),
        )

    def fail(self, job: Job, error: dict[str, str], *, kept_seconds: float, keep_password: bool = False) -> Job | None:
        """→ failed for a job that no worker is at, if it stands as it was read.

        The password stays where the job may be redriven.
        """
        return self._move(
            job.job_id,
            Status.FAILED,
            {"error": error, "stage": "failed"} | self._ending(kept_seconds),
            condition="due_at = :seen",
            values={":seen": job.due_at},
            remove=() if keep_password else ("password",),
        )

    def revive(self, job: Job, *, due_at: float) -> Job | None:
        """failed → queued: the message of a given-up job was redriven."""
        return self._move(
            job.job_id,
            Status.QUEUED,
            {
                "stage": "queued",
                "progress": 0,
                "crashes": 0,
                "attempts_before_redrive": job.attempt,
                "due_at": due_at,
                "ttl": int(self.now() + UNFINISHED_KEPT_SECONDS),
            },
            sources=(Status.FAILED,),
            condition="#error.#code = :code",
            values={":code": (job.error or {}).get("code", "")},
            names={"#error": "error", "#code": "code"},
            remove=("error", "expires_at"),
        )

    def cancel(self, job_id: str, *, kept_seconds: float) -> Job | None:
        """→ cancelled, from any state that is not final."""
        changes = {"stage": "cancelled"} | self._ending(kept_seconds)
        return self._move(job_id, Status.CANCELLED, changes, remove=("password",))

    def expire(self, job_id: str) -> Job | None:
        """succeeded, failed, cancelled → expired: the files are gone, the row stays a while."""
        ttl = int(self.now() + ROW_KEPT_SECONDS)
        return self._move(job_id, Status.EXPIRED, {"stage": "expired", "due_at": ttl, "ttl": ttl}, remove=("password",))

    def postpone(self, job: Job, due_at: float) -> bool:
        """Have cleanup look again at ``due_at``; False where the job has moved on (or another cleanup was first)."""
        moved = self._update(
            job.job_id,
            {"due_at": due_at},
            condition="#status = :status AND due_at = :seen",
            names={"#status": "status"},
            values={":status": job.status, ":seen": job.due_at},
        )
        return moved is not None

    # How it is done

    def _ending(self, kept_seconds: float) -> dict[str, Any]:
        """What every end sets: when the files go, and when the row does should cleanup never come."""
        expires_at = round(self.now() + kept_seconds)
        return {"expires_at": expires_at, "due_at": expires_at, "ttl": expires_at + ROW_KEPT_SECONDS}

    def _as_attempt(
        self,
        job: Job,
        status: Status,
        changes: dict[str, Any],
        *,
        add: dict[str, int] | None = None,
        remove: tuple[str, ...] = (),
    ) -> Job:
        moved = self._move(
            job.job_id,
            status,
            changes,
            sources=(Status.RUNNING,),
            condition="attempt = :attempt",
            values={":attempt": job.attempt},
            add=add,
            remove=remove,
        )
        if moved is None:
            raise LeaseLost(f"Job {job.job_id} is no longer attempt {job.attempt}'s.")
        return moved

    def _move(
        self,
        job_id: str,
        status: Status,
        changes: dict[str, Any],
        *,
        sources: tuple[Status, ...] | None = None,
        condition: str | None = None,
        names: dict[str, str] | None = None,
        values: dict[str, Any] | None = None,
        add: dict[str, int] | None = None,
        remove: tuple[str, ...] = (),
    ) -> Job | None:
        """Set a status if the present one may lead there (``states.SOURCES``) and ``condition`` holds."""
        allowed = [s for s in (sources or SOURCES[status]) if s in SOURCES[status]]
        from_states = {f":from{i}": source for i, source in enumerate(allowed)}
        may_move = f"#status IN ({', '.join(from_states)})"
        return self._update(
            job_id,
            {"status": status} | changes,
            condition=f"{may_move} AND {condition}" if condition else may_move,
            names={"#status": "status"} | (names or {}),
            values=from_states | (values or {}),
            add=add,
            remove=remove,
        )

    def _update(
        self,
        job_id: str,
        changes: dict[str, Any],
        *,
        condition: str,
        names: dict[str, str],
        values: dict[str, Any],
        add: dict[str, int] | None = None,
        remove: tuple[str, ...] = (),
    ) -> Job | None:
        from botocore.exceptions import ClientError

        changes = {"updated_at": self.now()} | changes
        # Every attribute by alias: many of our names are DynamoDB's reserved words.
        aliases = {f"#f{i}": name for i, name in enumerate((*changes, *(add or ()), *remove))}
        alias = {name: a for a, name in aliases.items()}
        expression = "SET " + ", ".join(f"{alias[name]} = :v{i}" for i, name in enumerate(changes))
        all_values = {f":v{i}": value for i, value in enumerate(changes.values())} | values
        if add:
            expression += " ADD " + ", ".join(f"{alias[name]} :add_{name}" for name in add)
            all_values |= {f":add_{name}": value for name, value in add.items()}
        if remove:
            expression += " REMOVE " + ", ".join(alias[name] for name in remove)
        try:
            answer = aws.dynamodb().update_item(
                TableName=self._name,
                Key={"job_id": {"S": job_id}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=aliases | names,
                ExpressionAttributeValues=_to_item(all_values),
                ReturnValues="ALL_NEW",
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return _to_job(answer["Attributes"])

    def _get(self, key: str) -> dict[str, Any] | None:
        return (
            aws.dynamodb().get_item(TableName=self._name, Key={"job_id": {"S": key}}, ConsistentRead=True).get("Item")
        )

    def _put(self, row: dict[str, Any]) -> bool:
        from botocore.exceptions import ClientError

        try:
            aws.dynamodb().put_item(
                TableName=self._name, Item=_to_item(row), ConditionExpression="attribute_not_exists(job_id)"
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _claim_key(what: str) -> str:
    return f"claim#{hashlib.sha256(what.encode()).hexdigest()}"
