"""The first look at a file: what it is by its first bytes."""

from __future__ import annotations

import pytest

from pdfsmaller.errors import EmptyFile, FileTooLarge, NotAnImage, NotAPdf
from pdfsmaller.sniff import HEAD_BYTES, IMAGE_KINDS, check_image, check_pdf, kind_of_image
from tests import documents, pictures

KINDS = {
    "jpeg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WebP",
    "gif": "GIF",
    "bmp": "BMP",
    "jp2": "JPEG 2000",
    "avif": "AVIF",
}


@pytest.mark.parametrize("name", pictures.DECODED)
def test_images_are_known_by_their_first_bytes(name: str) -> None:
    head = pictures.DECODED[name]()[:HEAD_BYTES]
    assert kind_of_image(head) == KINDS[name.partition("_")[0]]
    check_image("a", len(head), head, 10_000)


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIC"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"avis\0\0\0\0msf1avis", "AVIF"),
        (b"isom\0\0\0\0mp41mp42", None),
    ],
)
def test_brands_tell_heic_from_avif_and_films(brands: bytes, kind: str | None) -> None:
    assert kind_of_image((8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands) == kind


@pytest.mark.parametrize("head", [b"", b"BM is no bitmap by itself", b"RIFF\0\0\0\0WAVE", b"GIF", b"%PDF-1.7"])
def test_what_only_looks_like_an_image_is_none(head: bytes) -> None:
    assert kind_of_image(head) is None


def test_what_is_no_image_is_named_with_what_would_do() -> None:
    with pytest.raises(NotAnImage, match=r"^a\.txt ") as caught:
        check_image("a.txt", 4, b"text", 100)
    assert all(kind in caught.value.message for kind in IMAGE_KINDS)


def test_a_pdf_among_images_is_pointed_to_merge() -> None:
    with pytest.raises(NotAnImage, match=r"^a\.pdf is a PDF.*merge"):
        check_image("a.pdf", 1_000, documents.text()[:HEAD_BYTES], 10_000)


def test_an_image_among_pdfs_is_pointed_to_image_to_pdf() -> None:
    with pytest.raises(NotAPdf, match=r"^a\.png .*a PNG image.*image-to-pdf"):
        check_pdf("a.png", 1_000, pictures.DECODED["png_rgb"]()[:HEAD_BYTES], 10_000)
    with pytest.raises(NotAPdf, match="%PDF-"):
        check_pdf("a.txt", 4, b"text", 100)


def test_empty_and_large_images_are_refused() -> None:
    with pytest.raises(EmptyFile, match=r"^a\.png "):
        check_image("a.png", 0, b"", 100)
    with pytest.raises(FileTooLarge, match=r"^a\.png "):
        check_image("a.png", 101, pictures.DECODED["png_rgb"](), 100)
