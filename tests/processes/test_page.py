"""The web page's flows in a real browser, on ``pdfsmaller serve``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
import requests

from tests import documents, pictures
from tests.processes.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LARGEST = 5_000_000
Scheme = Literal["light", "dark"]
#: Rules of WCAG 2.2 up to AA, and what axe thinks good beside.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian's package is called chromium)")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("page") / "data", "--workers", 1, MAX_FILE_SIZE=str(LARGEST))
    yield one
    one.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that remembers nothing."""
    context = browser.new_context(viewport={"width": 1_000, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, served: Served) -> Iterator[Page]:
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    opened(page, served.url)
    yield page
    assert wrong == []


def opened(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("html[data-ready]").wait_for()


def posts(page: Page) -> list[str]:
    """The paths of what is sent from now on."""
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url.split("/", 3)[3]))
    return sent


def card(page: Page, name: str) -> str:
    return f'.card:has(.name:has-text("{name}"))'


class TestMakingSmaller:
    def test_each_file_has_a_word_of_its_own(self, page: Page, tmp_path: Path) -> None:
        name = "🎉" + "n" * 100 + ".pdf"
        files = {
            name: documents.photo_jpeg(),
            "broken.pdf": b"no PDF at all",
            "empty.pdf": b"",
            "big.pdf": b"%PDF-1.7" + b"0" * LARGEST,
            "tiny.pdf": b"",
        }
        sent = posts(page)
        page.set_input_files("#files", [documents.write(tmp_path / n, data) for n, data in files.items()])
        page.locator("a.download").wait_for()
        page.locator(f"{card(page, 'broken.pdf')} .failed").wait_for()
        assert "not a PDF" in page.inner_text(f"{card(page, 'broken.pdf')} .failed")
        assert "empty" in page.inner_text(f"{card(page, 'empty.pdf')} .failed")
        assert "5 MB that this service takes. It was not sent." in page.inner_text(f"{card(page, 'big.pdf')} .failed")
        assert sent.count("api/uploads") == 1, "many are one request"
        assert sent.count("files/uploads") == 2, "what cannot be taken is not even sent"
        assert "smaller" in page.inner_text(f"{card(page, name)} .figure")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing to scroll sideways"

    @pytest.mark.slow
    def test_a_mind_is_changed_without_sending_again(self, page: Page, tmp_path: Path) -> None:
        page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.photo_jpeg()))
        page.locator("a.download").wait_for()
        first = page.inner_text(".card .state")
        sent = posts(page)
        page.get_by_role("button", name="Change").click()
        assert page.inner_text('.preset:has([value="ebook"]) .expected') == f"{first.split(' → ')[1]} now"
        page.locator('.preset:has([value="screen"]) .expected:has-text("about")').wait_for()
        page.locator('.card input[value="screen"]').check()
        page.get_by_role("button", name="Make it again").click()
        page.locator(f'.card .state:not(:text-is("{first}")):has-text("→")').wait_for()
        assert [path for path in sent if not path.endswith("again")] == []
        page.get_by_role("button", name="Change").click()
        page.locator(".made .chip").click()  # what was made before is still there
        assert page.inner_text(".card .state") == first

    @pytest.mark.slow
    def test_original_and_result_are_compared(self, page: Page, tmp_path: Path) -> None:
        page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.photo_jpeg()))
        page.get_by_role("button", name="Compare").click()
        page.locator("dialog[data-shown='1']").wait_for()
        for image in page.locator("dialog img").all():
            assert image.evaluate("image => image.naturalWidth") > 500
        slider = page.get_by_label("How much of the original")
        slider.focus()
        page.keyboard.press("ArrowRight")
        assert slider.input_value() == "51"
        page.get_by_label("Zoom in").click()
        assert page.locator(".stage.zoomed").count() == 1
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")

    def test_a_reload_loses_nothing_and_removing_deletes(self, page: Page, served: Served, tmp_path: Path) -> None:
        page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.photo_jpeg()))
        address = page.locator("a.download").get_attribute("href")
        page.reload()
        assert page.locator("a.download").get_attribute("href") == address
        assert "Deleted in" in page.inner_text(".left")
        page.get_by_label("Remove and delete now").click()
        page.locator(".card").wait_for(state="detached")
        served.until(lambda: requests.get(f"{served.url}/{address}", timeout=10).status_code == 410)
        page.reload()
        page.locator("html[data-ready]").wait_for()
        assert page.locator(".card").count() == 0

    @pytest.mark.slow
    def test_all_come_as_one_zip(self, page: Page, tmp_path: Path) -> None:
        files = [documents.write(tmp_path / f"{n}.pdf", documents.photo_jpeg(300 * n, 200 * n)) for n in (1, 2)]
        page.set_input_files("#files", files)
        button = page.get_by_role("button", name="All as ZIP")
        with page.expect_download() as download:
            button.click()
        assert Path(download.value.path()).read_bytes().startswith(b"PK")
        assert "saved in 2 files" in page.inner_text("#total")


