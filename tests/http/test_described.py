"""What the API's description and the page say of an operation is what its options say."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from pdfsmaller.operations import OPERATIONS, OperationSpec, on_page
from tests.http.test_page import data

EACH = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


@pytest.fixture
def described(client: FlaskClient) -> dict[str, Any]:
    body: dict[str, Any] = client.get("/openapi.json").get_json()
    return body


def form(described: dict[str, Any], operation: OperationSpec) -> dict[str, Any]:
    """The schema of an operation's form."""
    body = described["paths"][f"/api/{operation.route}"]["post"]["requestBody"]["content"]["multipart/form-data"]
    schema: dict[str, Any] = described["components"]["schemas"][body["schema"]["$ref"].rsplit("/", 1)[-1]]
    return schema


@EACH
def test_a_form_has_a_field_for_every_option(described: dict[str, Any], operation: OperationSpec) -> None:
    properties = form(described, operation)["properties"]
    assert set(properties) == {*operation.options.names(), "files", "callback_url", "reuse"}
    for name in operation.options.names():
        assert properties[name]["description"].startswith(operation.options.description(name)), name


@EACH
def test_a_form_names_the_values_and_defaults_of_its_options(
    described: dict[str, Any], operation: OperationSpec
) -> None:
    properties = form(described, operation)["properties"]
    for name in operation.options.names():
        if values := operation.options.values(name):
            shown = properties[name]
            kinds = shown.get("anyOf", [shown])
            assert any(kind.get("enum") == list(values) for kind in kinds), name
            assert shown.get("default") == operation.options.default(name), name


@EACH
def test_an_operation_may_be_asked_for_by_its_name(described: dict[str, Any], operation: OperationSpec) -> None:
    for schema in ("UploadRequest", "JobView"):
        assert operation.name in described["components"]["schemas"][schema]["properties"]["operation"]["enum"]


@pytest.mark.parametrize("operation", on_page(), ids=lambda operation: operation.name)
def test_an_operation_is_on_the_page(client: FlaskClient, operation: OperationSpec) -> None:
    page = client.get("/").text
    assert f'href="#{operation.name}"' in page
    shown = next(one for one in data(page, "service")["operations"] if one["name"] == operation.name)
    fields = {field["name"]: field for field in shown["fields"]}
    assert set(fields) == {name for name in operation.options.names() if operation.options.shown(name).label}
    assert shown["accept"] == operation.inputs.accept
    assert shown["preset"] in {choice["value"] for choice in fields["preset"]["choices"]}


def test_what_the_page_does_not_offer_is_not_on_it(client: FlaskClient) -> None:
    left_out = [operation for operation in OPERATIONS.values() if not operation.on_page]
    page = client.get("/").text
    assert left_out
    assert not any(f'href="#{operation.name}"' in page for operation in left_out)
    assert not {operation.name for operation in left_out} & {one["name"] for one in data(page, "service")["operations"]}


def test_every_path_says_what_it_answers_while_a_store_is_away(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for method in methods.values():
            away = method["responses"]["503"]
            assert path == "/api/health" or (
                "store_unavailable" in away["description"] and "Retry-After" in away["headers"]
            )
