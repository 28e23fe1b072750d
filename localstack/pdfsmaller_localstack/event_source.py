"""SQS event sources that serve several messages at once.

LocalStack's poller looks at the queue once a second, rests up to ten seconds where it was empty, and waits for each
invocation before it fetches the next message. AWS invokes up to MaximumConcurrency functions at once; so does this one.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

LOG = logging.getLogger(__name__)

_WAIT_SECONDS = 2
_DEFAULT_CONCURRENCY = 10


class ConcurrentSqsPoller(SqsPoller):
    """Hands each batch to a thread of its own; fetches none while all are busy."""

    concurrency = _DEFAULT_CONCURRENCY

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._busy = 0
        self._changed = threading.Condition()

    def poll_events(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._busy < self.concurrency, _WAIT_SECONDS):
                return
        answer = self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, 10),
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        if messages := answer.get("Messages"):
            with self._changed:
                self._busy += 1
            threading.Thread(target=self._serve, args=(messages,), name="sqs-event-source", daemon=True).start()

    def _serve(self, messages: list[dict[str, Any]]) -> None:
        try:
            self.handle_messages(messages)
        except Exception as exc:
            LOG.warning("messages of %s go back to the queue: %s", self.source_arn, exc)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify()


def install() -> None:
    """Have LocalStack use this poller from now on."""
    original = esm_worker_factory.EsmWorkerFactory.get_esm_worker

    def get_esm_worker(self: esm_worker_factory.EsmWorkerFactory) -> EsmWorker:
        worker = original(self)
        if isinstance(worker.poller, ConcurrentSqsPoller):
            scaling = self.esm_config.get("ScalingConfig") or {}
            worker.poller.concurrency = int(scaling.get("MaximumConcurrency") or _DEFAULT_CONCURRENCY)
        return worker

    esm_worker_factory.SqsPoller = ConcurrentSqsPoller
    esm_worker_factory.EsmWorkerFactory.get_esm_worker = get_esm_worker
