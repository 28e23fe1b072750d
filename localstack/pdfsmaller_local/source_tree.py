"""Has the source of the functions changed?"""

from __future__ import annotations

from pathlib import Path

from pdfsmaller_local.config import ROOT

_FOLDERS = (ROOT / "functions", ROOT / "shared" / "pdfsmaller")

State = frozenset[tuple[str, int, int]]


def state() -> State:
    """What tells one state of the tree from another: every file's path, size and time of change."""
    found = set()
    for folder in _FOLDERS:
        for path in folder.rglob("*"):
            if "__pycache__" not in path.parts and path.is_file():
                facts = _facts(path)
                if facts:
                    found.add(facts)
    return frozenset(found)


def _facts(path: Path) -> tuple[str, int, int] | None:
    try:
        stat = path.stat()
    except OSError:  # an editor has just replaced it
        return None
    return str(path), stat.st_size, stat.st_mtime_ns
