"""The process that MiniStack runs in: MiniStack itself, and a thread that writes its state down every few seconds.

By itself MiniStack 1.5.33 writes down only S3's objects at once and all else at a clean shutdown, so that a kill -9
would lose the job table and leave buckets that belong to no stack. It offers no call for this; what is used here is
private to it, and where a newer one has it no more, MiniStack runs without.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from typing import Any

from ministack import app  # type: ignore[import-untyped]
from ministack.core import persistence  # type: ignore[import-untyped]

_EVERY_SECONDS = 3.0

logger = logging.getLogger("checkpoint")


def main() -> None:
    logging.getLogger("persistence").setLevel(logging.WARNING)  # a line for each of its sixty services
    if hasattr(app, "_build_persistence_save_dict") and hasattr(app, "save_all"):
        saving = threading.Lock()

        def save_all(services: dict[str, Any]) -> None:
            with saving:  # MiniStack's own saving at shutdown uses the same files
                persistence.save_all(services)

        app.save_all = save_all
        threading.Thread(target=_checkpoints, name="checkpoint", daemon=True).start()
    app.main()


def _checkpoints() -> None:
    # It listens once it has read its old state. Saving before that would overwrite the old with nothing.
    while not _listens(int(os.environ["GATEWAY_PORT"])):
        time.sleep(0.1)
    while True:
        time.sleep(_EVERY_SECONDS)
        try:
            app.save_all(app._build_persistence_save_dict())
        except Exception:  # changed while it was read, for example: there is a next time
            logger.warning("state not written", exc_info=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
