"""Which bounds hold for engine processes on this system."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pdfsmaller.engine.confinement import confine
from pdfsmaller.limits import Limits


def bounds_here() -> tuple[str, ...]:
    """The names of the bounds that hold (``engine.confinement.BOUNDS``): asked of a child that binds itself and ends.

    To be called before this process has a second thread. Empty where there can be no such child.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            held = confine(Limits(), sources=(), folder=Path(tempfile.gettempdir()))
            os.write(writing, json.dumps(held).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        answer = told.read()
    os.waitpid(child, 0)
    return tuple(json.loads(answer)) if answer else ()
