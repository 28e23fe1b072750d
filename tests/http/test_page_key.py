"""The web page of a service that asks for keys, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import FolderRoom, made_room, served
from tests.stack.test_page import page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page"]


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> FolderRoom:
    return made_room(tmp_path / "store", clock, api_keys_required=True)


@pytest.fixture
def address(room: FolderRoom) -> Iterator[str]:
    with served(room.world) as address:
        yield address


@pytest.fixture
def key(room: FolderRoom) -> str:
    return room.world.keys.create("a browser")[1]


def test_a_key_is_asked_for_kept_for_the_tab_and_used_for_all(
    address: str, page: Page, room: FolderRoom, key: str, tmp_path: Path
) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.photo_jpeg())
    page.goto(address)
    page.fill("#key", key)
    page.set_input_files("#files", source)
    page.locator("#jobs .state", has_text="Next in line").wait_for()
    room.work()
    page.locator("a.download").wait_for(timeout=30_000)
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "a-smaller.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    page.reload()
    assert page.input_value("#key") == key
    assert key not in page.evaluate("JSON.stringify({...localStorage})")


def test_a_wrong_key_is_said_in_words(address: str, page: Page, tmp_path: Path) -> None:
    page.goto(address)
    page.fill("#key", "not the right one at all")
    page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.text(1)))
    page.wait_for_selector(".failed")
    assert "API key" in page.inner_text(".failed")
    assert page.evaluate("document.activeElement.id") == "key"
