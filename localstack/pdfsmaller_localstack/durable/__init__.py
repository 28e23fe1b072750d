"""What buckets, queues and tables hold, kept on disk. (LocalStack's own persistence is not in its open-source release.)

Kept: the objects of buckets, the messages of standard queues, the items of tables. Not kept: the resources themselves
(the deployment makes them anew at each start), multipart uploads in progress, metrics and logs, FIFO queues. What a
resource held comes back at the moment when one of its name is created, without any event.

Everything changed is written within about half a second; a ``kill -9`` loses no more than that. Queues are written
before tables and tables before buckets: what a kill tears apart is then a message too many, never one too few.
Messages that were in flight come back visible: whoever had received them ended with the emulator.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localstack.state import pickle

LOG = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.4

_changed = threading.Event()
_saving = threading.Lock()
_savers: list[Callable[[], None]] = []


def folder(kind: str) -> Path | None:
    """Where one kind of resource is kept, or None where nothing is to be kept."""
    data = os.environ.get("PDFSMALLER_DATA")
    return Path(data) / kind if data else None


def start() -> None:
    """Write down what changes from now on, until the process ends."""
    from localstack.aws.handlers import run_custom_response_handlers

    from pdfsmaller_localstack.durable import buckets, queues, tables

    _savers[:] = [queues.save, tables.save, buckets.save]
    run_custom_response_handlers.append(_notice)
    threading.Thread(target=_save_for_ever, name="durable", daemon=True).start()


def _notice(_chain: Any, context: Any, _response: Any) -> None:
    if not context.service or not context.operation or context.service.service_name not in ("s3", "sqs", "dynamodb"):
        return
    if not context.operation.name.startswith(("Get", "Head", "List", "Describe", "BatchGet", "Query", "Scan")):
        _changed.set()


def changed() -> None:
    """Something changed by itself, not by a request."""
    _changed.set()


def _save_for_ever() -> None:
    while True:
        _changed.wait()
        _changed.clear()
        begun = time.monotonic()
        save()
        # Large states are written less often: at most a sixth of the time goes into it.
        time.sleep(max(_PAUSE_SECONDS, 5 * (time.monotonic() - begun)))


def save() -> None:
    """Write down everything that changed."""
    with _saving:
        for saver in _savers:
            try:
                saver()
            except Exception as exc:
                LOG.error("the data is not written: %s", exc, exc_info=LOG.isEnabledFor(logging.DEBUG))
                _changed.set()


def stop() -> None:
    """Write down everything for the last time: LocalStack is about to close its stores."""
    save()
    with _saving:
        _savers.clear()


class Files:
    """One pickled file per resource, written only where it changed."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._written: dict[str, bytes] = {}

    def write(self, contents: dict[str, Any]) -> set[str]:
        """Write what each resource holds; delete the files of those that were here and are gone, and name them."""
        root = folder(self._kind)
        if root is None:
            return set()
        root.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            data = pickle.dumps(content)
            if self._written.get(name) != data:
                replace(root / name, data)
                self._written[name] = data
        gone = self._written.keys() - contents.keys()
        for name in gone:
            (root / name).unlink(missing_ok=True)
            del self._written[name]
        return gone

    def read(self, name: str) -> Any | None:
        """What a resource of this name held, or None. A file that cannot be read is set aside."""
        root = folder(self._kind)
        path = root / name if root else None
        if path is None or not path.exists():
            return None
        try:
            return pickle.loads(path.read_bytes())
        except Exception as exc:
            LOG.error("%s cannot be read and is set aside as .broken: %s", path, exc)
            with contextlib.suppress(OSError):
                path.replace(path.with_name(f"{name}.broken"))
            return None


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
