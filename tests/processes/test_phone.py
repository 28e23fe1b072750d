"""A phone on the same network sends a picture and gets a PDF."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests import pictures
from tests.processes.served import Served

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def address_of_this_host() -> str:
    """Its address on the network; no packet is sent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
            return str(probe.getsockname()[0])
        except OSError:
            pytest.skip("this host is on no network")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")
def test_a_picture_becomes_a_pdf_on_a_phone(serve: Callable[..., Served], tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    host = address_of_this_host()
    one = serve("--workers", 1, "--host", "0.0.0.0", "--open")
    picture = tmp_path / "holiday.jpg"
    picture.write_bytes(pictures.saved(pictures.color(), "JPEG"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(**playwright.devices["iPhone 13"]).new_page()
        page.goto(one.url.replace("127.0.0.1", host))
        page.set_input_files("#files", picture)  # one photo among PDFs' tools: it begins at once
        page.locator("a.download").wait_for(timeout=30_000)
        with page.expect_download() as download:
            page.tap("a.download")
        assert download.value.suggested_filename == "holiday.pdf"
        assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing to scroll sideways"
        browser.close()
