"""Kills a process before each of the calls into the system (and every other into C) that a move of the storage makes,
and says what each left behind. Run by ``test_killed``, in a process that has one thread, as forking wants it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from pdfsmaller.jobs.objects import PartGrant
from pdfsmaller.server.folder.storage import FolderStorage

OLD, NEW = b"old" * 1_000, b"new" * 2_000
KEY, OTHER = "jobs/a/1/out", "inbox/b"


def put(storage: FolderStorage) -> None:
    storage.put_file("results", KEY, NEW, media_type="a/new", metadata={"is": "new"})


def in_parts(storage: FolderStorage) -> None:
    upload_id = storage.begin_multipart(KEY, part_bytes=4_000, media_type="a/new")
    for number, part in ((2, NEW[4_000:]), (1, OLD), (1, NEW[:4_000])):
        storage.put_part(PartGrant(KEY, upload_id, number, len(part)), io.BytesIO(part))
    assert storage.complete_multipart(KEY, upload_id, storage.list_parts(KEY, upload_id) or [])


MOVES = {
    "put": put,
    "in parts": in_parts,
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


def state(storage: FolderStorage, root: Path, bucket: str) -> dict[str, Any]:
    """What is seen, and what lies there, before and after what is unfinished goes."""
    seen = {}
    for item in storage.list(bucket, ""):
        head = storage.head(bucket, item.key)
        data = storage.read(bucket, item.key)
        assert head
        seen[item.key] = [data in (OLD, NEW), data == NEW, head.metadata, head.bytes == len(data or b"")]
    unfinished = list(storage.abort_unfinished(bucket, 2e9 * 2))
    assert all(unfinished)
    assert list(storage.abort_unfinished(bucket, 2e9 * 2)) == []
    files = sum(path.is_file() for path in root.rglob("*"))
    empty = [str(path) for path in (root / bucket).rglob("*") if path.is_dir() and not any(path.iterdir())]
    after = [item.key for item in storage.list(bucket, "")]
    return {"seen": seen, "files": files, "empty": empty, "unfinished": len(unfinished), "after": after}


def main(folder: Path, name: str) -> None:
    move, call, died = MOVES[name], 0, True
    while died:
        root = folder / "store"
        storage = FolderStorage(root, "a key for tests only")
        bucket = "uploads" if move is in_parts else "results"
        if name != "put":
            storage.put_file(bucket, KEY, OLD, media_type="a/old", metadata={"is": "old"})
        died = killed_before(call, move, storage)
        print(json.dumps(state(storage, root, bucket)))
        shutil.rmtree(root)
        call += 1


main(Path(sys.argv[1]), sys.argv[2])
