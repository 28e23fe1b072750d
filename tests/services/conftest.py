from __future__ import annotations

import pytest

from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Stack


@pytest.fixture(autouse=True)
def forked_engine(warm_engine: None) -> None:
    """Nearly every test here has an engine process."""


@pytest.fixture
def service(stack: Stack) -> RunService:
    return RunService(stack.world)


@pytest.fixture
def submitting(stack: Stack) -> SubmitService:
    return SubmitService(stack.world)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.photo_jpeg()
