"""What a PDF can hold as it is goes in as it is; the rest in the smallest coding without loss."""

from __future__ import annotations

import struct
import zlib

import pikepdf
import pytest
from PIL import Image

from pdfsmaller.errors import UnreadableImage
from tests import pictures
from tests.engine.from_images.conftest import Make, pillow

PNGS = ["png_gray", "png_gray_2", "png_gray_4", "png_rgb", "png_palette", "png_palette_4", "png_palette_alpha"]


@pytest.mark.parametrize("name", ["jpeg", "jpeg_progressive", "jpeg_gray", "jp2", "jp2_gray", "jp2_codestream"])
def test_jpegs_are_embedded_untouched(make: Make, name: str) -> None:
    data = pictures.DECODED[name]()
    image = make(data).image()
    assert image.Filter == (pikepdf.Name.DCTDecode if name.startswith("jpeg") else pikepdf.Name.JPXDecode)
    assert image.read_raw_bytes() == data


def test_what_follows_a_jpeg_is_left_out(make: Make) -> None:
    data = pictures.DECODED["jpeg"]()
    assert make(data + b"junk" * 100).image().read_raw_bytes() == data


def test_several_jpegs_in_one_file_give_the_first(make: Make) -> None:
    first, second = pictures.color(), pictures.color().rotate(180)
    data = pictures.saved(first, "MPO", save_all=True, append_images=[second])
    made = make(data)
    assert made.report.pages == 1
    assert data.startswith(made.image().read_raw_bytes())
    assert made.pixels().tobytes() == pillow(data).tobytes()


def test_jpegs_in_rgb_by_name_say_so_to_readers(make: Make) -> None:
    data = pictures.named_rgb_jpeg()
    embedded = make(data).image().read_raw_bytes()
    assert embedded.endswith(data[2:])
    assert embedded[2:11] == b"\xff\xee\0\x0eAdobe"


@pytest.mark.parametrize("name", PNGS)
def test_rows_of_a_png_are_taken_over(make: Make, name: str) -> None:
    data = pictures.DECODED[name]()
    assert make(data).image().read_raw_bytes() in data


def test_image_data_in_several_chunks_is_joined(make: Make) -> None:
    data = pictures.DECODED["png_rgb"]()
    at = data.index(b"IDAT") - 4
    length = struct.unpack(">I", data[at : at + 4])[0]
    body = data[at + 8 : at + 8 + length]
    parts = pictures.png_chunk(b"IDAT", body[:100]) + pictures.png_chunk(b"IDAT", body[100:])
    assert make(data[:at] + parts + data[at + 12 + length :]).image().read_raw_bytes() == body


def test_opacity_of_nothing_but_opaque_pixels_is_dropped(make: Make) -> None:
    assert "/SMask" not in make(pictures.DECODED["png_rgba_opaque"]()).image()


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_sixteen_bits_stay_sixteen(make: Make, bands: int, interlaced: bool) -> None:
    image = pictures.sixteen(bands)
    made = make(bytes(image.pngsave_buffer(bitdepth=16, interlace=interlaced)))
    colors = image.extract_band(0, n=bands - (bands % 2 == 0))
    assert made.image().BitsPerComponent == 16
    assert made.image().read_bytes() == bytes(colors.byteswap().write_to_memory())
    if bands % 2 == 0:
        assert made.image().SMask.read_bytes() == bytes(image[bands - 1].byteswap().write_to_memory())


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_sixteen_bits_of_a_tiff_stay_sixteen(make: Make, bands: int) -> None:
    image = pictures.sixteen(bands)
    made = make(pictures.vips_tiff(image, compression="lzw", predictor="horizontal"))
    colors = image.extract_band(0, n=min(bands, 3))
    assert made.image().read_bytes() == bytes(colors.byteswap().write_to_memory())
    assert ("/SMask" in made.image()) == (bands == 4)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("reversed_bits", [False, True])
def test_faxes_of_one_strip_are_taken_over(make: Make, photometric: int, reversed_bits: bool) -> None:
    data = pictures.fax_tiff(photometric=photometric, reversed_bits=reversed_bits)
    made = make(data)
    assert made.image().Filter == pikepdf.Name.CCITTFaxDecode
    assert (made.image().read_raw_bytes() in data) != reversed_bits
    assert made.pixels().convert("1").tobytes() == pillow(data).convert("1").tobytes()


def test_group_3_faxes_are_taken_over(make: Make) -> None:
    data = pictures.DECODED["tiff_g3"]()
    image = make(data).image()
    assert image.DecodeParms.K >= 0
    assert image.read_raw_bytes() in data


@pytest.mark.parametrize("name", [name for name in pictures.DECODED if name.startswith("tiff_jpeg")])
def test_jpegs_in_a_tiff_stay_jpegs(make: Make, name: str) -> None:
    assert make(pictures.DECODED[name]()).image().Filter == pikepdf.Name.DCTDecode


@pytest.mark.parametrize(("effort", "filter"), [("fast", "CCITTFaxDecode"), ("default", "JBIG2Decode")])
@pytest.mark.parametrize("name", ["tiff_g4_strips", "tiff_1", "tiff_rle", "png_1", "bmp_1"])
def test_black_and_white_takes_one_bit(make: Make, name: str, effort: str, filter: str) -> None:
    made = make(pictures.DECODED[name](), effort=effort)
    assert (made.image().Filter, made.image().BitsPerComponent) == (pikepdf.Name(f"/{filter}"), 1)


