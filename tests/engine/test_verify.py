"""What a verification must see, and what it must let pass."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf, String
from PIL import Image

from pdfsmaller.engine import verify
from pdfsmaller.engine.comparison import Comparison, Difference
from pdfsmaller.engine.verify import compare
from tests import documents


def compared(
    tmp_path: Path, before: bytes, after: bytes, *, password: str | None = None, similarity: float = 0.8, **options: Any
) -> Comparison:
    source = documents.write(tmp_path / "before.pdf", before)
    target = documents.write(tmp_path / "after.pdf", after)
    options.setdefault("mode", "sample")
    return compare(source, target, password=password, min_similarity=similarity, **options)


def differences(tmp_path: Path, before: bytes, after: bytes, **options: Any) -> list[Difference]:
    return compared(tmp_path, before, after, **options).differences


def kinds(found: list[Difference]) -> set[str]:
    return {difference.kind for difference in found}


def rewritten(data: bytes, password: str = "") -> bytes:
    """The same document, stored in another way."""
    with Pdf.open(io.BytesIO(data), password=password) as pdf:
        buffer = io.BytesIO()
        pdf.remove_unreferenced_resources()
        pdf.save(
            buffer,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            recompress_flate=True,
            encryption=True if pdf.is_encrypted else None,
        )
    return buffer.getvalue()


Change = Callable[[Image.Image], Image.Image]


def recoded(data: bytes, scale: float = 0.25, quality: int = 60, change: Change = lambda image: image) -> bytes:
    """The same document, its JPEGs decoded, changed, made smaller and encoded again."""

    def recode(pdf: Pdf) -> None:
        for obj in pdf.objects:
            if isinstance(obj, pikepdf.Stream) and obj.get("/Filter") == "/DCTDecode":
                with Image.open(io.BytesIO(obj.read_raw_bytes())) as image:
                    small = change(image.convert("RGB")).resize(
                        (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
                    )
                obj.write(documents.jpeg(small, quality), filter=Name.DCTDecode)
                obj.Width, obj.Height = small.size

    return documents.edited(data, recode)


@pytest.mark.parametrize("name", [*documents.IMAGES, *documents.STRUCTURES])
def test_the_same_document_stored_in_another_way_has_no_differences(name: str, tmp_path: Path) -> None:
    data = (documents.IMAGES | documents.STRUCTURES)[name]()
    assert differences(tmp_path, data, rewritten(data), similarity=1, mode="full") == []


@pytest.mark.parametrize("name", documents.ENCRYPTED)
def test_encrypted_documents_are_compared_with_their_password(name: str, tmp_path: Path) -> None:
    data, password = documents.ENCRYPTED[name](), documents.USER_PASSWORD if "user" in name else ""
    assert differences(tmp_path, data, rewritten(data, password), password=password or None, similarity=1) == []


def test_lost_encryption_is_a_difference(tmp_path: Path) -> None:
    data = documents.encrypted_owner()
    with Pdf.open(io.BytesIO(data)) as pdf:
        buffer = io.BytesIO()
        pdf.save(buffer)
    assert kinds(differences(tmp_path, data, buffer.getvalue())) == {"encryption"}


@pytest.mark.parametrize(
    "name", ["photo_jpeg", "icc_rgb", "nested_form", "soft_mask", "annotation_appearance", "tiling_pattern"]
)
def test_an_honest_loss_passes(name: str, tmp_path: Path) -> None:
    """Down to 72 dpi at JPEG quality 60, as the screen preset does."""
    data = documents.IMAGES[name]()
    assert differences(tmp_path, data, recoded(data)) == []


def test_the_coarsest_coding_passes_where_little_similarity_is_asked_for(tmp_path: Path) -> None:
    """36 dpi at quality 10, as the search for a target size may need; a lost picture is seen all the same."""
    data = documents.photo_jpeg()
    coarse = recoded(data, scale=0.12, quality=10)
    assert differences(tmp_path, data, coarse, similarity=0.5) == []
    assert kinds(differences(tmp_path, data, documents.without_images(data), similarity=0.5)) == {"looks"}


def test_any_other_pixel_is_a_difference_when_equal_pixels_were_asked_for(tmp_path: Path) -> None:
    data = documents.photo_jpeg()
    found = differences(tmp_path, data, recoded(data, scale=1, quality=90), similarity=1)
    assert [(d.kind, d.page) for d in found] == [("looks", 0)]
    assert "Page 1" in found[0].message


def _swap_red_and_blue(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return Image.merge("RGB", (blue, green, red))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_swap_red_and_blue, id="channels swapped"),
        pytest.param(lambda i: i.point(lambda v: 255 - v), id="inverted"),
        pytest.param(lambda i: Image.new("RGB", i.size), id="black"),
        pytest.param(lambda i: Image.new("RGB", i.size, "white"), id="white"),
        pytest.param(lambda i: i.transpose(Image.Transpose.FLIP_TOP_BOTTOM), id="upside down"),
        pytest.param(lambda i: i.convert("L").convert("RGB"), id="gray"),
        pytest.param(lambda i: i.resize((8, 6)).resize(i.size), id="far too coarse"),
    ],
)
def test_a_spoilt_picture_is_a_difference(change: Change, tmp_path: Path) -> None:
    data = documents.photo_jpeg()
    assert kinds(differences(tmp_path, data, recoded(data, change=change))) == {"looks"}


def _decode_dropped(pdf: Pdf) -> None:
    del pdf.pages[0].Resources.XObject.Im0["/Decode"]


def _mask_dropped(pdf: Pdf) -> None:
    image = pdf.pages[0].Resources.XObject.Im0
    for key in ("/SMask", "/Mask"):
        if key in image:
            del image[key]


def _mask_shifted(pdf: Pdf) -> None:
    mask = pdf.pages[0].Resources.XObject.Im0.SMask
    width, data = int(mask.Width), mask.read_bytes()
    moved = b"".join(data[n + width // 8 : n + width] + bytes(width // 8) for n in range(0, len(data), width))
    mask.write(moved)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("cmyk_jpeg", _decode_dropped),  # inverted CMYK: torakiki/sejda#267
        ("bilevel_flate_decode", _decode_dropped),
        ("soft_mask", _mask_dropped),  # black boxes: py-pdf/pypdf#1895
        ("soft_mask", _mask_shifted),
        ("soft_mask_matte", _mask_dropped),
        ("explicit_mask", _mask_dropped),
        ("colour_key_mask", _mask_dropped),
    ],
)
def test_a_lost_mask_or_decode_array_is_a_difference(name: str, change: Callable[[Pdf], None], tmp_path: Path) -> None:
    data = documents.IMAGES[name]()
    assert kinds(differences(tmp_path, data, documents.edited(data, change))) == {"looks"}


def test_a_lost_picture_is_a_difference(tmp_path: Path) -> None:
    data = documents.photo_jpeg()
    assert kinds(differences(tmp_path, data, documents.without_images(data))) == {"looks"}


def test_a_small_black_box_on_a_large_page_is_a_difference(tmp_path: Path) -> None:
    data = documents.text()
    spoilt = documents.with_content(data, b"q 0 g 300 300 30 30 re f Q")
    assert [(d.kind, d.page) for d in differences(tmp_path, data, spoilt)] == [("looks", 0)]


def test_a_form_field_that_is_not_drawn_any_more_is_a_difference(tmp_path: Path) -> None:
    def change(pdf: Pdf) -> None:
        for annotation in pdf.pages[0].Annots:
            annotation.AP.N = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 200, 20])

    data = documents.form()
    assert "looks" in kinds(differences(tmp_path, data, documents.edited(data, change)))


def test_other_text_is_a_difference(tmp_path: Path) -> None:
    data = documents.text()

    def change(pdf: Pdf) -> None:
        page = pdf.pages[1]
        page.Contents = pdf.make_stream(page.Contents.read_bytes().replace(b"single man", b"single cat"))

    found = differences(tmp_path, data, documents.edited(data, change))
    assert [(d.kind, d.page) for d in found] == [("text", 1)]


def test_document_information_that_is_null_says_nothing(tmp_path: Path) -> None:
    with Pdf.open(io.BytesIO(documents.text())) as pdf:
        pdf.docinfo["/Title"] = "123456"
        stored = io.BytesIO()
        pdf.save(stored, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    data = stored.getvalue().replace(b"/Title (123456)", b"/Title 999 0 R ")
    assert b"999 0 R" in data
    assert differences(tmp_path, data, rewritten(data)) == []


def _link_target(pdf: Pdf) -> None:
    pdf.pages[0].Annots[0].A.URI = String("https://example.com/")


def _annotations_gone(pdf: Pdf) -> None:
    del pdf.pages[0]["/Annots"]


def _outline_order(pdf: Pdf) -> None:
    with pdf.open_outline() as outline:
        outline.root.reverse()


def _destination_moved(pdf: Pdf) -> None:
    pdf.Root.Names.Dests.Names[3][0] = pdf.pages[0].obj


def _attachment_changed(pdf: Pdf) -> None:
    pdf.attachments["data.csv"] = b"other"


def _delete(*names: str) -> Callable[[Pdf], None]:
    def change(pdf: Pdf) -> None:
        for name in names:
            del pdf.Root[name]

    return change


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_link_target, "annotations"),
        (_annotations_gone, "annotations"),
        (_outline_order, "outline"),
        (_delete("/Outlines"), "outline"),
        (_destination_moved, "destinations"),
        (_attachment_changed, "attachments"),
        (_delete("/Names"), "attachments"),
        (_delete("/StructTreeRoot"), "tags"),
        (_delete("/MarkInfo"), "tags"),
        (lambda pdf: pdf.Root.StructTreeRoot.K.__delitem__(0), "tags"),
        (_delete("/Lang"), "language"),
        (_delete("/PageLabels"), "labels"),
        (_delete("/OCProperties"), "layers"),
        (_delete("/Metadata"), "metadata"),
        (lambda pdf: pdf.docinfo.__delitem__("/Author"), "metadata"),
        (_delete("/ViewerPreferences"), "catalog"),
        (lambda pdf: pdf.pages[2].obj.__setitem__("/Rotate", 90), "boxes"),
        (lambda pdf: pdf.pages[2].obj.__setitem__("/CropBox", Array([0, 0, 500, 500])), "boxes"),
        (lambda pdf: pdf.pages.__delitem__(3), "pages"),
        (lambda pdf: pdf.pages.reverse(), "text"),
    ],
)
def test_lost_structure_is_a_difference(change: Callable[[Pdf], Any], kind: str, tmp_path: Path) -> None:
    data = documents.structured()
    assert kind in kinds(differences(tmp_path, data, documents.edited(data, change)))


@pytest.mark.parametrize(
    "change",
    [
        lambda pdf: pdf.Root.AcroForm.Fields[0].__setitem__("/V", String("John Doe")),
        lambda pdf: pdf.Root.AcroForm.Fields[3].Kids[0].__setitem__("/T", String("town")),
        lambda pdf: pdf.Root.AcroForm.Fields.__delitem__(1),
        _delete("/AcroForm"),
    ],
)
def test_a_changed_form_is_a_difference(change: Callable[[Pdf], Any], tmp_path: Path) -> None:
    data = documents.form()
    assert "fields" in kinds(differences(tmp_path, data, documents.edited(data, change)))


def test_grayscale_compares_brightness_only(tmp_path: Path) -> None:
    data = documents.photo_jpeg()
    gray = recoded(data, change=lambda i: i.convert("L").convert("RGB"))
    assert differences(tmp_path, data, gray, color_mode="grayscale") == []
    negative = recoded(data, change=lambda i: i.convert("L").point(lambda v: 255 - v).convert("RGB"))
    assert kinds(differences(tmp_path, data, negative, color_mode="grayscale")) == {"looks"}


def test_bilevel_asks_that_dark_stays_dark(tmp_path: Path) -> None:
    data = documents.bilevel_as_gray()
    assert differences(tmp_path, data, documents.bilevel_flate(), color_mode="bilevel") == []
    photo = documents.photo_jpeg()
    dithered = recoded(photo, scale=1, quality=95, change=lambda i: i.convert("1").convert("RGB"))
    assert differences(tmp_path, photo, dithered, color_mode="bilevel") == []
    negative = recoded(photo, scale=1, change=lambda i: i.convert("L").point(lambda v: 255 - v).convert("RGB"))
    assert kinds(differences(tmp_path, photo, negative, color_mode="bilevel")) == {"looks"}
    assert kinds(differences(tmp_path, data, documents.without_images(data), color_mode="bilevel")) == {"looks"}


def test_sample_takes_pages_from_beginning_to_end() -> None:
    assert verify.sample_pages(3) == [0, 1, 2]
    pages = verify.sample_pages(100)
    assert len(pages) == verify.SAMPLE_PAGES
    assert (pages[0], pages[-1]) == (0, 99)


def test_full_sees_what_sample_may_miss(tmp_path: Path) -> None:
    data = documents.text(pages=40)
    skipped = next(n for n in range(40) if n not in verify.sample_pages(40))
    spoilt = documents.with_content(data, b"0 g 100 100 200 200 re f", page=skipped)
    assert differences(tmp_path, data, spoilt, mode="sample") == []
    assert [d.page for d in differences(tmp_path, data, spoilt, mode="full")] == [skipped]


BLACKENED = b"0 g 0 0 999 999 re f"


def test_pages_after_the_deadline_are_named_as_not_compared(tmp_path: Path) -> None:
    data = documents.text(pages=3)
    spoilt = documents.with_content(data, BLACKENED)
    found = compared(tmp_path, data, spoilt, deadline=time.monotonic() - 1)
    assert (found.compared, found.skipped) == (set(), dict.fromkeys(range(3), "time_limit"))
    assert found.unproven == {0, 1, 2}


def test_pages_between_those_of_a_sample_are_proven_unless_time_was_up(tmp_path: Path) -> None:
    data = documents.text(pages=40)
    assert compared(tmp_path, data, rewritten(data)).unproven == set()
    assert compared(tmp_path, data, rewritten(data), deadline=time.monotonic() - 1).unproven == set(range(40))


def test_an_original_that_the_renderer_cannot_open_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = documents.text(pages=2)
    monkeypatch.setattr("pypdfium2.PdfDocument", _refusing(pypdfium2.PdfDocument, "before.pdf"))
    found = compared(tmp_path, data, documents.with_content(data, BLACKENED))
    assert found.skipped == {0: "unreadable", 1: "unreadable"}
    assert found.unproven == {0, 1}


def _refusing(opened: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A renderer that cannot read a file of this name."""

    def open_document(path: Path, **options: Any) -> Any:
        if path.name == name:
            raise pypdfium2.PdfiumError("Failed to load document")
        return opened(path, **options)

    return open_document


