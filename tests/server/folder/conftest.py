from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsmaller.server.folder.storage import FolderStorage
from tests.aws_stack import Clock
from tests.folder_world import SECRET_KEY

_IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Where the store is: in memory where the host can do that, for what is written and synced thousands of times."""
    if not _IN_MEMORY.is_dir():
        yield tmp_path / "store"
        return
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY) as folder:
        yield Path(folder) / "store"


@pytest.fixture
def storage(root: Path, clock: Clock) -> FolderStorage:
    return FolderStorage(root, SECRET_KEY, clock=clock)
