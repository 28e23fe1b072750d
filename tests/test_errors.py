"""The error tree keeps its promises: stable codes, drawn whole, safe to show."""

from __future__ import annotations

import inspect
import json
import re

import pytest

from docs import errors as errors_docs
from pdfsmaller import errors
from pdfsmaller.errors import PdfSmallerError, from_wire, to_wire

#: A line of the drawing: branches, class, status and code.
_DRAWN = re.compile(r"^    ([│├└─ ]*)(\w+) +(\d{3}) (\w+)", re.MULTILINE)
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PdfSmallerError)]


def _make(kind: type[PdfSmallerError]) -> PdfSmallerError:
    known: dict[type[PdfSmallerError], PdfSmallerError] = {
        errors.InvalidOption: errors.InvalidOption("dpi", 5, ["36 to 1200"]),
        errors.LimitExceeded: errors.LimitExceeded("max_pages", 10, "Too many."),
        errors.LeaseHeld: errors.LeaseHeld("Busy.", 5.0),
        errors.RateLimited: errors.RateLimited("Too many.", "5 per hour", 60),
        errors.JobFailed: errors.JobFailed("unreadable_pdf", "Said in words."),
        errors.RemoteError: errors.RemoteError("unreadable_pdf", "Said in words."),
    }
    return known.get(kind) or kind("Said in words.")


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_a_code_a_title_and_a_status(kind: type[PdfSmallerError]) -> None:
    error = _make(kind)
    assert re.fullmatch(r"[a-z_]+", error.code)
    assert error.title
    assert 400 <= error.http_status <= 599
    assert str(error) == error.message


def test_codes_are_unique_among_the_leaves() -> None:
    leaves = [kind for kind in CLASSES if not kind.__subclasses__()]
    codes = [kind.code for kind in leaves]
    assert len(codes) == len(set(codes))


def test_the_drawing_in_the_docstring_is_the_tree() -> None:
    drawn, above = {}, [Exception.__name__]
    for branches, name, status, code in _DRAWN.findall(errors.__doc__ or ""):
        depth = len(branches) // 4
        above[depth + 1 :] = [name]
        assert name not in drawn
        drawn[name] = (above[depth], int(status), code)
    assert drawn == {kind.__name__: (kind.__base__.__name__, kind.http_status, kind.code) for kind in CLASSES}


def test_an_invalid_option_names_field_value_and_what_is_allowed() -> None:
    error = errors.InvalidOption("preset", "x" * 500, ["lossless", "ebook"])
    assert error.field == "preset"
    assert len(error.value) == 100
    assert "lossless, ebook" in error.message


def test_a_limit_names_itself() -> None:
    error = errors.LimitExceeded("max_pages", 10_000, "The PDF has 20,000 pages; at most 10,000 are allowed.")
    assert (error.limit, error.allowed) == ("max_pages", 10_000)


@pytest.mark.parametrize(
    "error",
    [
        errors.UnreadablePdf("broken."),
        errors.LimitExceeded("max_pages", 10, "too many."),
        errors.InvalidOption("pages", "x", ["1"]),
        errors.LeaseHeld("held.", 3),
    ],
)
def test_an_error_can_say_which_file_it_is_about(error: PdfSmallerError) -> None:
    named = error.about("a.pdf")
    assert type(named) is type(error)
    assert str(named) == named.message == f"a.pdf: {error.message}"
    assert {**vars(named), "message": ""} == {**vars(error), "message": ""}


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.crosses])
def test_an_error_that_crosses_is_the_same_on_the_other_side(kind: type[PdfSmallerError]) -> None:
    sent = _make(kind)
    received = from_wire(json.loads(json.dumps(to_wire(sent))))
    assert received.code == sent.code
    assert received.message == sent.message
    assert {name: getattr(received, name) for name in sent.details} == {n: getattr(sent, n) for n in sent.details}
    assert type(received) is type(sent) or type(sent) in type(received).__mro__  # a family and its first member


@pytest.mark.parametrize(
    "kind", [kind for kind in CLASSES if not kind.crosses and kind not in (errors.JobFailed, errors.RemoteError)]
)
def test_an_error_that_does_not_cross_is_a_failure_of_the_engine(kind: type[PdfSmallerError]) -> None:
    assert type(from_wire(to_wire(_make(kind)))) is errors.EngineFailed


@pytest.mark.parametrize(
    "body",
    [
        {"code": "unheard_of", "message": "x"},
        {"code": "job_failed", "message": "x"},
        {"code": "invalid_option", "message": "x", "field": "dpi", "value": "1", "allowed": 5},
        {"code": "invalid_option", "message": "x", "field": "dpi", "value": "1", "allowed": [{"not": "text"}]},
        {"code": "invalid_option", "message": "x", "field": ["dpi"], "value": "1", "allowed": []},
        {"code": "limit_exceeded", "message": "x", "limit": "max_pages"},
        {"code": "limit_exceeded", "message": "x", "limit": "max_pages", "allowed": "many"},
        {"code": "limit_exceeded", "message": "x", "limit": "max_pages", "allowed": True},
        {"code": "limit_exceeded", "message": "x", "limit": "max_pages", "allowed": float("nan")},
        {"code": ["limit_exceeded"], "message": "x"},
        {"code": "unreadable_pdf", "message": ["x"]},
        {"code": "unreadable_pdf"},
        {},
    ],
)
def test_a_process_that_was_taken_over_can_say_what_it_likes(body: dict[str, object]) -> None:
    received = from_wire(body)
    assert type(received) is errors.EngineFailed
    assert isinstance(received.message, str)


def test_what_documents_and_requests_can_be_wrong_in_crosses() -> None:
    """An error that is added to the tree crosses without being named anywhere else."""
    assert {kind for kind in CLASSES if issubclass(kind, errors.DocumentError)} <= {k for k in CLASSES if k.crosses}
    assert not any(kind.crosses for kind in (errors.LeaseLost, errors.WorkerCrashed, errors.TransientError))


def test_the_list_of_codes_is_made_from_the_tree() -> None:
    text = errors_docs.LIST.read_text(encoding="utf-8")
    assert errors_docs.filled(text) == text, "make docs"


def test_no_code_that_clients_know_is_gone_or_has_another_status() -> None:
    known = {row.code: row.status for row in errors_docs.listed(errors_docs.LIST.read_text(encoding="utf-8")).values()}
    now = {row.code: row.status for row in errors_docs.current().values()}
    assert known.items() <= now.items()


def test_a_list_made_anew_keeps_since_when_a_code_is_there() -> None:
    old = "| `not_a_pdf` | 415 | Once called so | 0.0.1 |\n| `gone` | 400 | Said no more | 0.0.1 |\n"
    made = errors_docs.listed(errors_docs.filled(old))
    assert made["not_a_pdf"] == ("not_a_pdf", 415, errors.NotAPdf.title, "0.0.1")
    assert made["gone"].since == "0.0.1"
    assert made["unauthorized"].since == errors_docs.__version__
