"""What engine processes are told to run in tests instead of an operation."""

from __future__ import annotations

import ctypes
import json
import os
import random
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from pdfsmaller import errors
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.results import Progress


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
        "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208 - names alone
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


def tell_much(
    _sources: Sequence[InputFile], _folder: Path, _options: object, *, limits: object, progress: Progress
) -> NoReturn:
    """Be in many stages, one after the other, and then for long in one without a word of it."""
    for number in range(1_000):
        progress(f"stage {number}", number / 1_000, None)
    progress("long", 50.0, (1, 2))
    time.sleep(1)
    progress("last", 99.0, None)
    raise errors.EngineFailed("done")


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
