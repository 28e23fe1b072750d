"""The audit's lines, as they are written: who had what done."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from pdfsmaller.http.app import create_app
from pdfsmaller.services import audit
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.turns import asker_of
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import post, work


class Lines:
    """What the audit has written since the test began."""

    def __init__(self, written: io.StringIO) -> None:
        self._written = written

    def of(self, message: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._written.getvalue().splitlines()]
        return [line for line in lines if line["message"] == message]


@pytest.fixture
def lines() -> Iterator[Lines]:
    audit._logger()
    handler = next(one for one in logging.getLogger(audit.LOGGER).handlers if type(one) is logging.StreamHandler)
    written = io.StringIO()
    former, handler.stream = handler.stream, written  # (what it wrote to before may be closed)
    yield Lines(written)
    handler.setStream(former)


def test_a_job_has_a_line_at_its_beginning_and_one_at_its_end(stack: Stack, lines: Lines) -> None:
    photo, client = documents.photo_jpeg(), create_app(stack.world).test_client()
    made, key = stack.world.keys.create("me")
    job_id = post(client, photo, headers={"X-Api-Key": key}, preset="ebook").get_json()["job_id"]
    work(stack)
    [begun], [ended] = lines.of("job accepted"), lines.of("job ended")
    for line in (begun, ended):
        assert (line["job_id"], line["operation"], line["api_key"]) == (job_id, "compress", made.key_id)
        assert (line["files"], line["bytes_in"]) == (1, len(photo))
        assert (line["level"], line["service"]) == ("INFO", "pdfsmaller.audit")
        assert line["timestamp"]
    assert ended["outcome"] == "succeeded"
    assert ended["bytes_out"] == stack.job(job_id).results[0].bytes
    assert "outcome" not in begun


def test_without_a_key_it_has_what_stands_for_the_address(stack: Stack, lines: Lines) -> None:
    post(create_app(stack.world).test_client(), documents.text())
    [begun] = lines.of("job accepted")
    assert begun["asker"] == asker_of(Caller(None, "127.0.0.1"), stack.settings)
    assert "api_key" not in begun
    assert "127.0.0.1" not in json.dumps(begun)


def test_an_end_that_is_no_success_has_its_code(stack: Stack, lines: Lines) -> None:
    client = create_app(stack.world).test_client()
    post(client, documents.encrypted_user())
    work(stack)
    cancelled = post(client, documents.text()).get_json()["job_id"]
    client.post(f"/api/jobs/{cancelled}/cancel")
    failed, other = lines.of("job ended")
    assert (failed["outcome"], failed["code"]) == ("failed", "password_required")
    assert (other["job_id"], other["outcome"]) == (cancelled, "cancelled")


def test_a_drop_has_its_lines(stack: Stack, lines: Lines) -> None:
    stack.drop("inbox/private.pdf", documents.text())
    RunService(stack.world).handle(stack.message("inbox/private.pdf"))
    [begun], [ended] = lines.of("job accepted"), lines.of("job ended")
    assert (begun["asker"], begun["job_id"]) == ("inbox", ended["job_id"])


def test_a_job_that_is_submitted_again_under_its_id_is_accepted_once(stack: Stack, lines: Lines) -> None:
    service = SubmitService(stack.world)
    for _ in range(2):
        service.reserve_upload({"name": "a.pdf"}, under="1" * 32)
    assert len(lines.of("job accepted")) == 1


@pytest.mark.parametrize("asked", [False, True])
def test_files_are_named_where_that_is_asked_for(clock: Clock, lines: Lines, asked: bool) -> None:
    with made_stack(clock, audit_file_names=asked) as stack:
        post(create_app(stack.world).test_client(), documents.text())
        work(stack)
    told = [*lines.of("job accepted"), *lines.of("job ended")]
    assert [line.get("names") for line in told] == [["file 0.pdf"] if asked else None] * 2
    assert told[1].get("results") == (["file 0-smaller.pdf"] if asked else None)
    assert asked or "file 0" not in json.dumps(told)


def test_it_is_written_whatever_the_log_s_level_is(stack: Stack, lines: Lines) -> None:
    logging.getLogger(audit.LOGGER).setLevel(logging.ERROR)
    post(create_app(stack.world).test_client(), documents.text())
    assert lines.of("job accepted")
