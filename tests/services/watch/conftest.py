from __future__ import annotations

from pathlib import Path

import pytest

from tests.aws_stack import Clock
from tests.services.watch.watched import Watched


@pytest.fixture
def watched(clock: Clock, tmp_path: Path) -> Watched:
    return Watched(clock, tmp_path)
