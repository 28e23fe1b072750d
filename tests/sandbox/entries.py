"""What engine processes are told to run in tests instead of an operation."""

from __future__ import annotations

import ctypes
import json
import os
import random
import secrets
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pdfsmaller import errors
from pdfsmaller.engine.inputs import InputFile


def look(_sources: Sequence[InputFile], folder: Path, *_: object, **__: object) -> NoReturn:
    """Write down what the process finds around itself."""
    listing = os.listdir("/proc/self/fd")  # noqa: PTH208 - names alone
    open_files = {name: os.readlink(f"/proc/self/fd/{name}") for name in listing if _is_open(name)}  # noqa: PTH115
    found = {
        "open_files": open_files,
        "leads_its_session": os.getsid(0) == os.getpgrp() == os.getpid(),
        "can_be_looked_into": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 1,
        "cpu_seconds": time.process_time(),
        "chance": [random.random(), secrets.token_hex(), next(tempfile._get_candidate_names())],  # type: ignore[attr-defined]
        "threads": threading.active_count(),
    }
    (folder / "found.json").write_text(json.dumps(found))
    raise errors.EngineFailed("done")


def _is_open(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")


def close_everything(*_: object, **__: object) -> NoReturn:
    """Close every file, standard ones too, and go on."""
    os.closerange(0, 1_000)
    time.sleep(60)
    raise AssertionError


def wait(*_: object, **__: object) -> NoReturn:
    """Never end."""
    while True:
        time.sleep(60)


def use_memory(*_: object, **__: object) -> NoReturn:
    """Ask for more and more."""
    kept = []
    while True:
        kept.append(bytearray(50_000_000))


def use_time(*_: object, **__: object) -> NoReturn:
    """Count for ever."""
    while True:
        pass


def say(sources: Sequence[InputFile], *_: object, progress: Any, **__: object) -> NoReturn:
    """Answer with the name of the first source, as it is."""
    out = progress.__self__._out
    out.write(sources[0].name + "\n")
    out.flush()
    time.sleep(60)
    raise AssertionError


def remember(_sources: Sequence[InputFile], folder: Path, *_: object, **__: object) -> NoReturn:
    """Write down what the process knows of the environment that its caller was started with."""
    given = Path("/proc/self/environ").read_bytes().decode(errors="replace")
    found = {"environment": dict(os.environ), "given": given, "pid": os.getpid(), "server": os.getppid()}
    (folder / "found.json").write_text(json.dumps(found))
    raise errors.EngineFailed("done")
