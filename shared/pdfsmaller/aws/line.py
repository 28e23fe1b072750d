"""Who waits for a turn and who has one, in the job table; and messages sent back to SQS, which knows of no turns.

The index ``by_asker`` (``status``, ``asker``) is what is searched. A row ``turn#{asker}`` has the time of the last turn
of one; ``ttl`` removes it by itself.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, takewhile
from typing import Any

from pdfsmaller.aws import clients
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.states import Status

#: Running jobs counted: more than there can be workers at a time, so that the answer stays one page.
_MAX_RUNNING = 1_000
#: As long as SQS can delay a message.
_MAX_DELAY_SECONDS = 900
#: Who had no turn for so long is as good as one who never had any.
_TURN_KEPT_SECONDS = 86_400


class AwsLine:
    """``Line`` on the table of jobs and their queue."""

    def __init__(self, table: str, queue_url: str, clock: Callable[[], float] = time.time) -> None:
        self._table, self._url, self._now = table, queue_url, clock

    def waiting(self, at_most: int, begin: str = "") -> list[str]:
        found = list(islice(self._queued(begin), at_most))
        if begin and len(found) < at_most:
            found += islice(takewhile(lambda asker: asker <= begin, self._queued("")), at_most - len(found))
        return found

    def _queued(self, after: str) -> Iterator[str]:
        """Who has a queued job, by the alphabet. However many one has, the next is one question away."""
        while items := self._query(Status.QUEUED, after, limit=1):
            after = items[0]["asker"]["S"]
            yield after

    def running(self) -> Counter[str]:
        return Counter(item["asker"]["S"] for item in self._query(Status.RUNNING, "", limit=_MAX_RUNNING))

    def last_turns(self, askers: Iterable[str]) -> dict[str, float]:
        keys: list[Any] = [{"job_id": {"S": _turn_key(asker)}} for asker in askers]
        answer = clients.dynamodb().batch_get_item(RequestItems={self._table: {"Keys": keys}})
        items = answer["Responses"].get(self._table) or ()
        return {item["job_id"]["S"].removeprefix(_turn_key("")): float(item["at"]["N"]) for item in items}

    def take_turn(self, asker: str) -> None:
        now = self._now()
        clients.dynamodb().put_item(
            TableName=self._table,
            Item={
                "job_id": {"S": _turn_key(asker)},
                "at": {"N": f"{now:.3f}"},
                "ttl": {"N": str(int(now + _TURN_KEPT_SECONDS))},
            },
        )

    def put_back(self, message: Message, seconds: float) -> None:
        """See ``Line``. Between this and the acknowledgement there are two of the message: should the second not come,
        the other is a duplicate as any other.
        """
        delay = max(0, min(_MAX_DELAY_SECONDS, math.ceil(seconds)))
        clients.sqs().send_message(QueueUrl=self._url, MessageBody=message.body, DelaySeconds=delay)

    def _query(self, status: Status, after: str, *, limit: int) -> Any:
        values: dict[str, Any] = {":status": {"S": status}} | ({":after": {"S": after}} if after else {})
        answer = clients.dynamodb().query(
            TableName=self._table,
            IndexName="by_asker",
            KeyConditionExpression="#status = :status" + (" AND asker > :after" if after else ""),
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=values,
            Limit=limit,
        )
        return answer["Items"]


def _turn_key(asker: str) -> str:
    return f"turn#{asker}"
