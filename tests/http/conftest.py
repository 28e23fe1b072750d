from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pdfsmaller.http.app import create_app
from tests import documents
from tests.aws_stack import Stack


@pytest.fixture
def client(stack: Stack) -> FlaskClient:
    return create_app(stack.world).test_client()


@pytest.fixture(scope="session")
def pdf() -> bytes:
    return documents.photo_jpeg()
