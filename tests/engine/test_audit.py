"""The parts of an audit are right and add up."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from pikepdf import Dictionary, Name, Pdf

from pdfsmaller.engine.audit import audit
from pdfsmaller.engine.report import Audit
from tests import documents


def audited(data: bytes, password: str = "") -> Audit:
    with Pdf.open(io.BytesIO(data), password=password) as pdf:
        return audit(pdf, len(data))


@pytest.mark.parametrize("name", [*documents.IMAGES, *documents.STRUCTURES])
def test_the_parts_add_up_to_the_file(name: str) -> None:
    data = (documents.IMAGES | documents.STRUCTURES)[name]()
    parts = audited(data)
    assert parts.total == len(data)
    assert min(parts.to_json().values()) >= 0


@pytest.mark.parametrize("name", ["photo_jpeg", "soft_mask", "icc_rgb", "nested_form", "ccitt_g4", "type3_glyph"])
def test_pictures_count_as_images(name: str) -> None:
    data = documents.IMAGES[name]()
    assert audited(data).images > 0.9 * len(data)


def test_the_stored_bytes_count_not_the_decoded_ones() -> None:
    with Pdf.open(io.BytesIO(documents.soft_mask())) as pdf:
        image = pdf.pages[0].Resources.XObject.Im0
        expected = len(image.read_raw_bytes()) + len(image.SMask.read_raw_bytes())
    assert audited(documents.soft_mask()).images == expected


def test_inline_images_count_as_content() -> None:
    parts = audited(documents.inline_image())
    assert parts.images == 0
    assert parts.content > 12_000


def test_fonts_are_known_by_their_descriptors() -> None:
    path = documents.font_file()
    if path is None:
        pytest.skip("no TrueType font on this machine")
    data = documents.text_embedded()
    assert audited(data).fonts > 0.9 * len(data)


def test_font_programs_without_a_length_are_found_through_a_direct_descriptor() -> None:
    program = random.Random(1).randbytes(5_000)

    def change(pdf: Pdf) -> None:
        font = pdf.pages[0].Resources.Font.F1
        font.FontDescriptor = Dictionary(FontName=Name.X, FontFile=pdf.make_stream(program))
        font.ToUnicode = pdf.make_stream(b"begincmap " * 100)

    assert audited(documents.edited(documents.text(), change)).fonts >= 5_000


def test_attachments_thumbnails_and_private_data_have_their_kinds() -> None:
    attached = random.Random(2).randbytes(30_000)
    parts = audited(documents.edited(documents.text(), lambda pdf: pdf.attachments.__setitem__("x.bin", attached)))
    assert parts.attachments >= 30_000
    unused = audited(documents.unused_objects())
    assert unused.metadata > 20_000  # 20,000 private bytes and the thumbnail
    assert audited(documents.structured()).metadata > 0


def test_lengths_that_lie_never_make_a_part_negative() -> None:
    data = documents.photo_jpeg(200, 150)
    parts = audited(data)
    with Pdf.open(io.BytesIO(data)) as pdf:
        small = audit(pdf, parts.images // 2)  # as if streams overlapped: they claim more than there is
    assert small.total == parts.images // 2
    assert small.structure >= 0


def test_encrypted_documents_are_audited_as_stored() -> None:
    data = documents.encrypted_user()
    parts = audited(data, documents.USER_PASSWORD)
    assert parts.total == len(data)
    assert parts.images > 0.9 * len(data)


@pytest.mark.parametrize("name", ["broken_xref", "junk_before_header", "broken_image", "form_loop"])
def test_damaged_documents_are_audited(name: str, tmp_path: Path) -> None:
    path = documents.write(tmp_path / "damaged.pdf", documents.BROKEN[name]())
    with Pdf.open(path) as pdf:
        assert audit(pdf, path.stat().st_size).total == path.stat().st_size


def test_bombs_are_audited_without_being_decoded(tmp_path: Path) -> None:
    path = documents.write(tmp_path / "bomb.pdf", documents.pixel_bomb())
    with Pdf.open(path) as pdf:
        assert audit(pdf, path.stat().st_size).images > 3_000_000
