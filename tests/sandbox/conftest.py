from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import sandbox
from tests import documents


@pytest.fixture(scope="module", params=["fresh", "forked"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """How engine processes are started in a test: both ways, one after the other."""
    sandbox.cool_down()
    if request.param == "forked":
        if sys.platform != "linux":
            pytest.skip("the fork server is Linux's")
        sandbox.warm_up()
    yield request.param
    sandbox.cool_down()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return documents.write(tmp_path / "in.pdf", documents.photo_jpeg())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.pdf"


@pytest.fixture
def spec(source: Path, target: Path) -> dict[str, Any]:
    """What a child is told that compresses ``source``."""
    return {
        "entry": "pdfsmaller.engine.compress:run",
        "options_class": "pdfsmaller.engine.options:CompressOptions",
        "libraries": [],
        "sources": [{"path": str(source), "name": source.name}],
        "folder": str(target.parent),
        "options": {},
    }
