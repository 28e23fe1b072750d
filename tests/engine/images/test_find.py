"""Where images are and how large they are shown."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from pdfsmaller.engine.images.find import Found, find_images
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.limits import Limits
from tests import documents


def find(data: bytes) -> Found:
    with Pdf.open(io.BytesIO(data)) as pdf:
        return find_images(walk(pdf, Limits()))


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("photo_jpeg", (288, 216)),
        ("nested_form", (288, 216)),
        ("tiling_pattern", (100, 100)),
        ("annotation_appearance", (200, 150)),
        ("shared_two_sizes", (864, 648)),
    ],
)
def test_shown_size(name: str, points: tuple[float, float]) -> None:
    (image,) = find(documents.IMAGES[name]()).images.values()
    assert (image.width_pt, image.height_pt) == pytest.approx(points, rel=0.01)
    assert image.resample


def test_rotation_does_not_change_the_size() -> None:
    def rotate(pdf: Pdf) -> None:
        pdf.pages[0].contents_add(b"0 1 -1 0 0 0 cm", prepend=True)

    (image,) = find(documents.edited(documents.photo_jpeg(), rotate)).images.values()
    assert (image.width_pt, image.height_pt) == pytest.approx((288, 216), rel=0.01)


def test_masks_are_found_with_their_image() -> None:
    roles = sorted(image.role for image in find(documents.soft_mask()).images.values())
    assert roles == ["image", "soft_mask"]
    roles = sorted(image.role for image in find(documents.explicit_mask()).images.values())
    assert roles == ["image", "stencil"]


def test_a_glyph_has_no_known_size() -> None:
    (image,) = find(documents.type3_glyph()).images.values()
    assert not image.resample


def test_an_image_that_is_also_a_mask_keeps_its_pixels() -> None:
    def both(pdf: Pdf) -> None:
        page = pdf.pages[0]
        base = next(iter(page.obj.Resources.XObject.values()))
        page.obj.Resources.XObject["/Mask"] = base.SMask
        page.contents_add(b"q 10 0 0 10 0 0 cm /Mask Do Q")

    found = find(documents.edited(documents.soft_mask(), both))
    assert not all(image.resample for image in found.images.values())


def test_forms_that_show_each_other_end() -> None:
    assert find(documents.form_loop()).images == {}


def test_exponential_nesting_ends() -> None:
    """Every form shows the next one ten times, each at another scale: 10^20 placements if followed."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        inner = pdf.make_stream(
            b"\0" * 300,
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=10,
            Height=10,
            BitsPerComponent=8,
            ColorSpace=Name.DeviceRGB,
        )
        for level in range(20):
            content = b"".join(b"q %f 0 0 1 0 0 cm /X Do Q " % (1 + n / 7 + level / 100) for n in range(10))
            inner = pdf.make_stream(
                content,
                Type=Name.XObject,
                Subtype=Name.Form,
                BBox=Array([0, 0, 1, 1]),
                Resources=Dictionary(XObject=Dictionary(X=inner)),
            )
        pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=inner))
        pdf.pages[0].contents_add(b"/X Do")
        found = find_images(walk(pdf, Limits()))
    assert all(not image.resample for image in found.images.values())
