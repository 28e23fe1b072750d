"""The whole of it: several files, what the report says, and what the options of compression add."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from pdfsmaller.engine.from_images import convert
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import Preset
from pdfsmaller.errors import EngineFailed, NotAnImage, UnreadableImage
from pdfsmaller.limits import Limits
from tests import documents, pictures
from tests.engine.from_images.conftest import Make

GOOD = pictures.DECODED["jpeg"]
CUT = pictures.DECODED["png_rgb"]()[:500]


def test_files_become_pages_in_their_order(make: Make) -> None:
    files = [("a.jpg", GOOD()), ("b.tif", pictures.gray_tiff(3)), ("c.png", pictures.DECODED["png_1"]())]
    made = make(*files)
    assert [(s.name, s.pages, s.input_bytes) for s in made.report.sources] == [
        (name, pages, len(data)) for (name, data), pages in zip(files, (1, 3, 1), strict=True)
    ]
    assert made.report.input_bytes == sum(len(data) for _, data in files)
    assert made.report.outcome == "converted"
    assert [made.pixels(page).convert("L").getpixel((0, 0)) for page in (1, 2, 3)] == [0, 1, 2]


def test_one_broken_file_fails_the_job_and_is_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"^bad\.png "):
        make(GOOD(), ("bad.png", CUT), GOOD())
    assert not list(tmp_path.glob("*.pdf"))


def test_broken_files_can_be_left_out(make: Make) -> None:
    made = make(("a.jpg", GOOD()), ("bad.png", CUT), ("notes.txt", b"notes"), ("none.gif", b""), on_error="skip")
    assert made.report.pages == 1
    assert made.warnings() == ["skipped"] * 3
    assert made.report.warnings[0].message.startswith("bad.png ")
    errors = [source.error.code if source.error else None for source in made.report.sources]
    assert errors == [None, "unreadable_image", "not_an_image", "empty_file"]


def test_a_file_is_left_out_whole(make: Make) -> None:
    """Its first page is fine, its second is not."""
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 277: 1, 278: 8}
    half = pictures.tiff_of([(tags, bytes(64)), (tags | {259: 5}, b"no lzw")])
    made = make(("half.tif", half), GOOD(), on_error="skip")
    assert made.report.pages == 1
    assert "half.tif (page 2)" in made.report.warnings[0].message


def test_with_nothing_left_the_first_error_is_raised(make: Make) -> None:
    with pytest.raises(NotAnImage, match=r"^notes\.txt "):
        make(("notes.txt", b"notes"), ("bad.png", CUT), on_error="skip")


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_image_is_taken_and_that_is_told(make: Make, format: str) -> None:
    first = pictures.color()
    options = {"lossless": True} if format == "WEBP" else {}
    data = pictures.saved(first, format, save_all=True, append_images=[first.rotate(180)], **options)
    made = make(("moves", data))
    assert made.report.pages == 1
    assert made.warnings() == ["animation"]
    assert made.report.warnings[0].message.startswith("moves ")


def test_reduced_copies_in_a_tiff_are_no_pages(make: Make) -> None:
    tags = {258: 8, 259: 1, 262: 1, 277: 1}
    full, small = tags | {256: 8, 257: 8, 278: 8}, tags | {254: 1, 256: 4, 257: 4, 278: 4}
    assert make(pictures.tiff_of([(full, bytes(64)), (small, bytes(16)), (full, bytes(64))])).report.pages == 2


def test_the_same_input_gives_the_same_bytes(make: Make) -> None:
    files = [GOOD(), pictures.DECODED["png_rgba"](), pictures.DECODED["gif"]()]
    assert make(*files).path.read_bytes() == make(*files).path.read_bytes()


def test_when_time_is_up_images_are_coded_faster(make: Make) -> None:
    data = pictures.saved(documents.photo(300, 200), "BMP")
    hurried = make(data, limits=Limits(soft_seconds=0))
    assert hurried.report.output_bytes > make(data).report.output_bytes
    assert hurried.pixels().tobytes() == documents.photo(300, 200).tobytes()


def test_one_file_gives_the_title(make: Make) -> None:
    assert str(make(("Grüße.jpg", GOOD())).pdf.docinfo.Title) == "Grüße"
    assert "/Info" not in make(("a.jpg", GOOD()), strip_metadata=True).pdf.trailer
    assert "/Info" not in make(GOOD(), GOOD()).pdf.trailer


def test_linearize_is_done(make: Make) -> None:
    made = make(GOOD(), linearize=True)
    assert made.pdf.is_linearized
    assert made.image().read_raw_bytes() == GOOD()


def test_options_of_compression_code_images_again(make: Make) -> None:
    data = pictures.saved(documents.photo(900, 600), "PNG", dpi=(300, 300))
    plain = make(data)
    made = make(data, preset="screen")
    assert made.report.output_bytes < plain.report.output_bytes / 4
    assert made.report.images.changed == 1
    assert made.report.outcome == "converted"
    assert made.size()[0] < 900
    assert made.report.input_bytes == len(data)
    assert "compress" in made.report.seconds


def test_grayscale_is_done(make: Make) -> None:
    made = make(GOOD(), color_mode="grayscale")
    assert made.image().ColorSpace == pikepdf.Name.DeviceGray


def test_a_target_size_out_of_reach_is_told(make: Make) -> None:
    data = pictures.saved(documents.photo(600, 400), "PNG")
    assert make(data, target_size=1_000).report.outcome == "target_not_met"
    assert make(data, target_size="20KB").report.output_bytes <= 20_000


@pytest.mark.parametrize("preset", [None, "ebook"])
def test_progress_goes_up_to_a_hundred(tmp_path: Path, preset: Preset | None) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(GOOD())
    told: list[tuple[str, int]] = []
    sources = [InputFile(path, "a.jpg")] * 3
    options = ImageOptions(preset=preset)
    convert.images_to_pdf(sources, tmp_path / "out.pdf", options, progress=lambda *now: told.append(now))
    percents = [now[1] for now in told]
    assert (told[0], told[-1]) == (("images", 0), ("done", 100))
    assert percents == sorted(percents)


def test_the_target_stays_as_it_was_until_all_is_done(make: Make, tmp_path: Path) -> None:
    target = tmp_path / "out0.pdf"
    target.write_bytes(b"before")
    with pytest.raises(UnreadableImage):
        make(GOOD(), CUT)
    assert target.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*"))


def test_a_pdf_that_is_not_whole_is_not_handed_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert.Document, "finish", lambda *_: None)
    with pytest.raises(EngineFailed):
        make(GOOD())
