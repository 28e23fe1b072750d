"""Request ids and traces: in, out, and in every log line."""

from __future__ import annotations

import json
import logging

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from flask.testing import FlaskClient

from pdfsmaller.telemetry import get_logger
from tests.aws_stack import Stack
from tests.http.talk import post, work

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_request_id_is_kept_and_a_forged_one_is_not(client: FlaskClient) -> None:
    assert client.get("/health", headers={"X-Request-Id": "abc-123"}).headers["X-Request-Id"] == "abc-123"
    for forged in ("a b<script>", "x" * 129, "é", ""):
        assert client.get("/health", headers={"X-Request-Id": forged}).headers["X-Request-Id"] != forged


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        (f"00-{TRACE}-{PARENT}-01", "01"),
        (f"00-{TRACE}-{PARENT}-00", "00"),
        (f"00-{TRACE}-{PARENT}-ff", "01"),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", "01"),
    ],
)
def test_a_trace_goes_on_with_a_span_of_our_own(client: FlaskClient, given: str, flags: str) -> None:
    version, trace, span, told = client.get("/health", headers={"traceparent": given}).headers["traceparent"].split("-")
    assert (version, trace, told) == ("00", TRACE, flags)
    assert span != PARENT
    assert len(span) == 16


@pytest.mark.parametrize(
    "given",
    [
        "",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        "x" * 10_000,
    ],
)
def test_what_is_none_begins_a_new_one(client: FlaskClient, given: str) -> None:
    told = client.get("/health", headers={"traceparent": given}).headers["traceparent"]
    assert TRACE not in told
    assert told != client.get("/health").headers["traceparent"]


def test_the_work_on_a_job_is_logged_with_the_trace_that_it_came_by(
    client: FlaskClient, stack: Stack, pdf: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "Prefer": "respond-async"}
    assert post(client, pdf, headers=headers).status_code == 202
    caplog.clear()
    work(stack)
    traces = {record.getMessage(): vars(record).get("trace_id") for record in caplog.records}
    assert (traces["attempt begins"], traces["job succeeded"]) == (TRACE, TRACE)
    stack.drop("inbox/a.pdf", pdf)
    caplog.clear()
    work(stack)
    [begun] = [record for record in caplog.records if record.getMessage() == "attempt begins"]
    assert "trace_id" not in vars(begun)


def test_every_line_of_a_request_has_both(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    @client.application.get("/api/talk")
    def talk() -> str:
        get_logger("upload").info("ours")
        logging.getLogger("somebody.else").warning("theirs")
        raise RuntimeError

    headers = {"X-Request-Id": "abc-123", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    assert client.get("/api/talk", headers=headers).status_code == 500
    assert {record.getMessage() for record in caplog.records} >= {"ours", "theirs", "unexpected error"}
    for record in caplog.records:
        assert (vars(record)["request_id"], vars(record)["trace_id"]) == ("abc-123", TRACE)
    line = json.loads(LambdaPowertoolsFormatter(service="upload").format(caplog.records[0]))
    assert (line["request_id"], line["trace_id"]) == ("abc-123", TRACE)
    caplog.clear()
    logging.getLogger("somebody.else").warning("later")
    assert "request_id" not in vars(caplog.records[0])
