"""Errors come over from the engine's process as they left."""

from __future__ import annotations

import json

import pytest

from pdfsmaller import errors
from pdfsmaller.error_transport import from_json, to_json

SENT = [
    errors.UnreadablePdf("broken"),
    errors.UnreadableImage("broken"),
    errors.NotAPdf("none"),
    errors.EmptyFile("empty"),
    errors.InvalidPageRange("beyond"),
    errors.PasswordRequired("locked"),
    errors.WrongPassword("wrong"),
    errors.UnsupportedEncryption("certificates"),
    errors.DiskFull("full"),
    errors.EngineFailed("no idea"),
    errors.BadRequest("nothing"),
    errors.LimitExceeded("max_pages", 3, "Over max_pages."),
    errors.InvalidOption("dpi", "9", ["36", "1200"]),
]


@pytest.mark.parametrize("error", SENT, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_on_the_other_side(error: errors.PdfSmallerError) -> None:
    received = from_json(json.loads(json.dumps(to_json(error))))
    assert type(received) is type(error)
    assert received.__dict__ == error.__dict__


@pytest.mark.parametrize(
    "body",
    [
        {"code": "lease_lost", "message": "x"},
        {"code": "temporary_failure", "message": "x"},
        {"code": "unheard_of", "message": "x"},
        {"code": "invalid_option", "message": "x", "allowed": 5},
        {"code": "job_failed", "message": "x"},
        {},
    ],
)
def test_what_does_not_come_over_is_a_failure_of_the_engine(body: dict[str, object]) -> None:
    """A process that a document took over can say what it likes."""
    assert type(from_json(body)) is errors.EngineFailed
