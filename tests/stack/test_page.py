"""The web page in a real browser, against the whole stack."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import documents
from tests.stack.live import Live

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian's package is called chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *quiet])
        page = browser.new_page(viewport={"width": 900, "height": 600})
        said: list[ConsoleMessage] = []
        page.on("console", lambda message: said.append(message))  # it wants a function of its own
        yield page
        browser.close()
    # A breach of the page's Content-Security-Policy shows here too; and every refusal, of which that of a key is meant.
    assert [m.text for m in said if m.type == "error" and "status of 401" not in m.text] == []


def test_two_files_are_chosen_and_come_back_smaller(live: Live, page: Page, tmp_path: Path) -> None:
    # The second is too big for a request through a Function URL: the page sends it straight to the bucket.
    small = documents.write(tmp_path / "kleine Übung.pdf", documents.photo_jpeg())
    big = documents.write(tmp_path / "big.pdf", documents.photo_flate(1_600, 1_200))
    assert big.stat().st_size > 4_000_000
    page.goto(live.url)
    page.set_input_files("#files", [small, big])
    page.select_option("#preset", "screen")
    page.click("button")
    page.locator("a.download").nth(1).wait_for(timeout=60_000)
    for row in page.query_selector_all("li"):
        name = row.query_selector(".name")
        state = row.query_selector(".state")
        link = row.query_selector("a.download")
        assert name
        assert state
        assert link
        assert "% smaller" in state.inner_text()
        with page.expect_download() as download:
            link.click()
        source = tmp_path / name.inner_text()
        assert download.value.suggested_filename == f"{source.stem}-smaller.pdf"
        result = Path(download.value.path()).read_bytes()
        assert result.startswith(b"%PDF-")
        assert len(result) < source.stat().st_size


def test_a_failure_is_told_in_its_row(live: Live, page: Page, tmp_path: Path) -> None:
    locked = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    page.goto(live.url)
    page.set_input_files("#files", locked)
    page.click("button")
    page.wait_for_selector(".failed", timeout=60_000)
    assert "password" in page.inner_text(".failed").lower()
    page.fill("#password", documents.USER_PASSWORD)
    page.click("button")
    page.wait_for_selector("a.download", timeout=60_000)


def test_files_are_put_in_order_and_merged(live: Live, page: Page, tmp_path: Path) -> None:
    paths = [documents.write(tmp_path / f"{n} pages.pdf", documents.text(n)) for n in (1, 2, 3)]
    page.goto(live.url)
    page.select_option("#operation", "merge")
    page.set_input_files("#files", paths)
    page.get_by_label("Move 3 pages.pdf up").click()
    page.keyboard.press("Enter")  # the button keeps the focus
    assert page.locator("#chosen .name").all_inner_texts() == ["3 pages.pdf", "1 pages.pdf", "2 pages.pdf"]
    assert page.get_by_label("Move 3 pages.pdf up").is_disabled()
    page.click("#go")
    page.locator("a.download").wait_for(timeout=60_000)
    assert "one PDF of 6 pages" in page.inner_text("#jobs .state")
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "merged.pdf"
    shown = live.job(page.get_attribute("a.download", "href").split("/")[3])
    assert [item["name"] for item in shown["inputs"]] == ["3 pages.pdf", "1 pages.pdf", "2 pages.pdf"]


def test_images_too_big_for_a_request_become_one_pdf(live: Live, page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.bmp" for n in range(2)]
    for path in paths:
        documents.photo(1_100, 800).save(path, "TIFF")  # what an image is shows its bytes
    assert sum(path.stat().st_size for path in paths) > 4_000_000
    page.goto(live.url)
    page.select_option("#operation", "image-to-pdf")
    assert page.locator("#password").is_hidden()
    page.set_input_files("#files", paths)
    page.click("#go")
    page.locator("a.download").wait_for(timeout=60_000)
    assert "one PDF of 2 pages" in page.inner_text("#jobs .state")
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "0.pdf"


def test_a_pdf_is_split_and_its_parts_come_one_by_one(live: Live, page: Page, tmp_path: Path) -> None:
    page.goto(live.url)
    page.select_option("#operation", "split")
    assert page.locator("#target_size").is_hidden()
    page.set_input_files("#files", documents.write(tmp_path / "book.pdf", documents.text(5)))
    page.fill("#every", "2")
    page.click("#go")
    page.get_by_text("Download all (ZIP)").wait_for(timeout=60_000)
    assert "3 PDFs of 5 pages" in page.locator("#jobs .state").first.inner_text()
    assert page.locator("a.part").all_inner_texts() == ["book-1.pdf", "book-2.pdf", "book-3.pdf"]
    for link, name in ((page.locator("a.part").nth(1), "book-2.pdf"), (page.locator("a.download"), "book.zip")):
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == name
