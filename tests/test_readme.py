"""The README says what the code does, where it is made from the code."""

from __future__ import annotations

import re
import time
from typing import Any

from docs.options import README, filled
from pdfsmaller.operations import OPERATIONS
from pdfsmaller.services.webhooks import signature


def test_the_tables_of_options_are_those_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert filled(text) == text, "run: make docs"


def test_every_operation_has_a_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert re.findall(r"<!-- options of ([\w-]+) -->", text) == list(OPERATIONS)


def test_the_lines_that_check_a_callback_do_so() -> None:
    text = README.read_text(encoding="utf-8")
    [lines] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def is_genuine" in block]
    found: dict[str, Any] = {}
    exec(lines, found)
    secret, body, now = "whsec_" + "A" * 32, b'{"type": "job.failed"}', int(time.time())

    def headers(timestamp: int) -> dict[str, str]:
        signed = signature.sign(signature.read(secret), "id", timestamp, body)
        return {"webhook-id": "id", "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,AAAA {signed}"}

    assert found["is_genuine"](headers(now), body, secret)
    assert not found["is_genuine"](headers(now), body + b" ", secret)
    assert not found["is_genuine"](headers(now) | {"webhook-id": "other"}, body, secret)
    assert not found["is_genuine"](headers(now), body, "whsec_" + "B" * 32)
    assert not found["is_genuine"](headers(now - 600), body, secret)
