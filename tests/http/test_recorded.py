"""Clients go on reading what they read: the API's JSON has all that it had when ``recorded`` was taken.

New fields may come; none may go, change its type or, where it is no id, time, size or signature, its value. A file in
``recorded`` is changed by hand, together with the change of the API that it stands for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.aws_stack import Stack
from tests.http.scenes import answers

RECORDED = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (Path(__file__).parent / "recorded").iterdir()
}
_ID = re.compile(r"[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_BUCKET = re.compile(r"uploads-[0-9a-f]{8}")
#: Sizes, durations, signatures and what the machine offers: all in them keeps its kind, but not its value.
_VARYING = {
    "bytes", "input_bytes", "output_bytes", "before", "after", "ratio", "seconds", "bounds",
    "x-amz-credential", "x-amz-date", "policy", "x-amz-signature",
}  # fmt: skip


def missing(recorded: Any, now: Any, where: str = "", *, varies: bool = False) -> list[str]:
    """What of a recorded answer is not there any more, or not what it was, by its place."""
    varies = varies or where.rpartition(".")[2] in _VARYING
    if isinstance(recorded, dict) and isinstance(now, dict):
        places = ((key, f"{where}.{key}") for key in recorded)
        return [
            gone
            for key, place in places
            for gone in (missing(recorded[key], now[key], place, varies=varies) if key in now else [place])
        ]
    if isinstance(recorded, list) and isinstance(now, list) and not varies:
        if len(recorded) != len(now):
            return [where]
        return [gone for n, item in enumerate(recorded) for gone in missing(item, now[n], f"{where}.{n}")]
    if varies:
        return [] if _kind(recorded) is _kind(now) else [where]
    return [] if type(recorded) is type(now) and _plain(recorded) == _plain(now) else [where]


def _kind(value: Any) -> type:
    """A value's type; JSON knows one for numbers."""
    return float if type(value) is int else type(value)


def _plain(text: Any) -> Any:
    """A text without what differs from one run to the next."""
    if not isinstance(text, str):
        return text
    return _BUCKET.sub("(bucket)", _TIME.sub("(time)", _ID.sub("(id)", text)))


def test_the_api_answers_with_all_that_it_did(client: FlaskClient, stack: Stack) -> None:
    now = answers(client, stack)
    assert set(now) == set(RECORDED)
    assert [place for name in RECORDED for place in missing(RECORDED[name], now[name], name)] == []


BODY = {
    "id": "0" * 32,
    "at": "2026-01-01T00:00:00.000Z",
    "result": {"bytes": 5, "ratio": 1, "pages": 2},
    "inputs": [{"name": "a.pdf"}],
    "done": True,
    "error": None,
}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1" * 32},
        {"at": "2027-12-31T23:59:59.999Z"},
        {"result": {"bytes": 6, "ratio": 0.5, "pages": 2}},
        {"result": {"bytes": 5, "ratio": 1, "pages": 2, "new": 1}},
        {"new": {}},
    ],
)
def test_what_differs_from_run_to_run_and_what_is_new_is_no_change(change: dict[str, Any]) -> None:
    assert missing(BODY, BODY | change) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "short"}, [".id"]),
        ({"at": 5}, [".at"]),
        ({"result": {"bytes": "5", "ratio": None, "pages": 3}}, [".result.bytes", ".result.ratio", ".result.pages"]),
        ({"result": {"bytes": 5, "ratio": True, "pages": 2.0}}, [".result.ratio", ".result.pages"]),
        ({"result": {}}, [".result.bytes", ".result.ratio", ".result.pages"]),
        ({"result": None}, [".result"]),
        ({"inputs": [{"name": "b.pdf"}]}, [".inputs.0.name"]),
        ({"inputs": []}, [".inputs"]),
        ({"done": 1}, [".done"]),
        ({"error": {}}, [".error"]),
    ],
)
def test_what_is_changed_is_found(change: dict[str, Any], where: list[str]) -> None:
    assert missing(BODY, BODY | change) == where


@pytest.mark.parametrize("name", BODY)
def test_what_is_gone_is_found(name: str) -> None:
    assert missing(BODY, {key: value for key, value in BODY.items() if key != name}) == [f".{name}"]
