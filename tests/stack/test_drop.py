"""A PDF dropped into the bucket's inbox becomes a result under the same key."""

from __future__ import annotations

import json
import time

import pytest

from tests import documents
from tests.stack.live import Live, image_size, page_count


@pytest.mark.parametrize(
    "key",
    [
        "inbox/plain.pdf",
        "inbox/with spaces and + plus & more%20.pdf",
        "inbox/Zürich/Überweisung – №7 (日本).pdf",
        "inbox/no extension",
    ],
)
def test_a_drop_comes_back_under_its_own_key(live: Live, key: str) -> None:
    pdf = documents.photo_jpeg()
    live.drop(key, pdf, preset="ebook")
    result = live.until(lambda: live.result(key), 60, key)
    small = result["Body"].read()
    assert page_count(small) == 1
    assert len(small) < len(pdf)
    facts = result["Metadata"]
    assert facts["outcome"] == "compressed"
    assert (facts["input-bytes"], facts["output-bytes"]) == (str(len(pdf)), str(len(small)))
    job = live.finished(facts["job-id"])
    assert (job["status"], job["options"]) == ("succeeded", {"preset": "ebook"})


def test_options_come_from_the_objects_metadata(live: Live) -> None:
    pdf = documents.photo_jpeg(1200, 900, dpi=300)
    sizes = {}
    for dpi in ("72", "150"):
        key = f"inbox/options/{dpi}.pdf"
        live.drop(key, pdf, dpi=dpi, owner="somebody")  # what is no option of ours is the owner's affair
        sizes[dpi] = image_size(live.until(lambda key=key: live.result(key), 60, key)["Body"].read())
    assert sizes["72"][0] == pytest.approx(1200 * 72 / 300, abs=2)
    assert sizes["150"][0] == pytest.approx(1200 * 150 / 300, abs=2)


@pytest.mark.parametrize(
    ("name", "make", "metadata", "code"),
    [
        ("broken.pdf", documents.header_only, {}, "unreadable_pdf"),
        ("not a pdf.txt", documents.not_a_pdf, {}, "not_a_pdf"),
        ("locked.pdf", documents.encrypted_user, {}, "password_required"),
        ("odd option.pdf", documents.text, {"preset": "tiny"}, "invalid_option"),
    ],
)
def test_a_drop_that_fails_says_so_beside_its_key(live: Live, name: str, make, metadata, code: str) -> None:
    key = f"inbox/failing/{name}"
    live.drop(key, make(), **metadata)
    error = json.loads(live.until(lambda: live.error(key), 60, key)["Body"].read())
    assert error["error"]["code"] == code
    assert live.result(key) is None


def test_a_drop_that_was_mended_loses_its_error(live: Live) -> None:
    key = "inbox/mended.pdf"
    live.drop(key, documents.header_only())
    live.until(lambda: live.error(key), 60, key)
    live.drop(key, documents.photo_jpeg(), preset="ebook")
    live.until(lambda: live.result(key), 60, key)
    live.until(lambda: live.error(key) is None, 10, key)


def test_folders_and_other_places_are_no_drops(live: Live) -> None:
    live.drop("inbox/folder/", b"")
    live.drop("elsewhere/a.pdf", documents.text())
    live.drop("inbox/after.pdf", documents.photo_jpeg())
    live.until(lambda: live.result("inbox/after.pdf"), 60)
    time.sleep(1)
    assert live.keys("inbox/folder") == []
    assert live.keys("elsewhere") == []