@pytest.mark.parametrize(("colours", "bits"), [(2, 1), (4, 2), (12, 4), (90, 8)])
def test_few_colours_become_a_palette(make: Make, colours: int, bits: int) -> None:
    flat = pictures.flat(40).quantize(colours, dither=Image.Dither.NONE).convert("RGB")
    made = make(pictures.saved(flat, "BMP"), resolution=72)
    assert made.image().ColorSpace[0] == pikepdf.Name.Indexed
    assert made.image().BitsPerComponent == bits
    assert made.render().tobytes() == flat.tobytes()


def test_what_is_gray_is_stored_gray(make: Make) -> None:
    gray = pictures.gray().convert("RGB")
    image = make(pictures.saved(gray, "BMP")).image()
    assert image.ColorSpace == pikepdf.Name.DeviceGray
    assert image.read_bytes() == pictures.gray().tobytes()


def test_a_cmyk_jpeg_with_adobes_marker_looks_as_pillow_shows_it(make: Make) -> None:
    data = pictures.saved(pictures.color().convert("CMYK"), "JPEG", quality=95)
    made = make(data, resolution=72)
    assert [int(v) for v in made.image().Decode] == [1, 0] * 4
    wanted, seen = pillow(data).convert("RGB"), made.render()
    for place in ((5, 5), (30, 20), (50, 35)):
        assert all(abs(a - b) < 60 for a, b in zip(wanted.getpixel(place), seen.getpixel(place), strict=True))  # type: ignore[arg-type]


def test_a_cmyk_jpeg_without_the_marker_is_taken_at_its_word(make: Make) -> None:
    data = pictures.saved(Image.new("CMYK", (16, 16), (255, 255, 255, 255)), "JPEG")
    at = data.index(b"\xff\xee")
    bare = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    made = make(bare)
    assert "/Decode" not in made.image()
    assert min(made.render().getpixel((5, 5))) > 200  # type: ignore[type-var, arg-type]


def test_the_same_image_and_the_same_profile_are_stored_once(make: Make) -> None:
    profile = pictures.srgb()
    one = pictures.saved(pictures.color(), "JPEG", icc_profile=profile)
    other = pictures.saved(pictures.color().rotate(180), "PNG", icc_profile=profile)
    made = make(one, other, one)
    assert made.report.pages == 3
    assert made.image(0).objgen == made.image(2).objgen
    assert made.image(0).ColorSpace[1].objgen == made.image(1).ColorSpace[1].objgen


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_colour_profiles_are_kept(make: Make, format: str) -> None:
    image = make(pictures.saved(pictures.color(), format, icc_profile=pictures.srgb())).image()
    assert image.ColorSpace[0] == pikepdf.Name.ICCBased
    assert image.ColorSpace[1].N == 3
    assert image.ColorSpace[1].read_bytes() == pictures.srgb()


def test_profiles_of_other_colours_or_of_no_kind_are_ignored(make: Make) -> None:
    made = make(
        pictures.saved(pictures.gray(), "PNG", icc_profile=pictures.srgb()),
        pictures.saved(pictures.color(), "JPEG", icc_profile=b"no profile at all" * 20),
    )
    assert made.image(0).ColorSpace == pikepdf.Name.DeviceGray
    assert made.image(1).ColorSpace == pikepdf.Name.DeviceRGB


def test_gray_with_an_rgb_profile_keeps_it(make: Make) -> None:
    """A profile may say that equal red, green and blue are not gray."""
    made = make(pictures.saved(pictures.gray().convert("RGB"), "TIFF", icc_profile=pictures.srgb()))
    assert "/ICCBased" in str(
        made.image().ColorSpace[1][0] if "/Indexed" in str(made.image().ColorSpace[0]) else made.image().ColorSpace[0]
    )
    assert made.pixels().convert("RGB").tobytes() == pictures.gray().convert("RGB").tobytes()


def test_lab_comes_out_as_srgb(make: Make) -> None:
    lab = pictures.vips_of(pictures.color()).colourspace("lab")
    made = make(pictures.vips_tiff(lab))
    seen, wanted = made.pixels().convert("RGB"), pictures.color()
    assert all(abs(a - b) < 8 for a, b in zip(seen.getpixel((30, 20)), wanted.getpixel((30, 20)), strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(("frame", "precision"), [(0xC9, 8), (0xC3, 8), (0xC1, 12)])
def test_jpegs_that_no_pdf_can_hold_are_coded_again_or_refused(make: Make, frame: int, precision: int) -> None:
    """Arithmetic coding, lossless coding, twelve bits; the data after the header is that of an ordinary one."""
    data = bytearray(pictures.DECODED["jpeg"]())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = frame, precision
    try:
        made = make(bytes(data))
    except UnreadableImage as exc:
        assert "JPEG" in exc.message  # noqa: PT017
    else:
        assert made.image().Filter != pikepdf.Name.DCTDecode


def test_a_damaged_profile_of_a_png_does_no_harm(make: Make) -> None:
    data = pictures.with_chunk(pictures.DECODED["png_rgb"](), b"iCCP", b"name\0\0" + zlib.compress(b"x" * 500)[:20])
    assert make(data).image().ColorSpace == pikepdf.Name.DeviceRGB
