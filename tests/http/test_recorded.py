"""Clients go on reading what they read: the API's JSON has all that it had when ``recorded`` was taken.

New fields may come; none may go, change its type or, where it is no id, time, size or signature, its value. A file in
``recorded`` is changed by hand, together with the change of the API that it stands for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.aws_stack import Stack
from tests.http.scenes import answers

RECORDED = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (Path(__file__).parent / "recorded").iterdir()
}
_ID = re.compile(r"[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_BUCKET = re.compile(r"uploads-[0-9a-f]{8}")
#: Numbers that mean the same whatever machine and release made them.
_EXACT = ("pages", "attempts", "progress", "status", "seen", "changed", "expires_in")
#: Made of times, keys and the machine: only that they are there counts.
_LOOSE = ("x-amz-credential", "x-amz-date", "policy", "x-amz-signature", "bounds", "before", "after")


def missing(recorded: Any, now: Any, where: str = "") -> list[str]:
    """What of a recorded answer is not there any more, by its place."""
    name = where.rsplit(".", 1)[-1]
    if name in _LOOSE:
        return [] if type(now) is type(recorded) else [where]
    if isinstance(recorded, dict) and isinstance(now, dict):
        gone = [f"{where}.{key}" for key in recorded if key not in now]
        kept = [key for key in recorded if key in now]
        return gone + [place for key in kept for place in missing(recorded[key], now[key], f"{where}.{key}")]
    if isinstance(recorded, list) and isinstance(now, list):
        if len(recorded) != len(now):
            return [where]
        return [place for index, item in enumerate(recorded) for place in missing(item, now[index], f"{where}.{index}")]
    if isinstance(recorded, bool) or recorded is None or name in _EXACT:
        return [] if recorded == now else [where]
    if isinstance(recorded, int | float):
        return [] if isinstance(now, int | float) and not isinstance(now, bool) else [where]
    return [] if _plain(recorded) == _plain(now) else [where]


def _plain(text: Any) -> Any:
    """A text without what differs from one run to the next."""
    if not isinstance(text, str):
        return text
    return _BUCKET.sub("(bucket)", _TIME.sub("(time)", _ID.sub("(id)", text)))


def test_the_api_answers_with_all_that_it_did(client: FlaskClient, stack: Stack) -> None:
    now = answers(client, stack)
    assert set(now) == set(RECORDED)
    assert [place for name in RECORDED for place in missing(RECORDED[name], now[name], name)] == []


def test_what_is_gone_or_changed_is_found() -> None:
    body = {"id": "0" * 32, "result": {"bytes": 5, "pages": 2}, "inputs": [{"name": "a.pdf"}], "error": None}
    assert missing(body, body | {"id": "1" * 32, "result": {"bytes": 6, "pages": 2, "new": 1}}) == []
    assert missing(body, {name: value for name, value in body.items() if name != "inputs"}) == [".inputs"]
    assert missing(body, body | {"result": {"bytes": "5", "pages": 3}}) == [".result.bytes", ".result.pages"]
    assert missing(body, body | {"inputs": [{"name": "b.pdf"}], "error": {}}) == [".inputs.0.name", ".error"]
