"""Every endpoint of the API under requests that are made up from its description, good ones and bad ones: never a 5xx,
and every answer is one that the description tells of.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from pdfsmaller import __version__
from pdfsmaller.http.openapi import document
from tests.aws_stack import Clock
from tests.folder_world import made_room, served

pytestmark = pytest.mark.slow
schema = schemathesis.openapi.from_dict(document("", __version__))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(made_room(tmp_path_factory.mktemp("world"), Clock()).world) as url:
        yield url


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_makes_the_service_fail(case: schemathesis.Case, address: str) -> None:
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    case.call_and_validate(base_url=address, checks=checks)
