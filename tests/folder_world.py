"""A world whose files are in a folder, served over HTTP on this host as in service."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from pdfsmaller.http.app import create_app
from pdfsmaller.server.folder.storage import FolderStorage
from pdfsmaller.services.world import World
from tests.aws_stack import Clock
from tests.services.room import Room

SECRET_KEY = "a key for tests only"
FolderRoom = Room[FolderStorage]


def made_room(root: Path, clock: Clock, *, max_bytes: int | None = None, **settings: Any) -> FolderRoom:
    """Jobs and messages in memory, files below ``root``."""
    storage = FolderStorage(root, SECRET_KEY, max_bytes=max_bytes, clock=clock)
    return Room(clock, storage, secret_key=SECRET_KEY, **settings)


def killed_while_putting(root: Path, bucket: str, key: str, *, after_bytes: int = 100_000) -> None:
    """A process that is killed while it writes an object, when so many bytes have come."""
    code = """
import io, os, signal, sys
from pathlib import Path
from pdfsmaller.server.folder.storage import FolderStorage

class Body(io.RawIOBase):
    left = int(sys.argv[4])

    def read(self, size=-1):
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= (given := min(size, self.left))
        return bytes(given)

storage = FolderStorage(Path(sys.argv[1]), "a key for tests only")
storage.put_file(sys.argv[2], sys.argv[3], Body(), media_type="application/pdf")
"""
    arguments = [sys.executable, "-c", code, str(root), bucket, key, str(after_bytes)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL


@contextmanager
def served(world: World) -> Iterator[str]:
    """The address at which the API of a world answers."""
    server = make_server("127.0.0.1", 0, create_app(world), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
