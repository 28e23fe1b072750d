"""The folder in which gunicorn's processes count together, each in files of its own (PROMETHEUS_MULTIPROC_DIR).

Prometheus' client looks for it when it is imported, so it is made before.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "pdfsmaller-figures-"


def begin(memory: Path) -> None:
    """Have the folder, with nothing in it: what was counted before is over.

    Args:
        memory: where to make one that the environment does not name, if there is such a place.
    """
    if given := os.environ.get(_VARIABLE):
        folder = Path(given)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):
            old.unlink()
    else:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix=_PREFIX, dir=memory if memory.is_dir() else None)


def forget(pid: int) -> None:
    """Drop what a process that has ended said of its present; what it has counted stays."""
    if _VARIABLE in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def end() -> None:
    """Remove the folder, if it was made here."""
    folder = Path(os.environ.get(_VARIABLE, ""))
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
