"""The page of documentation shows what the description says, without a script or a stranger's host."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from pdfsmaller import __version__
from pdfsmaller.http.openapi import document
from pdfsmaller.http.reference import sections

DESCRIBED = document("http://localhost:8080", __version__)
ENDPOINTS = {one.anchor: one for section in sections(DESCRIBED) for one in section.endpoints}


def test_every_endpoint_is_in_one_section() -> None:
    paths = [*DESCRIBED["paths"].values(), *DESCRIBED["webhooks"].values()]
    assert sorted(ENDPOINTS) == sorted(what["operationId"] for methods in paths for what in methods.values())
    assert [section.title for section in sections(DESCRIBED)][:2] == ["Operations", "Large files"]


def test_a_form_shows_its_fields_with_values_and_defaults() -> None:
    fields = {entry.name: entry for entry in ENDPOINTS["compress"].body}
    assert ENDPOINTS["compress"].body_type == "multipart/form-data"
    assert fields["files"].required
    assert "file" in fields["files"].kind
    assert "ebook" in fields["preset"].kind
    assert "Default: " in fields["effort"].meaning


def test_answers_are_named_with_their_codes() -> None:
    answers = {entry.name: entry for entry in ENDPOINTS["download"].answers}
    assert "`job_failed`" in answers["422 Unprocessable Entity"].meaning


def test_what_is_sent_to_a_callback_is_shown_too() -> None:
    told = ENDPOINTS["jobEnded"]
    assert {entry.name for entry in told.parameters} == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert [entry.name for entry in told.body] == ["type", "timestamp", "data"]
    assert [entry.name for entry in told.answers] == ["2XX", "410 Gone", "default"]


def test_the_page_has_it_all_and_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert all(f'id="{anchor}"' in answer.text for anchor in ENDPOINTS)
    assert "<script" not in answer.text
    loaded = re.findall(r'<(?:link|img|script)[^>]*(?:href|src)="([^"]+)"', answer.text)
    assert all(address.startswith("assets/") for address in loaded)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
