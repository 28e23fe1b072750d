"""The messages of SQS's standard queues."""

from __future__ import annotations

import threading
from typing import Any

from localstack.services.sqs.models import SqsMessage, StandardQueue, sqs_stores
from localstack.services.sqs.provider import SqsProvider

from pdfsmaller_localstack import durable

_files = durable.Files("queues")
_lock = threading.RLock()
_restored: set[str] = set()


class Provider(SqsProvider):
    """LocalStack's, with a memory."""

    def on_before_stop(self) -> None:
        durable.stop()
        super().on_before_stop()

    def create_queue(self, context: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with _lock:
            result = super().create_queue(context, queue_name, *args, **kwargs)
            name = f"{context.account_id}.{context.region}.{queue_name}"
            queue = sqs_stores[context.account_id][context.region].queues.get(queue_name)
            if name not in _restored and isinstance(queue, StandardQueue):
                _restored.add(name)
                _put_back(queue, _files.read(name) or [])
            return result


def save() -> None:
    with _lock:
        contents = {
            f"{account}.{region}.{queue.name}": _messages(queue)
            for account, regions in list(sqs_stores.items())
            for region, store in list(regions.items())
            for queue in list(store.queues.values())
            if isinstance(queue, StandardQueue)
        }
        _files.write(contents)


def _messages(queue: StandardQueue) -> list[SqsMessage]:
    with queue.mutex:
        return [m for m in (*queue.visible.queue, *queue.inflight, *queue.delayed) if not m.deleted]


def _put_back(queue: StandardQueue, messages: list[SqsMessage]) -> None:
    with queue.mutex:
        for message in sorted(messages):
            message.visibility_deadline = None
            message.receipt_handles = set()
            if message.is_delayed:
                queue.delayed.add(message)
            else:
                queue.visible.put_nowait(message)
