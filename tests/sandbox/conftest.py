from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.sandbox import starting
from tests import documents


@pytest.fixture(params=["fresh", "forked"])
def way(request: pytest.FixtureRequest, warm_engine: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """How engine processes are started in a test: both ways, one after the other."""
    if request.param == "fresh":
        monkeypatch.setattr(starting._ahead, "is_warm", False)
    elif sys.platform != "linux":
        pytest.skip("the fork server is Linux's")
    return str(request.param)


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
        "compares": False,
        "sources": [{"path": str(source), "name": source.name}],
        "folder": str(target.parent),
        "options": {},
    }
