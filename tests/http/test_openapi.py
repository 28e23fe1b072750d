"""``/openapi.json``."""

from __future__ import annotations

from flask.testing import FlaskClient


def test_openapi_is_valid_and_describes_every_api_route(client: FlaskClient) -> None:
    from openapi_spec_validator import validate

    described = client.get("/openapi.json").get_json()
    validate(described)
    for path, form, code in (
        ("/api/merge-pdf", "MergeForm", "not_a_pdf"),
        ("/api/image-to-pdf", "ImagesForm", "not_an_image"),
    ):
        post = described["paths"][path]["post"]
        assert post["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].endswith(form)
        assert code in post["responses"]["415"]["description"]
    fields = described["components"]["schemas"]["MergeForm"]["properties"]
    assert {"files", "pages", "outline", "on_error", "decrypt", "optimize", "preset"} <= set(fields)
    routes = {
        str(rule).replace("<", "{").replace(">", "}")
        for rule in client.application.url_map.iter_rules()
        if str(rule).startswith("/api/")
    }
    assert routes == set(described["paths"])
