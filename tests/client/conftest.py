from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsmaller.client import Client
from tests.processes.served import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that runs elsewhere, as processes of its own."""
    one = Served(tmp_path_factory.mktemp("service") / "data", "--workers", 1)
    yield one
    one.stop()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url) as made:
        yield made


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder for the caller's files."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder
