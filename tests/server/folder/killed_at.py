"""Kills a process before each of the calls into the system (and every other into C) that a move of the storage makes,
and says what each left behind. Run by ``test_killed``, in a process that has one thread, as forking wants it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from pdfsmaller.server.folder.storage import FolderStorage

OLD, NEW = b"old" * 1_000, b"new" * 2_000
KEY, OTHER = "jobs/a/1/out", "inbox/b"


def put(storage: FolderStorage) -> None:
    storage.put_file("results", KEY, NEW, media_type="a/new", metadata={"is": "new"})


MOVES = {
    "put": put,
    "replace": put,
    "copy": lambda storage: storage.copy("results", KEY, "results", OTHER),
    "delete": lambda storage: storage.delete("results", KEY),
}


def killed_before(call: int, move: Any, storage: FolderStorage) -> bool:
    """Whether the process died, and did not end before so many calls."""
    child = os.fork()
    if child == 0:
        left = call

        def count(_frame: object, event: str, _arg: object) -> None:
            nonlocal left
            if event == "c_call":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        move(storage)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def state(storage: FolderStorage, root: Path) -> dict[str, Any]:
    """What is seen, and what lies there, before and after what is unfinished goes."""
    seen = {}
    for item in storage.list("results", ""):
        head = storage.head("results", item.key)
        data = storage.read("results", item.key)
        assert head
        seen[item.key] = [data in (OLD, NEW), data == NEW, head.metadata, head.bytes == len(data or b"")]
    unfinished = list(storage.abort_unfinished("results", 2e9 * 2))
    assert all(unfinished)
    assert list(storage.abort_unfinished("results", 2e9 * 2)) == []
    files = sum(path.is_file() for path in root.rglob("*"))
    empty = [str(path) for path in (root / "results").rglob("*") if path.is_dir() and not any(path.iterdir())]
    after = [item.key for item in storage.list("results", "")]
    return {"seen": seen, "files": files, "empty": empty, "unfinished": len(unfinished), "after": after}


def main(folder: Path, name: str) -> None:
    move, call, died = MOVES[name], 0, True
    while died:
        root = folder / "store"
        storage = FolderStorage(root, "a key for tests only")
        if name != "put":
            storage.put_file("results", KEY, OLD, media_type="a/old", metadata={"is": "old"})
        died = killed_before(call, move, storage)
        print(json.dumps(state(storage, root)))
        shutil.rmtree(root)
        call += 1


main(Path(sys.argv[1]), sys.argv[2])
