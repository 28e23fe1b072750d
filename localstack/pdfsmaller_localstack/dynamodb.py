"""DynamoDB through moto, with two things that moto leaves out: atomic writes and time to live.

moto checks a condition and then writes, unguarded: two threads can both find it true. Every call takes one lock here.
Items whose time to live is over are deleted within seconds (AWS takes up to days).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import ServiceLifecycleHook
from moto.dynamodb.models import Table, dynamodb_backends

LOG = logging.getLogger(__name__)

LOCK = threading.RLock()
_TTL_SECONDS = 5.0


class Provider(DynamodbApi, ServiceLifecycleHook):
    """All of it is moto's."""

    def on_after_init(self) -> None:
        threading.Thread(target=_expire_for_ever, name="dynamodb-ttl", daemon=True).start()


def dispatch_table(provider: Provider, after: Callable[[str, RequestContext], None]) -> dict[str, Any]:
    """moto's operations, one at a time. ``after`` is called with each operation's name while the lock is held."""

    def guarded(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(context: RequestContext, *args: Any, **kwargs: Any) -> Any:
            with LOCK:
                result = operation(context, *args, **kwargs)
                after(name, context)
                return result

        return call

    return {name: guarded(name, operation) for name, operation in MotoFallbackDispatcher(provider).items()}


def tables() -> Iterator[tuple[str, str, Table]]:
    """Every table with its account and region. Hold the lock."""
    for account, regions in list(dynamodb_backends.items()):
        for region, backend in list(regions.items()):
            for table in list(backend.tables.values()):
                yield account, region, table


def _expire_for_ever() -> None:
    while True:
        time.sleep(_TTL_SECONDS)
        try:
            with LOCK:
                for _, _, table in tables():
                    expire(table, time.time())
        except Exception:
            LOG.warning("expired items were not deleted", exc_info=True)


def expire(table: Table, now: float) -> int:
    """Delete the items of a table whose time to live is over at ``now`` (Unix seconds); how many there were."""
    if table.ttl.get("TimeToLiveStatus") != "ENABLED":
        return 0
    name = table.ttl["AttributeName"]
    over = [item for item in list(table.all_items()) if _is_over(item.attrs.get(name), now)]
    for item in over:
        table.delete_item(item.hash_key, item.range_key)
    return len(over)


def _is_over(value: Any, now: float) -> bool:
    # Only numbers count, and none older than five years: https://docs.aws.amazon.com/amazondynamodb/…/howitworks-ttl
    return value is not None and value.type == "N" and now - 5 * 365 * 86400 < float(value.value) <= now
