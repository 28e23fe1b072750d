from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes.served import Served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts ``serve`` on a folder of the test's own, and stops it in the end."""
    started: list[Served] = []

    def start(*arguments: object, folder: str = "data", **settings: str) -> Served:
        started.append(Served(tmp_path / folder, *arguments, **settings))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()