@pytest.mark.slow
class TestLosingTheWay:
    def test_an_upload_goes_on_after_a_reload(self, page: Page, tmp_path: Path) -> None:
        network = throttled(page, upload=200_000)
        big = documents.write(tmp_path / "big.pdf", documents.photo_flate(1_600, 1_200))
        page.set_input_files("#files", big)
        page.locator("progress[value]").wait_for()
        page.on("dialog", lambda dialog: dialog.accept())  # the browser asks whether to leave
        page.reload()
        throttled(page, network)
        page.locator("a.download").wait_for()

    def test_an_upload_waits_for_the_network(self, page: Page, context: BrowserContext, tmp_path: Path) -> None:
        context.set_offline(True)
        page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.photo_jpeg()))
        page.locator(".state", has_text="No network").wait_for()
        time.sleep(1)
        assert page.locator(".card .failed").count() == 0
        context.set_offline(False)
        page.locator("a.download").wait_for()

    def test_the_same_file_is_not_sent_twice(self, page: Page, tmp_path: Path) -> None:
        file = documents.write(tmp_path / "a.pdf", documents.text(1))
        page.set_input_files("#files", file)
        page.set_input_files("#files", file)
        assert "here already" in page.inner_text("#toast")
        assert page.locator(".card").count() == 1


def throttled(page: Page, network: CDPSession | None = None, upload: int = -1) -> CDPSession:
    """So many bytes a second from here on; -1: no bound."""
    network = network or page.context.new_cdp_session(page)
    bounds = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
    network.send("Network.emulateNetworkConditions", bounds)
    return network


@pytest.mark.slow
class TestTools:
    def test_merging_shows_pages_and_takes_some_in_an_order(self, page: Page, served: Served, tmp_path: Path) -> None:
        opened(page, f"{served.url}/#merge")
        files = [documents.write(tmp_path / f"{n} pages.pdf", documents.text(n)) for n in (3, 2)]
        page.set_input_files("#files", files)
        page.locator("#go:enabled").wait_for()
        assert page.locator(".leaf img").count() == 5
        page.locator(".tile").first.get_by_label("Page 2", exact=True).click()
        assert page.locator(".tile").first.get_by_label("Pages", exact=True).input_value() == "1,3"
        page.get_by_label("Move 2 pages.pdf earlier").focus()
        page.keyboard.press("Enter")
        sent = posts(page)
        page.click("#go")
        page.locator("a.download").wait_for()
        assert len(sent) == 1, "nothing is sent again"
        assert "One PDF, 4 pages" in page.inner_text(".card .state")
        assert page.locator(".card .name").inner_text().startswith("2 pages.pdf")

    def test_files_are_dragged_to_their_place(self, page: Page, served: Served, tmp_path: Path) -> None:
        opened(page, f"{served.url}/#merge")
        files = [documents.write(tmp_path / f"{n}.pdf", documents.text(1)) for n in "abc"]
        page.set_input_files("#files", files)
        page.locator("#go:enabled").wait_for()
        page.locator(".grip").nth(2).hover()
        page.mouse.down()
        target = page.locator(".tile").first.bounding_box()
        assert target
        page.mouse.move(target["x"] + 30, target["y"] + 20, steps=5)
        page.mouse.up()
        assert [name[0] for name in page.locator(".tile .name").all_inner_texts()] == ["c", "a", "b"]

    def test_splitting_shows_the_parts(self, page: Page, served: Served, tmp_path: Path) -> None:
        opened(page, f"{served.url}/#split")
        page.set_input_files("#files", documents.write(tmp_path / "book.pdf", documents.text(5)))
        page.locator("#go:enabled").wait_for()
        page.get_by_role("textbox", name="Pages in each part").fill("3")
        assert page.locator(".piece b").all_inner_texts() == ["Part 1 · 3 pages", "Part 2 · 2 pages"]
        page.get_by_label("Cut behind page 1").click()
        assert page.get_by_role("textbox", name="Pages of each part").input_value() == "1,2-3,4-5"
        page.click("#go")
        page.get_by_text("Download all (ZIP)").wait_for()
        assert page.locator("a.part").count() == 3

    def test_pictures_lie_on_their_paper(self, page: Page, served: Served, tmp_path: Path) -> None:
        for name in ("a.png", "b.png"):
            (tmp_path / name).write_bytes(pictures.saved(documents.photo(600, 400), "PNG"))
        page.set_input_files("#files", [tmp_path / "a.png", tmp_path / "b.png"])
        page.locator(".paper img").nth(1).wait_for()  # several pictures lead to their tool
        page.get_by_label("Paper", exact=True).select_option("A4")
        page.get_by_label("Margin").fill("20mm")
        box = page.locator(".paper").first.bounding_box()
        image = page.locator(".paper img").first.bounding_box()
        assert box
        assert image
        assert box["width"] / box["height"] == pytest.approx(842 / 595, rel=0.02)
        assert (image["x"] - box["x"]) / box["width"] == pytest.approx(20 / 297, abs=0.01)
        page.click("#go")
        page.locator("a.download").wait_for()
        assert "One PDF, 2 pages" in page.inner_text(".card .state")


