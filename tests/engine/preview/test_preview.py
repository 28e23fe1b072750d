"""Pages as pictures: as large and as coloured as asked for, and only those that can be shown."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from pdfsmaller import errors
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.preview.options import FIRST_PAGES, PreviewOptions
from pdfsmaller.engine.preview.preview import run
from pdfsmaller.engine.render import page
from pdfsmaller.engine.report import PreviewReport
from pdfsmaller.engine.results import Done
from pdfsmaller.limits import Limits
from tests import documents

Preview = Callable[..., Done[PreviewReport]]


@pytest.fixture
def preview(tmp_path: Path) -> Preview:
    """Picture pages of a document given as bytes. Other keywords are options."""

    runs = itertools.count()

    def go(document: bytes, *, limits: Limits | None = None, **options: Any) -> Done[PreviewReport]:
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        source = documents.write(tmp_path / "report.pdf", document)
        return run(
            [InputFile(source, "report.pdf")],
            folder,
            PreviewOptions.parse(options),
            limits=limits or Limits(),
            progress=lambda *_: None,
        )

    return go


def pictures(done: Done[PreviewReport]) -> list[Image.Image]:
    images = []
    for file in done.files:
        assert file.media_type == "image/webp"
        image = Image.open(file.path)
        assert image.format == "WEBP"
        images.append(image)
    return images


def blank(*sizes: tuple[float, float]) -> bytes:
    """Pages of these sizes in points, each all of one colour of its own."""
    pdf = pikepdf.new()
    for number, size in enumerate(sizes):
        pdf.add_blank_page(page_size=size)
        red = (number * 37 % 256) / 255
        pdf.pages[-1].contents_add(f"{red} 0.5 0 rg 0 0 {size[0]} {size[1]} re f".encode())
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def test_each_page_is_a_picture_of_the_width_asked_for(preview: Preview) -> None:
    done = preview(blank((600, 800), (800, 600), (333, 333)), width=301)
    assert [image.size for image in pictures(done)] == [(226, 301), (301, 226), (301, 301)]
    assert [file.name for file in done.files] == ["page-001.webp", "page-002.webp", "page-003.webp"]
    report = done.report
    assert (report.page_count, report.pages, report.outcome) == (3, 3, "previewed")
    assert [(p.name, p.page, p.width, p.height) for p in report.previews] == [
        ("page-001.webp", 1, 600, 800),
        ("page-002.webp", 2, 800, 600),
        ("page-003.webp", 3, 333, 333),
    ]
    assert report.output_bytes == sum(file.path.stat().st_size for file in done.files)


def test_colours_are_those_of_the_page(preview: Preview) -> None:
    (image,) = pictures(preview(blank(*[(100, 100)] * 6), pages="6"))
    red, green, blue = image.getpixel((160, 160))
    assert abs(red - 185) < 6
    assert abs(green - 128) < 6
    assert blue < 6


def test_pages_are_picked_in_the_order_of_the_ranges_each_once(preview: Preview) -> None:
    done = preview(blank(*[(100, 100)] * 5), pages="4-,1,5,-2", width=16)
    assert [file.name for file in done.files] == ["page-004.webp", "page-005.webp", "page-001.webp"]


def test_the_first_pages_stand_for_a_long_document(preview: Preview) -> None:
    done = preview(blank(*[(50, 50)] * (FIRST_PAGES + 5)), width=16)
    assert len(done.files) == done.report.pages == FIRST_PAGES
    assert done.report.page_count == FIRST_PAGES + 5


def test_a_turned_page_is_shown_turned(preview: Preview) -> None:
    with pikepdf.open(io.BytesIO(blank((200, 100)))) as pdf:
        pdf.pages[0].rotate(90, relative=False)
        out = io.BytesIO()
        pdf.save(out)
    done = preview(out.getvalue(), width=100)
    assert pictures(done)[0].size == (50, 100)
    assert (done.report.previews[0].width, done.report.previews[0].height) == (100, 200)


def test_a_page_that_is_a_line_is_shown_in_whole_pixels(preview: Preview) -> None:
    assert pictures(preview(blank((14_000, 3)), width=500))[0].size == (500, 1)


def test_what_a_forms_fields_hold_is_drawn(preview: Preview) -> None:
    with pikepdf.open(io.BytesIO(documents.form())) as pdf:
        for page in pdf.pages:
            if "/Annots" in page:
                del page.Annots
        out = io.BytesIO()
        pdf.save(out)
    bare, filled = preview(out.getvalue()), preview(documents.form())
    assert pictures(bare)[0].tobytes() != pictures(filled)[0].tobytes()


def test_a_password_opens_an_encrypted_document(preview: Preview) -> None:
    with pytest.raises(errors.PasswordRequired):
        preview(documents.encrypted_user())
    with pytest.raises(errors.WrongPassword):
        preview(documents.encrypted_user(), password="wrong")
    assert preview(documents.encrypted_user(), password=documents.USER_PASSWORD).files


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (b"", errors.EmptyFile),
        (documents.not_a_pdf(), errors.NotAPdf),
        (b"%PDF-1.7\nnothing else", errors.UnreadablePdf),
        (documents.encrypted_for_certificates(), errors.UnsupportedEncryption),
    ],
)
def test_what_cannot_be_opened_is_refused_and_leaves_nothing(
    preview: Preview, tmp_path: Path, document: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        preview(document)
    assert [path.name for path in tmp_path.rglob("*") if path.name != "0"] == ["report.pdf"]


def test_pages_that_are_not_there_are_refused(preview: Preview) -> None:
    with pytest.raises(errors.InvalidPageRange, match=r"there is no page 3"):
        preview(blank((9, 9), (9, 9)), pages="1-3")


def test_no_more_pictures_are_made_than_a_document_may_become_files(preview: Preview) -> None:
    with pytest.raises(errors.InvalidPageRange, match="more than 2 pages"):
        preview(blank(*[(9, 9)] * 4), pages="1-3", limits=Limits(max_parts=2))


def test_a_page_that_cannot_be_shown_is_left_out_and_named(preview: Preview, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "IMAGE_BYTES", 100_000)  # so that a picture of ordinary size is too large to be shown
    merged = pikepdf.open(io.BytesIO(blank((100, 100))))
    with merged, pikepdf.open(io.BytesIO(documents.photo_flate(600, 450))) as photo:
        merged.pages.append(photo.pages[0])
        out = io.BytesIO()
        merged.save(out)
    done = preview(out.getvalue())
    assert [file.name for file in done.files] == ["page-001.webp"]
    assert [warning.message for warning in done.report.warnings] == ["Pages that cannot be shown: 2."]
    with pytest.raises(errors.UnreadablePdf, match="None of the pages"):
        preview(out.getvalue(), pages="2")


def test_when_time_is_over_the_pages_so_far_are_handed_out(preview: Preview) -> None:
    done = preview(blank(*[(9, 9)] * 3), limits=Limits(soft_seconds=0))
    assert [file.name for file in done.files] == ["page-001.webp"]
    assert [warning.code for warning in done.report.warnings] == ["time_limit"]


def test_a_damaged_document_is_mended_first(preview: Preview) -> None:
    text = documents.text(3)
    table = text.rindex(b"xref", 0, text.rindex(b"startxref"))
    assert preview(text[:table]).report.pages == 3
    assert preview(documents.packed()).files


@pytest.mark.parametrize(("width", "taken"), [(15, False), (16, True), (2000, True), (2001, False)])
def test_the_width_is_bounded(width: int, taken: bool) -> None:
    if taken:
        assert PreviewOptions.parse({"width": str(width)}).width == width
    else:
        with pytest.raises(errors.InvalidOption, match="from 16 to 2000"):
            PreviewOptions.parse({"width": str(width)})


@pytest.mark.parametrize("pages", ["all", "1;2", "1-2+3", "0"])
def test_what_is_no_page_range_is_refused(pages: str) -> None:
    with pytest.raises(errors.InvalidOption):
        PreviewOptions.parse({"pages": pages})
