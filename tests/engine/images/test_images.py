"""Each kind of image, coded as it should be."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

from pdfsmaller.engine.images import jpeg, jpx
from pdfsmaller.engine.images.color import ColorSpace, read_color_space
from tests import documents
from tests.engine.conftest import Result, Run

FOUR_BITS: dict[str, Any] = {
    "Type": Name.XObject,
    "Subtype": Name.Image,
    "Width": 300,
    "Height": 200,
    "ColorSpace": Name.DeviceRGB,
    "BitsPerComponent": 4,
}


def only_image(result: Result) -> pikepdf.Stream:
    (image,) = result.images()
    return image


def by_mask(result: Result) -> tuple[pikepdf.Stream, pikepdf.Stream]:
    """The image and its soft mask."""
    base = next(image for image in result.images() if "/SMask" in image)
    return base, base.SMask


def size(image: pikepdf.Stream) -> tuple[int, int]:
    return int(image.Width), int(image.Height)


def jpeg_data(image: pikepdf.Stream) -> bytes:
    """A JPEG, which may be deflated."""
    data = image.read_raw_bytes()
    if image.Filter == Name.DCTDecode:
        return data
    assert list(image.Filter) == [Name.FlateDecode, Name.DCTDecode]
    return zlib.decompress(data)


def test_downsampled_to_the_target(run: Run) -> None:
    image = only_image(run(documents.photo_jpeg(1200, 900, dpi=300), preset="ebook", dpi=150))
    assert size(image) == (600, 450)
    assert jpeg.jpeg_info(jpeg_data(image)) is not None


def test_not_downsampled_below_the_threshold(run: Run) -> None:
    assert size(only_image(run(documents.photo_jpeg(1200, 900, dpi=175), preset="ebook", dpi=150))) == (1200, 900)


def test_explicit_dpi_wins(run: Run) -> None:
    assert size(only_image(run(documents.photo_jpeg(1200, 900, dpi=300), preset="ebook", dpi=100))) == (400, 300)


def test_a_picture_stored_twice_is_coded_for_each_place(run: Run) -> None:
    doc = documents.Builder()
    for dpi in (300, 300, 200):
        doc.show(doc.image(documents.photo(1200, 900), encode="jpeg"), dpi=dpi)
    result = run(doc.bytes(), preset="ebook", dpi=150)
    assert sorted(size(image) for image in result.images()) == [(600, 450), (900, 675)]
    assert (result.report.images.seen, result.report.images.changed) == (3, 3)


def test_a_picture_stored_twice_that_stays_is_counted_twice(run: Run) -> None:
    doc = documents.Builder()
    samples = documents.photo(300, 200).tobytes()[::2]
    for _ in range(2):  # nobody knows how to read four bits of each of three components
        doc.show(doc.flate(samples, **FOUR_BITS))
    images = run(doc.bytes(), preset="ebook").report.images
    assert (images.seen, images.skipped) == (2, {"bits_per_component": 2})


@pytest.mark.parametrize(("preset", "dpi"), [("lossless", 150), ("ebook", 150), ("ebook", 700)])
def test_a_jpeg_most_of_which_is_blank_is_deflated_as_it_stands(run: Run, preset: str, dpi: int) -> None:
    picture = Image.new("L", (2400, 1800), 250)
    picture.paste(documents.photo(300, 200).convert("L"), (100, 100))
    doc = documents.Builder()
    stored = doc.image(picture, encode="jpeg", quality=40)
    before = stored.read_raw_bytes()
    doc.show(stored, dpi=dpi)
    image = only_image(run(doc.bytes(), preset=preset))
    after = image.read_raw_bytes()
    assert len(after) < 0.8 * len(before)
    if dpi > 150:  # there are too many pixels, and fewer take less
        assert size(image)[0] < 1_000
    else:
        assert list(image.Filter) == [Name.FlateDecode, Name.DCTDecode]
        assert zlib.decompress(after) == jpeg.strip_jpeg(before)


def test_lower_quality_is_smaller(run: Run) -> None:
    data = documents.photo_jpeg()
    sizes = [run(data, preset="ebook", image_quality=q).report.output_bytes for q in (85, 60, 30)]
    assert sizes == sorted(sizes, reverse=True)


def test_user_unit_counts(run: Run) -> None:
    """A page whose unit is 2/72 inch shows its images at twice the size."""

    def double(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj.UserUnit = 2

    data = documents.edited(documents.photo_jpeg(1200, 900, dpi=300), double)
    assert size(only_image(run(data, preset="ebook"))) == (1200, 900)


@pytest.mark.parametrize("name", ["nested_form", "tiling_pattern", "annotation_appearance", "inline_image"])
def test_found_wherever_it_is(run: Run, name: str) -> None:
    report = run(documents.IMAGES[name](), preset="ebook").report
    assert (report.images.seen, report.images.changed) == (1, 1)


def test_an_image_in_a_glyph_keeps_its_pixels(run: Run) -> None:
    assert size(only_image(run(documents.type3_glyph(), preset="screen"))) == (400, 400)


def test_the_largest_of_all_placements_decides(run: Run) -> None:
    """Shown at 600 and at 100 dpi: the second needs all its pixels."""
    assert size(only_image(run(documents.shared_two_sizes(), preset="ebook"))) == (1200, 900)


def test_gray_stored_as_rgb_becomes_gray(run: Run) -> None:
    for data in (documents.gray_as_rgb(), documents.gray_as_rgb_jpeg()):
        assert only_image(run(data, preset="ebook")).ColorSpace == Name.DeviceGray


@pytest.mark.parametrize("name", ["bilevel_as_rgb", "bilevel_as_gray", "bilevel_flate", "bilevel_flate_decode"])
def test_black_and_white_becomes_jbig2(run: Run, name: str) -> None:
    image = only_image(run(documents.IMAGES[name](), preset="ebook"))
    assert image.Filter == Name.JBIG2Decode
    assert image.BitsPerComponent == 1


@pytest.mark.parametrize("name", ["bilevel_as_rgb", "bilevel_as_gray", "bilevel_flate", "bilevel_flate_decode"])
def test_black_and_white_becomes_group_4_where_time_is_short(run: Run, name: str) -> None:
    image = only_image(run(documents.IMAGES[name](), preset="ebook", effort="fast"))
    assert image.Filter == Name.CCITTFaxDecode
    assert image.DecodeParms.K == -1
    assert image.BitsPerComponent == 1


def test_black_and_white_keeps_its_resolution(run: Run) -> None:
    result = run(documents.bilevel_flate(dpi=200), preset="screen")
    assert size(only_image(result)) == size(Result(result.source, result.source, result.report, None).images()[0])


def test_black_and_white_far_above_print_resolution_is_reduced(run: Run) -> None:
    data = documents.bilevel_flate(dpi=600)
    result = run(data, preset="ebook")
    before = Result(result.source, result.source, result.report, None).images()[0]
    assert size(only_image(result))[0] == pytest.approx(int(before.Width) / 2, abs=1)
    assert result.mean_error() < 4


def test_drawn_images_get_no_jpeg_ringing(run: Run) -> None:
    image = only_image(run(documents.chart_flate(), preset="screen"))
    assert image.Filter == Name.FlateDecode


def test_16_bits_become_8(run: Run) -> None:
    assert only_image(run(documents.rgb_16(), preset="ebook")).BitsPerComponent == 8
    assert only_image(run(documents.rgb_16(), preset="lossless")).BitsPerComponent == 16


def test_an_icc_profile_stays(run: Run) -> None:
    space = only_image(run(documents.icc_rgb(), preset="lossless")).ColorSpace
    assert space[0] == Name.ICCBased
    assert space[1].N == 3


def test_cmyk_stays_cmyk(run: Run) -> None:
    for data in (documents.cmyk_jpeg(), documents.cmyk_flate()):
        assert only_image(run(data, preset="ebook")).ColorSpace == Name.DeviceCMYK


def test_cmyk_jpeg_without_adobe_marker_keeps_its_colours(run: Run) -> None:
    def unmark(pdf: pikepdf.Pdf) -> None:
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            data = jpeg.strip_jpeg(image.read_raw_bytes(), keep_adobe=False)
            image.write(data, filter=Name.DCTDecode)

    result = run(documents.edited(documents.cmyk_jpeg(), unmark), preset="ebook", verify="off")
    assert result.mean_error() < 4


def test_soft_mask_is_resized_with_its_image(run: Run) -> None:
    base, mask = by_mask(run(documents.soft_mask(900, 600, dpi=300), preset="ebook", dpi=150))
    assert size(base) == size(mask) == (450, 300)
    assert mask.ColorSpace == Name.DeviceGray


def test_matte_image_and_mask_are_resized_together(run: Run) -> None:
    result = run(documents.soft_mask_matte_jpeg(), preset="ebook", dpi=100)
    base, mask = by_mask(result)
    assert size(base) == size(mask) == (300, 200)
    assert mask.Matte == [0, 0, 0]
    assert result.mean_error() < 4


def test_jpeg_2000_with_a_palette_becomes_indices_without_loss(run: Run) -> None:
    result = run(documents.jpx_indexed(), preset="lossless")
    assert only_image(result).Filter == Name.FlateDecode
    assert result.same_pixels()


def test_the_number_of_tile_parts_is_not_relied_on() -> None:
    buffer = io.BytesIO()
    picture = documents.photo(64, 48).convert("L")
    picture.save(buffer, "JPEG2000", irreversible=False)
    data = jpx.codestream(buffer.getvalue())
    assert data[data.index(b"\xff\x90") + 11] == 0
    with Image.open(io.BytesIO(data)) as again:
        assert again.tobytes() == picture.tobytes()


def test_color_transform_is_overruled_by_adobes_marker(run: Run) -> None:
    report = run(documents.cmyk_color_transform(), preset="ebook").report
    assert (report.images.changed, report.images.skipped) == (1, {})


def test_a_jpeg_that_is_kept_is_coded_anew_without_loss(run: Run) -> None:
    for data in (documents.photo_jpeg(), documents.cmyk_jpeg(), documents.gray_jpeg_inverted()):
        result = run(data, preset="lossless")
        assert result.report.images.changed == 1
        assert result.same_pixels()


def test_matte_keeps_image_and_mask_the_same_size(run: Run) -> None:
    base, mask = by_mask(run(documents.soft_mask_matte(), preset="screen"))
    assert size(base) == size(mask)
    assert "/Matte" in mask


def test_colour_key_masks_get_no_loss(run: Run) -> None:
    result = run(documents.colour_key_mask(), preset="screen")
    assert result.same_pixels()
    assert only_image(result).Filter == Name.FlateDecode


@pytest.mark.parametrize("bits", [4, 8])
def test_colour_keys_keep_naming_the_same_samples(run: Run, bits: int) -> None:
    """Few colours or few levels are no reason for a palette or fewer bits where a mask names sample values."""

    def key(pdf: pikepdf.Pdf) -> None:
        image = next(o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image")
        image.Width, image.Height, image.BitsPerComponent = 64, 64, bits
        image.ColorSpace = Name.DeviceRGB if bits == 8 else Name.DeviceGray
        image.Mask = Array([0, 0] * (3 if bits == 8 else 1))
        row = bytes([0, 0, 0, 255, 255, 255]) * 32 if bits == 8 else bytes([0x0F]) * 32
        image.write(row * 64)

    result = run(documents.edited(documents.photo_flate(), key), preset="ebook")
    assert result.same_pixels()
    image = only_image(result)
    assert image.BitsPerComponent == bits
    assert image.ColorSpace in (Name.DeviceRGB, Name.DeviceGray)


def _with_profile(data: bytes, alternate: Any = None) -> bytes:
    """A photograph in a profile of these bytes, as a JPEG of the best quality."""

    def change(pdf: Pdf) -> None:
        profile = pdf.make_stream(data, N=3)
        if alternate is not None:
            profile.Alternate = alternate
        pdf.pages[0].Resources.XObject.Im0.ColorSpace = Array([Name.ICCBased, profile])

    return documents.edited(documents.photo_jpeg(quality=99), change)


_LAB = Array([Name.Lab, Dictionary(WhitePoint=Array([0.9505, 1, 1.089]))])
_RGB_PROFILE = documents.srgb_profile()
_NO_PROFILES = [
    pytest.param(bytes(len(_RGB_PROFILE)), id="zeros"),
    pytest.param(bytes(128) + _RGB_PROFILE[128:], id="a header of zeros"),
    pytest.param(_RGB_PROFILE[:36] + b"????" + _RGB_PROFILE[40:], id="no signature"),
    pytest.param(_RGB_PROFILE[:16] + b"CMYK" + _RGB_PROFILE[20:], id="other components"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("profile", _NO_PROFILES)
@pytest.mark.parametrize("alternate", [None, Name.DeviceRGB])
def test_a_photograph_whose_profile_is_none_is_compressed_as_readers_show_it(
    run: Run, profile: bytes, alternate: Any
) -> None:
    result = run(_with_profile(profile, alternate), preset="ebook")
    assert result.report.images.changed == 1
    assert result.report.ratio < 0.5
    assert "image_rolled_back" not in result.warnings()
    assert result.mean_error() < 4


@pytest.mark.parametrize(
    ("profile", "alternate", "family"),
    [
        (bytes(3_000), None, "rgb"),
        (bytes(3_000), Name.DeviceRGB, "rgb"),
        (bytes(3_000), Name.DeviceCMYK, "rgb"),  # of another number of components, so readers do not take it
        (bytes(3_000), _LAB, "other"),
        (_RGB_PROFILE[:16] + b"Lab " + _RGB_PROFILE[20:], None, "other"),
        (_RGB_PROFILE, None, "rgb"),
        (_RGB_PROFILE, _LAB, "other"),
    ],
)
def test_what_a_profile_means(profile: bytes, alternate: Any, family: str) -> None:
    with Pdf.new() as pdf:
        stream = pdf.make_stream(profile, N=3)
        if alternate is not None:
            stream.Alternate = alternate
        known = read_color_space(Array([Name.ICCBased, stream]))
    assert known is not None
    assert (known.family, known.components) == (family, 3)


def test_a_profile_that_is_its_own_alternate_ends() -> None:
    with Pdf.new() as pdf:
        stream = pdf.make_stream(bytes(3_000), N=3)
        stream.Alternate = Array([Name.ICCBased, stream])
        known = read_color_space(Array([Name.ICCBased, stream]))
    assert known == ColorSpace("rgb", 3, neutral_is_gray=True)


def test_lab_and_devicen_are_never_jpeg(run: Run) -> None:
    for data in (documents.lab(), documents.device_n()):
        assert only_image(run(data, preset="ebook")).Filter == Name.FlateDecode


def test_stencil_keeps_its_polarity(run: Run) -> None:
    result = run(documents.stencil(), preset="ebook")
    assert only_image(result).ImageMask
    assert result.same_pixels()


def test_indexed_1_bit_is_not_taken_for_black_and_white(run: Run) -> None:
    """Two colours at one bit are not necessarily black and white."""
    result = run(documents.indexed_1(), preset="ebook")
    assert only_image(result).ColorSpace[0] == Name.Indexed
    assert result.same_pixels()


def test_identical_images_become_one(run: Run) -> None:
    result = run(documents.duplicate_images(copies=3), preset="ebook")
    assert len(result.images()) == 1


def test_no_image_grows(run: Run) -> None:
    result = run(documents.low_resolution(), preset="printer")
    before, after = documents.low_resolution(), only_image(result)
    with pikepdf.open(io.BytesIO(before)) as pdf:
        (stored,) = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        assert len(after.read_raw_bytes()) <= len(stored.read_raw_bytes())


def test_jpeg_loses_its_metadata_without_loss(run: Run) -> None:
    """A thumbnail, a comment or a profile inside a JPEG is never shown by a PDF reader."""

    def fatten(pdf: pikepdf.Pdf) -> None:
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            data = image.read_raw_bytes()
            comment = b"\xff\xfe\xea\x62" + b"x" * 60_000
            image.write(data[:2] + comment + data[2:], filter=Name.DCTDecode)

    result = run(documents.edited(documents.photo_jpeg(), fatten), preset="lossless")
    assert result.report.output_bytes < result.report.input_bytes - 59_000
    assert result.same_pixels()


@pytest.mark.parametrize("preset", ["lossless", "ebook"])
def test_a_jpeg_is_deflated_where_that_takes_less(run: Run, preset: str) -> None:
    """Even parts of a picture repeat the same bits."""
    picture = Image.new("RGB", (900, 600), (40, 90, 160))
    picture.paste(documents.photo(300, 200), (100, 100))
    doc = documents.Builder()
    doc.show(doc.image(picture, encode="jpeg", quality=90), dpi=150)
    result = run(doc.bytes(), preset=preset)
    image = only_image(result)
    data = jpeg_data(image)
    assert image.Filter != Name.DCTDecode
    assert len(image.read_raw_bytes()) < 0.99 * len(data)
    info = jpeg.jpeg_info(data)
    assert info is not None
    assert info.width == 900
    assert result.mean_error() < 3
    assert run(result.target.read_bytes(), preset="lossless").report.outcome == "unchanged"


def test_a_flate_wrapped_jpeg_is_read(run: Run) -> None:
    def wrap(pdf: pikepdf.Pdf) -> None:
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            packed = zlib.compress(image.read_raw_bytes())
            image.write(packed, filter=Array([Name.FlateDecode, Name.DCTDecode]))

    result = run(documents.edited(documents.photo_jpeg(), wrap), preset="ebook")
    assert len(jpeg_data(only_image(result))) < result.report.input_bytes / 2
    assert result.mean_error() < 3


def test_a_wrong_width_leaves_the_image_alone(run: Run) -> None:
    def lie(pdf: pikepdf.Pdf) -> None:
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            image.Width = int(image.Width) + 7

    result = run(documents.edited(documents.photo_jpeg(), lie), preset="ebook")
    assert result.report.images.skipped == {"jpeg_mismatch": 1}


def test_a_jpeg_with_its_own_color_transform_is_left_alone(run: Run) -> None:
    def transform(pdf: pikepdf.Pdf) -> None:
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            image.DecodeParms = Dictionary(ColorTransform=0)

    result = run(documents.edited(documents.photo_jpeg(), transform), preset="ebook")
    assert result.report.images.skipped == {"color_transform": 1}


def test_colour_that_must_stay_is_told(run: Run) -> None:
    result = run(documents.lab(), preset="ebook", color_mode="grayscale")
    assert result.report.images.skipped == {"color_kept": 1}
    assert "color_mode_partial" in result.warnings()


@pytest.mark.parametrize("mode", ["grayscale", "bilevel"])
@pytest.mark.parametrize("name", ["photo_jpeg", "photo_flate", "cmyk_jpeg", "chart_flate", "icc_rgb", "indexed_8"])
def test_color_mode_takes_colour_out_of_images(run: Run, name: str, mode: str) -> None:
    result = run(documents.IMAGES[name](), preset="ebook", color_mode=mode)
    space = only_image(result).ColorSpace
    assert space == Name.DeviceGray or (space[0] == Name.Indexed and space[1] == Name.DeviceGray)
    picture = result.render(result.target)
    red, green, blue = picture.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


@pytest.mark.parametrize("intent", [True, False])
def test_pdfa_without_output_intent_gets_no_device_gray(run: Run, intent: bool) -> None:
    """Device colour spaces are allowed in PDF/A only under an output intent (ISO 19005-2, 6.2.4.3)."""
    donor = pikepdf.open(io.BytesIO(documents.pdfa_2b()))

    def make_pdfa(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Metadata = pdf.copy_foreign(donor.Root.Metadata)
        if intent:
            pdf.Root.OutputIntents = Array([pdf.copy_foreign(donor.make_indirect(donor.Root.OutputIntents[0]))])
        profile = pdf.make_stream(documents.srgb_profile(), N=3)
        for image in [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]:
            image.ColorSpace = Array([Name.ICCBased, profile])

    result = run(documents.edited(documents.gray_as_rgb(), make_pdfa), preset="ebook")
    space = only_image(result).ColorSpace
    assert (space == Name.DeviceGray) is intent


def test_a_jpeg_2000_that_claims_to_be_gigantic_is_left_alone(run: Run) -> None:
    data = documents.jpx()
    at = data.index(b"\xff\x4f\xff\x51") + 8  # SIZ: the size of the grid (ISO 15444-1, A.5.1)
    data = data[:at] + b"\x00\x10\x00\x00" * 2 + data[at + 8 :]
    at = data.index(b"ihdr") + 4
    data = data[:at] + b"\x00\x10\x00\x00" * 2 + data[at + 8 :]
    result = run(data, preset="ebook")
    assert "left_alone" not in result.warnings()
    assert result.report.images.changed == 0


@pytest.mark.parametrize("preset", ["lossless", "ebook"])
@pytest.mark.parametrize(
    "name",
    ["chart_flate", "gray_as_rgb", "indexed_8", "indexed_4", "indexed_1", "indexed_cmyk", "photo_flate", "ccitt_g4"],
)
def test_an_array_that_says_what_is_so_anyway_does_not_outlive_its_colour_space(
    run: Run, name: str, preset: str
) -> None:
    """ArcGIS writes [0 1 0 1 0 1] with every RGB image: as that of a palette it would be black."""

    def say(pdf: Pdf) -> None:
        for image in pdf.objects:
            if isinstance(image, pikepdf.Stream) and image.get("/Subtype") == "/Image":
                space = image.get("/ColorSpace")
                if isinstance(space, Array) and space[0] == "/Indexed":
                    image.Decode = Array([0, 2 ** int(image.BitsPerComponent) - 1])
                else:
                    image.Decode = Array([0, 1] * {"/DeviceRGB": 3, "/DeviceCMYK": 4}.get(str(space), 1))

    result = run(documents.edited(documents.IMAGES[name](), say), preset=preset, verify="off")
    assert result.report.outcome == "compressed"
    assert result.same_pixels() if preset == "lossless" else result.mean_error() < 4
