"""The job table of an emulator: its conditions hold under threads, and items end with their time to live."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stack.live import Live


def test_of_many_writers_with_one_condition_one_wins(live: Live) -> None:
    table, name = live.outputs["JobsTableName"], f"test-{uuid.uuid4().hex}"
    client = live.clients("dynamodb")

    def write(number: int) -> bool:
        item: dict[str, Any] = {"job_id": {"S": name}, "by": {"N": str(number)}}
        try:
            client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(job_id)")
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(24))) == 1
    client.delete_item(TableName=table, Key={"job_id": {"S": name}})


@pytest.mark.skipif(
    (os.environ.get("EMULATOR") or "localstack") != "localstack",
    reason="MiniStack has no time to live; AWS takes up to days",
)
def test_items_end_with_their_time_to_live(live: Live) -> None:
    table, client = live.outputs["JobsTableName"], live.clients("dynamodb")
    over, later = (f"test-{uuid.uuid4().hex}" for _ in range(2))
    for name, seconds in ((over, -60), (later, 3600)):
        ttl = str(int(time.time()) + seconds)
        client.put_item(TableName=table, Item={"job_id": {"S": name}, "ttl": {"N": ttl}})

    def there(name: str) -> bool:
        return "Item" in client.get_item(TableName=table, Key={"job_id": {"S": name}})

    live.until(lambda: not there(over), 20, "it is deleted")
    assert there(later)
    client.delete_item(TableName=table, Key={"job_id": {"S": later}})
