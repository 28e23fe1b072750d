"""The web page of a service whose files are in a folder, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import FolderRoom, made_room, served
from tests.stack.test_page import choose_preset, page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page"]


@pytest.fixture
def room(tmp_path: Path, clock: Clock) -> FolderRoom:
    return made_room(tmp_path / "store", clock, max_inline_result_size=1_000)


@pytest.fixture
def address(room: FolderRoom) -> Iterator[str]:
    """With a worker beside it."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            room.work()

    worker = threading.Thread(target=work)
    with served(room.world) as address:
        worker.start()
        yield address
        stop.set()
        worker.join()


def test_a_file_goes_in_by_its_form_and_out_by_its_link(address: str, page: Page, tmp_path: Path) -> None:
    big = documents.write(tmp_path / "big.pdf", documents.photo_flate(1_600, 1_200))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.removeprefix(address)}"))
    page.goto(address)
    choose_preset(page, "screen")
    page.set_input_files("#files", big)
    page.locator("a.download").wait_for(timeout=60_000)
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "big-smaller.pdf"
    result = Path(download.value.path()).read_bytes()
    assert result.startswith(b"%PDF-")
    assert len(result) < big.stat().st_size
    sent = [line for line in asked if line.startswith("POST")]
    assert sent[:2] == ["POST /api/uploads", "POST /files/uploads"]
    assert sent[2].endswith("/uploaded")


def test_several_images_too(address: str, page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.tif" for n in range(2)]
    for path in paths:
        documents.photo(1_100, 800).save(path)
    page.goto(f"{address}/#image-to-pdf")
    page.set_input_files("#files", paths)
    page.locator("#go:enabled").click()
    page.locator("a.download").wait_for(timeout=60_000)
    assert "One PDF, 2 pages" in page.inner_text("#jobs .state")
