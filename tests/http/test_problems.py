"""What an error of the tree says, its problem says: in the body, and in headers."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from pdfsmaller import errors
from pdfsmaller.http import problems

#: What every problem has.
_COMMON = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def answer(error: Exception) -> TestResponse:
    app = Flask(__name__)
    problems.install(app)

    @app.get("/")
    def index() -> NoReturn:
        raise error

    return app.test_client().get("/")


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (errors.InvalidOption("dpi", 5, [36, 72]), {"field": "dpi", "value": "5", "allowed": ["36", "72"]}),
        (errors.LimitExceeded("max_pages", 10, "Over max_pages."), {"limit": "max_pages", "allowed": 10}),
        (errors.ResultNotFound("There is no result 3."), {}),
    ],
)
def test_a_problem_carries_what_its_error_says(error: errors.PdfSmallerError, details: dict[str, Any]) -> None:
    response = answer(error)
    body = response.get_json(force=True)
    assert response.status_code == body["status"] == error.http_status
    assert (body["code"], body["title"], body["detail"]) == (error.code, error.title, error.message)
    assert {name: body[name] for name in body.keys() - _COMMON} == details


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.StoreUnavailable("Away.", retry_after=7), "7"),
        (errors.StoreUnavailable("Away.", retry_after=0.2), "1"),
        (errors.JobNotReady("Not yet."), "1"),
        (errors.JobNotFound("None."), None),
        (errors.DiskFull("Full."), None),
    ],
)
def test_retry_after_is_sent_where_it_is_known_in_whole_seconds(error: Exception, seconds: str | None) -> None:
    assert answer(error).headers.get("Retry-After") == seconds
