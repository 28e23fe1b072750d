from __future__ import annotations

import pytest

from pdfsmaller import sandbox
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Stack


@pytest.fixture(autouse=True)
def warm_engine() -> None:
    """Engine processes are forked, as where the services run: nearly every test here has one."""
    sandbox.warm_up()


@pytest.fixture
def service(stack: Stack) -> RunService:
    return RunService(stack.world)


@pytest.fixture
def submitting(stack: Stack) -> SubmitService:
    return SubmitService(stack.world)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.photo_jpeg()
