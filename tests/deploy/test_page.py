"""A job is done in the browser, over https and through nginx."""

from __future__ import annotations

import shutil
from pathlib import Path

import pikepdf
import pytest

from tests import documents
from tests.deploy.nginx import Nginx
from tests.processes.served import Served

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")
def test_a_dropped_file_comes_back_smaller(behind: tuple[Nginx, Served], tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    front, _ = behind
    source = documents.write(tmp_path / "photo.pdf", documents.photo_jpeg())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(30_000)
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{front.url}/")
        page.locator("html[data-ready]").wait_for()
        page.locator("input[type=file]").first.set_input_files(source)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").first.click()
        result = tmp_path / "result.pdf"
        download.value.save_as(result)
        browser.close()
    assert wrong == []
    assert result.stat().st_size < source.stat().st_size
    with pikepdf.open(result) as pdf:
        assert len(pdf.pages) == 1
    assert {line["status"] for line in front.logged() if line["method"] == "POST"} <= {200, 201, 202, 204}
