"""Bitmaps of a document coded together: smaller, every pixel as it was, each to be had without the others."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pikepdf import Name

from pdfsmaller.engine.images import together, work
from pdfsmaller.engine.images.pixels import INVERTED
from tests.engine.conftest import Run
from tests.engine.jbig2.test_symbols import Bitmap, letters


def scans(pages: int) -> bytes:
    """A document of scanned pages, one bit per pixel."""
    with pikepdf.new() as pdf:
        for number in range(pages):
            page: Bitmap = letters(900, 700, number)
            image = pikepdf.Stream(
                pdf,
                page.black.translate(INVERTED),
                Type=Name.XObject,
                Subtype=Name.Image,
                Width=page.width,
                Height=page.height,
                ColorSpace=Name.DeviceGray,
                BitsPerComponent=1,
            )
            made = pdf.add_blank_page(page_size=(216, 168))
            made.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=image))
            made.Contents = pdf.make_stream(b"216 0 0 168 0 0 cm /I Do")
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("preset", ["ebook", "lossless"])
def test_pages_share_their_symbols(run: Run, preset: str) -> None:
    shared = run(scans(3), preset=preset)
    assert shared.same_pixels()
    symbols = {image.DecodeParms.JBIG2Globals.objgen for image in shared.images()}
    assert len(symbols) == 1
    size = shared.target.stat().st_size
    alone = run(scans(3), preset=preset, bilevel="generic")
    assert alone.same_pixels()
    assert all(image.Filter == Name.JBIG2Decode and "/DecodeParms" not in image for image in alone.images())
    assert size < 0.8 * alone.target.stat().st_size


def test_an_archive_may_ask_for_faxes(run: Run) -> None:
    result = run(scans(2), preset="ebook", bilevel="ccitt")
    assert {str(image.Filter) for image in result.images()} == {"/CCITTFaxDecode"}


def test_pages_whose_pixels_were_not_kept_are_decoded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BITMAPS_BYTES", 0)
    result = run(scans(3), preset="lossless")
    assert result.same_pixels()
    assert len({image.DecodeParms.JBIG2Globals.objgen for image in result.images()}) == 1


def test_pages_that_are_stored_as_jbig2_share_symbols_too(run: Run) -> None:
    alone = run(scans(3), preset="lossless", bilevel="generic")
    stored = alone.target.read_bytes()
    result = run(stored, preset="lossless")
    assert result.same_pixels()
    assert len({image.DecodeParms.JBIG2Globals.objgen for image in result.images()}) == 1
    assert result.target.stat().st_size < 0.85 * len(stored)
    assert "jbig2" not in result.report.images.skipped
    assert run(stored, preset="lossless", effort="fast").report.images.skipped["jbig2"] == 3


def test_pages_with_symbols_stay(run: Run) -> None:
    once = run(scans(3), preset="lossless").target.read_bytes()
    assert run(once, preset="lossless").report.images.skipped["jbig2"] == 3


def test_pages_are_taken_in_groups_up_to_a_bound(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "GROUP_BYTES", 100_000)  # a page
    monkeypatch.setattr(together, "MOST_PIXELS", 2 * 900 * 700)
    result = run(scans(3), preset="lossless")
    assert result.same_pixels()
    symbols = [image.DecodeParms.JBIG2Globals.objgen for image in result.images() if "/DecodeParms" in image]
    assert len(symbols) == len(set(symbols)) == 2
