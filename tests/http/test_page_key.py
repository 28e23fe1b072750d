"""The web page of a service that asks for keys, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from werkzeug.serving import make_server

from pdfsmaller.http.app import create_app
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.http.talk import work
from tests.stack.test_page import page

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["page"]


@pytest.fixture
def stack(clock: Clock) -> Iterator[Stack]:
    with made_stack(clock, api_keys_required=True) as stack:
        yield stack


@pytest.fixture
def address(stack: Stack) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(stack.world), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def key(stack: Stack) -> str:
    return stack.world.keys.create("a browser")[1]


def test_a_key_is_asked_for_kept_for_the_tab_and_used_for_all(
    address: str, page: Page, stack: Stack, key: str, tmp_path: Path
) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.photo_jpeg())
    page.goto(address)
    page.set_input_files("#files", source)
    page.fill("#key", key)
    page.click("#go")
    page.locator("#jobs .state", has_text="queued").wait_for()
    work(stack)
    page.locator("a.download").wait_for(timeout=30_000)
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "a-smaller.pdf"
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    page.reload()
    assert page.input_value("#key") == key
    assert page.evaluate("localStorage.length") == 0


def test_a_wrong_key_is_said_in_words(address: str, page: Page, tmp_path: Path) -> None:
    page.goto(address)
    page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.text(1)))
    page.fill("#key", "not the right one at all")
    page.click("#go")
    page.wait_for_selector(".failed")
    assert "API key" in page.inner_text(".failed")
    assert page.evaluate("document.activeElement.id") == "key"