def test_structure_that_is_broken_in_the_original_is_named(tmp_path: Path) -> None:
    def broken(pdf: Pdf) -> None:
        pdf.pages[0].obj.Rotate = Name.Upright

    data = documents.edited(documents.text(pages=2), broken)
    assert compared(tmp_path, data, rewritten(data)).structure_skipped == {"boxes": "unreadable"}


def test_names_in_another_encoding_are_compared(tmp_path: Path) -> None:
    def leading_to(place: bytes) -> Callable[[Pdf], None]:
        def change(pdf: Pdf) -> None:
            note = Dictionary(Subtype=Name.Link, Rect=[0, 0, 9, 9], Dest=Object.parse(place))
            pdf.pages[0].obj.Annots = [note]

        return change

    one, other = (documents.edited(documents.text(), leading_to(place)) for place in (b"/#c0#b6", b"/#ba#ec"))
    same = compared(tmp_path, one, rewritten(one))
    assert (same.differences, same.structure_skipped) == ([], {})
    assert [found.kind for found in compared(tmp_path, one, other).differences] == ["annotations"]


def test_structure_too_large_to_be_compared_whole_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_NODES", 5)
    data = documents.structured()
    skipped = compared(tmp_path, data, rewritten(data)).structure_skipped
    assert {skipped.get("tags"), skipped.get("outline")} == {"too_large"}


