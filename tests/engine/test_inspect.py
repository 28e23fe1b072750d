"""What ``inspect`` says of documents whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.engine.inspect import IMAGES_LISTED, PAGES_LISTED, Inspection, inspect
from pdfsmaller.limits import Limits
from tests import documents


def inspected(tmp_path: Path, data: bytes, password: str | None = None) -> Inspection:
    return inspect(documents.write(tmp_path / "document.pdf", data), password)


@pytest.mark.parametrize("name", [*documents.IMAGES, *documents.STRUCTURES])
def test_everything_can_be_looked_into(name: str, tmp_path: Path) -> None:
    data = (documents.IMAGES | documents.STRUCTURES)[name]()
    found = inspected(tmp_path, data)
    assert found.audit.total == found.bytes == len(data)
    assert found.image_count == len(found.images)
    assert [image.bytes for image in found.images] == sorted((image.bytes for image in found.images), reverse=True)


def test_an_image_is_described(tmp_path: Path) -> None:
    (image,) = inspected(tmp_path, documents.photo_jpeg(600, 450, dpi=200)).images
    assert (image.width, image.height, image.bits) == (600, 450, 8)
    assert image.dpi == pytest.approx(200, abs=0.2)
    assert (image.color_space, image.filters, image.role) == ("DeviceRGB", ("DCTDecode",), "image")
    assert (image.pages, image.page_count) == ((1,), 1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("icc_rgb", "ICCBased (3)"),
        ("indexed_4", "Indexed (DeviceRGB)"),
        ("separation", "Separation (Brick Red)"),
        ("device_n", "DeviceN (2)"),
        ("lab", "Lab"),
        ("cmyk_jpeg", "DeviceCMYK"),
        ("stencil", None),
    ],
)
def test_colour_spaces_have_names(name: str, said: str | None, tmp_path: Path) -> None:
    (image,) = inspected(tmp_path, documents.IMAGES[name]()).images
    assert image.color_space == said


def test_the_largest_placement_decides_the_dpi(tmp_path: Path) -> None:
    (image,) = inspected(tmp_path, documents.shared_two_sizes()).images
    assert image.dpi == pytest.approx(100, abs=0.2)
    assert image.pages == (1, 2)


def test_a_dpi_that_cannot_be_known_is_none(tmp_path: Path) -> None:
    (image,) = inspected(tmp_path, documents.type3_glyph()).images
    assert image.dpi is None


def test_masks_have_their_role(tmp_path: Path) -> None:
    assert {i.role for i in inspected(tmp_path, documents.soft_mask()).images} == {"image", "soft_mask"}
    assert [i.role for i in inspected(tmp_path, documents.stencil()).images] == ["stencil"]


def test_lists_are_bounded(tmp_path: Path) -> None:
    doc = documents.Builder()
    images = [doc.image(documents.photo(40, 30, seed=n)) for n in range(IMAGES_LISTED + 5)]
    for _ in range(PAGES_LISTED + 5):
        doc.page(
            " ".join(f"q 40 0 0 30 0 0 cm /I{n} Do Q" for n in range(len(images))),
            xobjects={f"I{n}": image for n, image in enumerate(images)},
        )
    found = inspected(tmp_path, doc.bytes())
    assert (found.image_count, len(found.images)) == (IMAGES_LISTED + 5, IMAGES_LISTED)
    assert all((len(i.pages), i.page_count) == (PAGES_LISTED, PAGES_LISTED + 5) for i in found.images)


def test_fonts_are_listed_with_what_is_embedded(tmp_path: Path) -> None:
    (standard,) = inspected(tmp_path, documents.text()).fonts
    assert (standard.name, standard.type, standard.embedded, standard.bytes) == ("Helvetica", "Type1", False, 0)
    if documents.font_file() is None:
        pytest.skip("no TrueType font on this machine")
    embedded = inspected(tmp_path, documents.text_embedded()).fonts[0]
    assert (embedded.name, embedded.type, embedded.embedded, embedded.subset) == ("TestSans", "TrueType", True, False)
    assert embedded.bytes > 100_000


def test_names_in_another_encoding_can_be_printed(tmp_path: Path) -> None:
    def rename(pdf: pikepdf.Pdf) -> None:
        for font in pdf.pages[0].obj.Resources.Font.values():
            font.BaseFont = pikepdf.Object.parse(b"/Song#cb#ce")

    (font,) = inspected(tmp_path, documents.edited(documents.text(), rename)).fonts
    assert font.name == "Song\ufffd\ufffd"


def test_the_nature_of_a_document(tmp_path: Path) -> None:
    structured = inspected(tmp_path, documents.structured())
    assert (structured.tagged, structured.signed, structured.encrypted, structured.pages) == (True, False, False, 4)
    assert inspected(tmp_path, documents.signed()).signed
    assert inspected(tmp_path, documents.encrypted_owner()).encrypted
    assert inspected(tmp_path, documents.encrypted_user(), documents.USER_PASSWORD).encrypted


@pytest.mark.parametrize(
    ("make", "part"),
    [(documents.pdfa_1b, 1), (documents.pdfa_2b, 2), (documents.pdfa_3b, 3)],
)
def test_a_claim_of_pdfa_is_told(make: documents.Make, part: int, tmp_path: Path) -> None:
    assert inspected(tmp_path, make()).pdfa == part


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (documents.empty, errors.EmptyFile),
        (documents.not_a_pdf, errors.NotAPdf),
        (documents.header_only, errors.UnreadablePdf),
        (documents.encrypted_user, errors.PasswordRequired),
        (documents.encrypted_for_certificates, errors.UnsupportedEncryption),
        (documents.many_pages, errors.LimitExceeded),
    ],
)
def test_bad_input_has_typed_errors(make: documents.Make, kind: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(kind):
        inspected(tmp_path, make())


def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.WrongPassword):
        inspected(tmp_path, documents.encrypted_user(), "guess")


def test_bombs_are_looked_into_without_being_decoded(tmp_path: Path) -> None:
    (image,) = inspected(tmp_path, documents.pixel_bomb()).images
    assert (image.width, image.height) == (60_000, 60_000)
    with pytest.raises(errors.LimitExceeded):
        inspect(
            documents.write(tmp_path / "bomb.pdf", documents.flate_bomb(200)), limits=Limits(max_stream_bytes=10**8)
        )


@pytest.mark.parametrize("name", ["broken_xref", "junk_before_header", "broken_image", "form_loop"])
def test_damaged_documents_can_be_looked_into(name: str, tmp_path: Path) -> None:
    assert inspected(tmp_path, documents.BROKEN[name]()).pages >= 1