@pytest.mark.slow
class TestEverybody:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_the_list_is_clean_for_axe(self, browser: Browser, served: Served, tmp_path: Path, scheme: Scheme) -> None:
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", locale="de-DE")
        page = context.new_page()
        opened(page, served.url)
        page.locator("details.new > summary").click()
        assert violations(page) == []
        files = {"a.pdf": documents.photo_jpeg(), "broken.pdf": b"none", "locked.pdf": documents.encrypted_user()}
        page.set_input_files("#files", [documents.write(tmp_path / name, data) for name, data in files.items()])
        page.locator(".unlock").wait_for()
        page.get_by_role("button", name="Ändern").click()
        assert violations(page) == []
        page.get_by_role("button", name="Vergleichen").click()
        page.locator("dialog[data-shown]").wait_for()
        assert violations(page) == []
        context.close()

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_tools_are_clean_for_axe(self, browser: Browser, served: Served, tmp_path: Path, scheme: Scheme) -> None:
        context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        (tmp_path / "a.png").write_bytes(pictures.saved(documents.photo(60, 40), "PNG"))
        files = {"merge": "a.pdf", "split": "b.pdf", "image-to-pdf": "a.png"}
        for tool, name in files.items():
            opened(page, f"{served.url}/#{tool}")
            if name.endswith(".pdf"):
                documents.write(tmp_path / name, documents.text(3))
            page.set_input_files("#files", tmp_path / name)
            page.locator(".tile img").first.wait_for()
            assert violations(page) == []
            page.goto("about:blank")  # an address that differs in its fragment alone is no new page
        context.close()

    def test_a_slow_phone_can_use_it_within_a_second(self, browser: Browser, served: Served) -> None:
        """By the processor's time, at best: what else this machine does meanwhile is not the page's, but slows it."""
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.goto(served.url)  # what a browser compiles once is compiled
        cpu = context.new_cdp_session(page)
        cpu.send("Emulation.setCPUThrottlingRate", {"rate": 6})
        cpu.send("Performance.enable", {"timeDomain": "threadTicks"})

        def seconds() -> float:
            page.reload()
            page.locator("html[data-ready]").wait_for()
            metrics = cpu.send("Performance.getMetrics")["metrics"]
            return next(float(item["value"]) for item in metrics if item["name"] == "TaskDuration")

        assert any(seconds() < 1.0 for _ in range(10))
        context.close()

    @pytest.mark.parametrize("width", [320, 3_840])
    def test_nothing_is_wider_than_the_screen(
        self, browser: Browser, served: Served, tmp_path: Path, width: int
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": 800})
        page = context.new_page()
        opened(page, served.url)
        page.set_input_files("#files", documents.write(tmp_path / "a.pdf", documents.photo_jpeg()))
        page.get_by_role("button", name="Change").click()
        for tool in ("compress", "merge", "split", "image-to-pdf"):
            page.evaluate(f"location.hash = '{tool}'")
            page.locator(f'[data-operation="{tool}"][aria-current]').wait_for()
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), tool
        context.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]