def named_places(*, backwards: bool, height: int = 700) -> bytes:
    """Forty named destinations, listed from either end, and the height that the one in the middle leads to."""

    def add(pdf: Pdf) -> None:
        heights = [height if number == 20 else 10 * number for number in range(40)]
        named = [(String(f"n{at:02}"), Array([pdf.pages[0].obj, Name.XYZ, 0, y, None])) for at, y in enumerate(heights)]
        listed = reversed(named) if backwards else named
        pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([one for pair in listed for one in pair])))

    return documents.edited(documents.text(), add)


def test_what_is_cut_off_elsewhere_is_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_NODES", 100)
    one, same = named_places(backwards=True), named_places(backwards=False)
    assert differences(tmp_path, one, same) == []
    assert kinds(differences(tmp_path, one, named_places(backwards=False, height=9))) == {"destinations"}


def test_a_very_long_page_is_compared(tmp_path: Path) -> None:
    def long(pdf: Pdf) -> None:
        pdf.pages[0].MediaBox = Array([0, 0, 4, 14_400])

    data = documents.edited(documents.text(), long)
    assert kinds(differences(tmp_path, data, documents.with_content(data, BLACKENED))) == {"looks"}


def test_an_unreadable_result_is_a_difference(tmp_path: Path) -> None:
    assert kinds(differences(tmp_path, documents.text(), documents.header_only())) == {"unreadable"}


