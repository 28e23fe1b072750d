"""Broken, hostile and wrong files: typed errors that name the file, quickly and without memory."""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path

import pytest
from PIL import Image, ImageFile

from pdfsmaller.engine.from_images import raster
from pdfsmaller.errors import (
    BadRequest,
    EmptyFile,
    LimitExceeded,
    NotAnImage,
    PdfSmallerError,
    UnreadableImage,
)
from pdfsmaller.limits import Limits
from tests import documents, pictures
from tests.engine.from_images.conftest import Make

WHOLE = ["jpeg", "jpeg_progressive", "jp2", "jp2_codestream", "png_rgb", "png_rgba", "png_rgb_interlaced"]
WHOLE += ["tiff_raw", "tiff_lzw", "tiff_g4", "tiff_jpeg", "tiff_deflate", "gif", "bmp", "webp", "avif"]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_is_cut_short_is_refused_by_name(make: Make, name: str, share: float) -> None:
    data = pictures.DECODED[name]()
    with pytest.raises(UnreadableImage, match=r"^cut\.bin "):
        make(("cut.bin", data[: int(len(data) * share)]))


@pytest.mark.parametrize("name", WHOLE)
def test_noise_in_a_file_ends_in_a_pdf_or_a_typed_error(make: Make, name: str) -> None:
    whole = pictures.DECODED[name]()
    for step in range(1, 12):
        data = bytearray(whole)
        for at in range(20 + step, len(data), len(data) // 6 + step):
            data[at] ^= 0x55
        try:
            make(("noise.bin", bytes(data)), valid=False)
        except PdfSmallerError as error:
            assert error.message.startswith("noise.bin")  # noqa: PT017


def test_a_damaged_jpeg_is_not_passed_on_in_silence(make: Make) -> None:
    """Half of it is missing, but it ends as it should."""
    data = pictures.saved(documents.photo(300, 200), "JPEG", quality=90)
    made = make(("half.jpg", data[: len(data) // 2] + data[-2:]), valid=False)
    assert made.warnings() == ["damaged"]
    assert made.report.warnings[0].message.startswith("half.jpg ")


def test_jpeg_2000_of_sixteen_bits_that_would_be_decoded_wrongly_is_refused(make: Make) -> None:
    """With opacity, in colour: Pillow turns its white into black."""
    data = bytearray(pictures.DECODED["jp2_alpha"]())
    start = data.index(b"\xff\x4f\xff\x51") + 42  # SIZ: three bytes for each component (ISO 15444-1, A.5.1)
    data[start : start + 12 : 3] = b"\x0f" * 4
    with pytest.raises(UnreadableImage, match=r"^deep\.jp2 has colour of more than 8 bits"):
        make(("deep.jp2", bytes(data)))


def test_an_empty_file_is_named(make: Make) -> None:
    with pytest.raises(EmptyFile, match=r"^nothing\.png "):
        make(("nothing.png", b""))


def test_text_is_no_image(make: Make) -> None:
    with pytest.raises(NotAnImage, match=r"^letter\.txt .*JPEG"):
        make(("letter.txt", b"Dear Sir or Madam"))


def test_a_pdf_is_no_image_and_merge_is_named(make: Make) -> None:
    with pytest.raises(NotAnImage, match=r"^a\.pdf .*merge"):
        make(("a.pdf", documents.text()))


def test_formats_that_run_programs_are_not_opened(make: Make) -> None:
    with pytest.raises(NotAnImage):
        make(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")


def test_without_images_there_is_nothing_to_do(make: Make) -> None:
    with pytest.raises(BadRequest):
        make()


@pytest.mark.parametrize(
    "data",
    [
        pictures.claiming(60_000, 60_000),
        pictures.saved(Image.new("1", (20, 20)), "GIF").replace(b"\x14\0\x14\0", b"\xff\xff\xff\xff"),
        pictures.tiff_of([({256: 60_000, 257: 60_000, 258: 8, 259: 1, 262: 1, 277: 1, 278: 60_000}, b"x")]),
    ],
    ids=["png", "gif", "tiff"],
)
def test_bombs_are_refused_before_they_are_decoded(make: Make, data: bytes) -> None:
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"^bomb .*max_image_bytes"):
        make(("bomb", data))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("name", ["jpeg", "jp2", "png_rgb", "tiff_raw", "gif", "bmp", "webp", "avif"])
def test_every_format_minds_the_pixels(make: Make, name: str) -> None:
    with pytest.raises(LimitExceeded, match="max_image_bytes"):
        make(pictures.DECODED[name](), limits=Limits(max_image_bytes=1_000))


def test_pages_that_point_to_the_same_data_are_bounded_together(make: Make) -> None:
    """Two hundred pages of one strip are a file of some kilobytes, and hours of work."""
    page = {256: 2_000, 257: 2_000, 258: 1, 259: 1, 262: 1, 277: 1, 278: 2_000}
    strip = b"\xa5" * (2_000 * 250)
    with pytest.raises(LimitExceeded, match="max_job_image_bytes") as caught:
        make(
            ("many.tif", pictures.tiff_of([(page, strip)] * 20)),
            limits=Limits(max_job_image_bytes=30_000_000),
            on_error="skip",
        )
    assert caught.value.limit == "max_job_image_bytes"


def test_reading_images_ends_with_its_time(make: Make) -> None:
    with pytest.raises(LimitExceeded, match="hard_seconds"):
        make(pictures.gray_tiff(3), limits=Limits(soft_seconds=0, hard_seconds=0), on_error="skip")


def test_a_tiff_of_too_many_pages_is_refused_at_once(make: Make) -> None:
    start = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"^many\.tif .*max_pages"):
        make(("many.tif", pictures.many_pages(100_000)))
    assert time.monotonic() - start < 3


def test_pages_of_all_files_count_together(make: Make) -> None:
    files = [pictures.gray_tiff(3), pictures.gray_tiff(3)]
    assert make(*files, limits=Limits(max_pages=6)).report.pages == 6
    with pytest.raises(LimitExceeded, match=r"^image1 .*max_pages"):
        make(*files, limits=Limits(max_pages=5), on_error="skip")


def test_a_tiff_that_points_to_itself_ends(make: Make) -> None:
    data = bytearray(pictures.gray_tiff())
    entries = int.from_bytes(data[8:10], "little")
    data[10 + 12 * entries : 14 + 12 * entries] = (8).to_bytes(4, "little")
    with pytest.raises(UnreadableImage):
        make(bytes(data))


def test_samples_that_are_no_colours_are_refused(make: Make) -> None:
    with pytest.raises(UnreadableImage, match="32 bits"):
        make(pictures.saved(Image.new("F", (5, 5)), "TIFF"))


def test_the_unforeseen_is_a_typed_error_without_details(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: ImageFile.ImageFile) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    caplog.set_level(logging.DEBUG, "pdfsmaller")
    with pytest.raises(UnreadableImage) as caught:
        make(("odd.bmp", pictures.DECODED["bmp"]()))
    assert caught.value.message.startswith("odd.bmp ")
    assert "secret" not in caught.value.message + caplog.text


def test_a_lack_of_memory_is_no_fault_of_the_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("out of memory")

    monkeypatch.setattr(raster, "pack_pillow", fail)
    with pytest.raises(MemoryError):
        make(pictures.DECODED["bmp"]())


# --- HEIC: its codec decodes only, so files for it cannot be made here ------------------------------------------------

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def test_a_broken_heic_is_refused(make: Make) -> None:
    with pytest.raises(UnreadableImage, match=r"^photo\.heic .*HEIC"):
        make(("photo.heic", HEIC))


def test_without_its_codec_heic_is_refused_with_advice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "_heif_codec", lambda: None)
    with pytest.raises(UnreadableImage, match=r"^photo\.heic .*pi-heif"):
        make(("photo.heic", HEIC))


def test_heic_is_not_turned_twice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION], exif[0x11A], exif[0x11B] = 6, 144.0, 144.0
    monkeypatch.setattr(raster, "_heif_codec", lambda: _Codec(pictures.corners(), exif.tobytes()))
    made = make(HEIC)
    assert made.page_size() == (32, 20)
    assert made.pixels().convert("RGB").tobytes() == pictures.corners().tobytes()
    assert made.warnings() == ["animation"]


class _Codec:
    """As pi_heif looks to its callers: a file of two images, the second the primary one, already turned."""

    def __init__(self, picture: Image.Image, exif: bytes) -> None:
        self.mode, self.size, self.data = picture.mode, picture.size, picture.tobytes()
        self.info, self.primary_index = {"exif": exif}, 1

    def open_heif(self, source: Path | io.BytesIO, convert_hdr_to_8bit: bool) -> _Codec:
        return self

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> _Codec:
        assert index == 1
        return self
