from __future__ import annotations

import json
from pathlib import Path

import pytest

from pdfsmaller import events

RECORDED = Path(__file__).parent / "events"


def test_reads_what_s3_sends() -> None:
    [created] = events.parse((RECORDED / "s3_put.json").read_text())
    assert created == events.ObjectCreated(
        "pdfsmaller-uploads",
        "inbox/Happy Face+ü.pdf",
        version="0055AED6DCD90281E5",
        etag="d41d8cd98f00b204e9800998ecf8427e",
    )


def test_prefers_the_version_id_where_the_bucket_has_versions() -> None:
    event = json.loads((RECORDED / "s3_put.json").read_text())
    event["Records"][0]["s3"]["object"]["versionId"] = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
    [created] = events.parse(event)
    assert created.version == "096fKKXTRTtl3on89fVO.nfljtsv6qko"


def test_a_test_event_names_no_object() -> None:
    assert events.parse((RECORDED / "s3_test_event.json").read_text()) == []


def test_a_deletion_names_no_object() -> None:
    event = json.loads((RECORDED / "s3_put.json").read_text())
    event["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    assert events.parse(event) == []


@pytest.mark.parametrize("key", ["inbox/a b+c%20.pdf", "inbox/日本/é.pdf", "jobs/0/in/0", "inbox/100%.pdf"])
def test_what_we_send_reads_back_the_same(key: str) -> None:
    for created in (events.ObjectCreated("bucket", key, "v1"), events.ObjectCreated("bucket", key, "v1", "etag")):
        assert events.parse(events.s3_event(created)) == [created]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "42",
        "{}",
        '{"Records": [{}]}',
        '{"Records": [{"s3": {"object": 1}}]}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_anything_else_is_malformed(body: str) -> None:
    with pytest.raises(events.MalformedEvent):
        events.parse(body)


def test_folders_are_told_from_files() -> None:
    assert events.ObjectCreated("b", "inbox/new/").is_folder
    assert not events.ObjectCreated("b", "inbox/new.pdf").is_folder