@pytest.mark.parametrize("name", ["broken_xref", "junk_before_header", "broken_image", "form_loop"])
def test_damaged_documents_equal_their_repaired_selves(name: str, tmp_path: Path) -> None:
    data = documents.BROKEN[name]()
    assert differences(tmp_path, data, rewritten(data)) == []


def test_loops_in_outline_fields_and_names_end(tmp_path: Path) -> None:
    def loops(pdf: Pdf) -> None:
        first = pdf.Root.Outlines.First
        first.Next = first
        first.First = first
        tree = pdf.Root.Names.Dests
        tree.Kids = Array([tree])
        field = pdf.make_indirect(Dictionary(T=String("loop")))
        field.Kids = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))
        element = pdf.Root.StructTreeRoot.K[0]
        element.K = Array([element, element])

    data = documents.edited(documents.structured(), loops)
    assert differences(tmp_path, data, rewritten(data)) == []


def test_a_page_with_a_large_picture_is_compared(tmp_path: Path) -> None:
    data = documents.pixel_bomb(16_000)
    assert kinds(differences(tmp_path, data, documents.without_images(data))) == {"looks"}


def test_a_page_with_a_gigantic_picture_is_not_compared(tmp_path: Path) -> None:
    data = documents.pixel_bomb()
    found = compared(tmp_path, data, documents.without_images(data))
    assert (found.differences, found.skipped, found.unproven) == ([], {0: "large_image"}, {0})


