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


def choose_preset(page: Page, name: str) -> None:
    """For the files that come now."""
    page.locator("details.new > summary").click()
    page.locator(f'input[data-option="preset"][value="{name}"]').check()


def test_two_files_are_chosen_and_come_back_smaller(live: Live, page: Page, tmp_path: Path) -> None:
    small = documents.write(tmp_path / "kleine Übung.pdf", documents.photo_jpeg())
    big = documents.write(tmp_path / "big.pdf", documents.photo_flate(1_600, 1_200))
    page.goto(live.url)
    choose_preset(page, "screen")
    page.set_input_files("#files", [small, big])
    page.locator("a.download").nth(1).wait_for(timeout=60_000)
    for card in page.locator(".card").all():
        assert "%" in card.locator(".figure").inner_text()
        with page.expect_download() as download:
            card.locator("a.download").click()
        source = tmp_path / card.locator(".name").inner_text()
        assert download.value.suggested_filename == f"{source.stem}-smaller.pdf"
        result = Path(download.value.path()).read_bytes()
        assert result.startswith(b"%PDF-")
        assert len(result) < source.stat().st_size


def test_a_failure_is_told_in_its_card(live: Live, page: Page, tmp_path: Path) -> None:
    locked = documents.write(tmp_path / "locked.pdf", documents.encrypted_user())
    page.goto(live.url)
    page.set_input_files("#files", locked)
    page.wait_for_selector(".failed", timeout=60_000)
    assert "password" in page.inner_text(".failed").lower()
    page.fill(".unlock input", documents.USER_PASSWORD)
    page.click(".unlock button")
    page.wait_for_selector("a.download", timeout=60_000)


def test_files_are_put_in_order_and_merged(live: Live, page: Page, tmp_path: Path) -> None:
    paths = [documents.write(tmp_path / f"{n} pages.pdf", documents.text(n)) for n in (1, 2, 3)]
    page.goto(f"{live.url}/#merge")
    page.set_input_files("#files", paths)
    page.locator("#go:enabled").wait_for(timeout=60_000)
    page.get_by_label("Move 3 pages.pdf earlier").click()
    page.keyboard.press("Enter")  # the button keeps the focus
    names = [name.splitlines()[0].split(" pages")[0] for name in page.locator(".tile .name").all_inner_texts()]
    assert names == ["3", "1", "2"]
    assert page.get_by_label("Move 3 pages.pdf earlier").is_disabled()
    page.click("#go")
    page.locator("a.download").wait_for(timeout=60_000)
    assert "One PDF, 6 pages" in page.inner_text("#jobs .state")
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "merged.pdf"
    shown = live.job(page.get_attribute("a.download", "href").split("/")[-2])
    assert [item["name"] for item in shown["inputs"]] == ["3 pages.pdf", "1 pages.pdf", "2 pages.pdf"]


def test_images_become_one_pdf(live: Live, page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.bmp" for n in range(2)]
    for path in paths:
        documents.photo(1_100, 800).save(path, "TIFF")  # what an image is shows its bytes
    page.goto(f"{live.url}/#image-to-pdf")
    page.set_input_files("#files", paths)
    page.locator("#go:enabled").click()
    page.locator("a.download").wait_for(timeout=60_000)
    assert "One PDF, 2 pages" in page.inner_text("#jobs .state")
    with page.expect_download() as download:
        page.click("a.download")
    assert download.value.suggested_filename == "0.pdf"


def test_a_pdf_is_split_and_its_parts_come_one_by_one(live: Live, page: Page, tmp_path: Path) -> None:
    page.goto(f"{live.url}/#split")
    page.set_input_files("#files", documents.write(tmp_path / "book.pdf", documents.text(5)))
    page.get_by_role("textbox", name="Pages in each part").fill("2")
    page.locator("#go:enabled").click(timeout=60_000)
    page.get_by_text("Download all (ZIP)").wait_for(timeout=60_000)
    assert "3 PDFs, 5 pages" in page.locator("#jobs .state").first.inner_text()
    assert page.locator("a.part").all_inner_texts() == ["book-1.pdf", "book-2.pdf", "book-3.pdf"]
    for link, name in ((page.locator("a.part").nth(1), "book-2.pdf"), (page.locator("a.download"), "book.zip")):
        with page.expect_download() as download:
            link.click()
        assert download.value.suggested_filename == name