def test_a_hundred_pages_take_no_longer_than_a_moment(tmp_path: Path) -> None:
    data = documents.text(pages=100)
    started = time.monotonic()
    assert differences(tmp_path, data, rewritten(data)) == []
    assert time.monotonic() - started < 3


def test_what_the_renderer_does_not_find_in_a_damaged_file_is_not_compared(tmp_path: Path) -> None:
    blank = documents.edited(documents.text(1), lambda pdf: setattr(pdf.pages[0], "Contents", pdf.make_stream(b"")))
    assert kinds(differences(tmp_path, blank, documents.text(1))) == {"text"}
    found = compared(tmp_path, blank, documents.text(1), repaired=True)
    assert (found.differences, found.compared, found.skipped) == ([], set(), {0: "blank"})
    assert kinds(differences(tmp_path, documents.text(1), blank, repaired=True)) == {"text"}


def test_what_stands_in_an_action_s_place_and_is_none_is_not_compared(tmp_path: Path) -> None:
    def linked(**action: Any) -> bytes:
        def link(pdf: Pdf) -> None:
            note = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=Dictionary(**action))
            pdf.pages[0].Annots = Array([pdf.make_indirect(note)])

        return documents.edited(documents.text(1), link)

    resources, others = Dictionary(Cs1=Name.DeviceRGB), Dictionary(Cs1=Name.DeviceGray)
    assert differences(tmp_path, linked(ColorSpace=resources), linked(ColorSpace=others)) == []
    with_action = linked(S=Name.URI, URI=String("a"))
    assert kinds(differences(tmp_path, with_action, linked(S=Name.URI, URI=String("b")))) == {"annotations"}
    assert kinds(differences(tmp_path, with_action, linked(ColorSpace=resources))) == {"annotations"}
