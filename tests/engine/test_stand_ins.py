"""Pictures that stand in for those that are proven the same: what is found all the same, and where none are put."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Name, Pdf, Stream

from pdfsmaller.engine.comparison import Comparison
from pdfsmaller.engine.images.jpeg import jpeg_info, transcoded
from pdfsmaller.engine.stand_ins import StandIns, digest, put_stand_ins
from pdfsmaller.engine.verify import compare
from tests import documents, pictures

_WIDE, _HIGH = 1600, 1200
_Change = Callable[[Pdf], object]


def _image(pdf: Pdf, name: str = "/Scan") -> Stream:
    found = pdf.pages[0].Resources.XObject[name]
    assert isinstance(found, Stream)
    return found


def _scan() -> Pdf:
    """A page of stripes, through a mask over a line of text's height of gray."""
    pdf = Pdf.new()
    pdf.add_blank_page(page_size=(400, 300))
    rows = b"".join(bytes([256 * y // _HIGH]) * (_WIDE // 8) for y in range(_HIGH))
    mask = Stream(pdf, (b"\xff" * 150 + b"\0" * 50) * _HIGH)
    mask.stream_dict.update({"/Type": Name.XObject, "/Subtype": Name.Image, "/ImageMask": True})
    scan = Stream(pdf, rows)
    scan.stream_dict.update(
        {"/Type": Name.XObject, "/Subtype": Name.Image, "/ColorSpace": Name.DeviceGray, "/BitsPerComponent": 1}
    )
    for image in (mask, scan):
        image.stream_dict.update({"/Width": _WIDE, "/Height": _HIGH})
    scan["/Mask"] = pdf.make_indirect(mask)
    page = pdf.pages[0]
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=pdf.make_indirect(scan)))
    page.Contents = Stream(pdf, b"q .5 g 50 50 300 20 re f 300 0 0 200 50 50 cm /Scan Do Q")
    return pdf


def _saved(pdf: Pdf, path: Path, change: _Change | None = None) -> Path:
    if change is not None:
        change(pdf)
    pdf.save(path)
    return path


def _stand_ins(before: Path, after: Path, proven: dict[tuple[int, int], bytes] | None = None) -> StandIns | None:
    with pikepdf.open(before) as old, pikepdf.open(after) as new:
        return put_stand_ins(old, new, range(len(old.pages)), proven or {}, 0)


def _compared(before: Path, after: Path) -> Comparison:
    return compare(before, after, mode="full", password=None, min_similarity=0.9)


def _recoded(pdf: Pdf) -> None:
    _image(pdf).write(zlib.compress(_image(pdf).read_bytes(), 1), filter=Name.FlateDecode)


@pytest.mark.parametrize("change", [None, _recoded])
def test_pictures_of_the_same_samples_are_stood_in_for(change: _Change | None, tmp_path: Path) -> None:
    before, after = _saved(_scan(), tmp_path / "a.pdf"), _saved(_scan(), tmp_path / "b.pdf", change)
    found = _stand_ins(before, after)
    assert found is not None
    assert found.pages == {0}
    with pikepdf.open(io.BytesIO(found.after)) as copy:
        assert int(_image(copy).Width) < 100
        assert _image(copy).Mask.Width == _image(copy).Width
    assert _compared(before, after).differences == []


def _content(data: bytes) -> _Change:
    return lambda pdf: pdf.pages[0].Contents.write(data)


def _set(key: str, value: Callable[[], object]) -> _Change:
    def change(pdf: Pdf) -> None:
        _image(pdf)[key] = value()

    return change


def _without_mask(pdf: Pdf) -> None:
    del _image(pdf)["/Mask"]


CHANGES: dict[str, _Change] = {
    "moved": _content(b"q .5 g 50 50 300 20 re f 300 0 0 200 80 90 cm /Scan Do Q"),
    "gone": _content(b"q .5 g 50 50 300 20 re f Q"),
    "upside down": _content(b"q .5 g 50 50 300 20 re f 300 0 0 -200 50 250 cm /Scan Do Q"),
    "hidden": _content(b"q 300 0 0 200 50 50 cm /Scan Do Q 1 g 0 0 400 300 re f"),
    "what is under it": _content(b"q 0 g 50 50 300 200 re f 300 0 0 200 50 50 cm /Scan Do Q"),
    "inverted": _set("/Decode", lambda: Array([1, 0])),
    "another colour space": _set("/ColorSpace", lambda: Array([Name.Indexed, Name.DeviceRGB, 1, b"\xff\0\0\0\0\xff"])),
    "its mask is gone": _without_mask,
    "its mask is turned": lambda pdf: _image(pdf).Mask.__setitem__("/Decode", Array([1, 0])),
    "other samples": lambda pdf: _image(pdf).write(b"\xf0" * (_WIDE // 8 * _HIGH)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_else_changes_is_seen(change: _Change, tmp_path: Path) -> None:
    before, after = _saved(_scan(), tmp_path / "a.pdf"), _saved(_scan(), tmp_path / "b.pdf", change)
    assert [found.kind for found in _compared(before, after).differences] == ["looks"]


def test_where_one_picture_lost_something_all_are_rendered(tmp_path: Path) -> None:
    def with_another(pdf: Pdf, quality: int) -> None:
        photo = pdf.make_stream(pictures.saved(pictures.color().resize((64, 64)), "JPEG", quality=quality))
        photo.stream_dict.update(
            {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": 64, "/Height": 64, "/Filter": Name.DCTDecode}
            | {"/ColorSpace": Name.DeviceRGB, "/BitsPerComponent": 8}
        )
        pdf.pages[0].Resources.XObject["/Photo"] = photo

    before = _saved(_scan(), tmp_path / "a.pdf", lambda pdf: with_another(pdf, 95))
    after = _saved(_scan(), tmp_path / "b.pdf", lambda pdf: with_another(pdf, 30))
    assert _stand_ins(before, after) is None


def test_a_jpeg_coded_anew_is_the_same_for_who_compared_its_samples(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.photo_jpeg(1600, 1200))
    after = tmp_path / "b.pdf"
    with pikepdf.open(before) as pdf:
        (photo,) = (obj for obj in pdf.objects if isinstance(obj, Stream) and obj.get("/Subtype") == "/Image")
        data = photo.read_raw_bytes()
        info = jpeg_info(data)
        assert info is not None
        smaller = transcoded(data, info)
        photo.write(smaller, filter=Name.DCTDecode)
        pdf.save(after)
        objgen = photo.objgen
    assert _stand_ins(before, after) is None
    assert _stand_ins(before, after, {objgen: digest(data)}) is None
    assert _stand_ins(before, after, {objgen: digest(smaller)}) is not None


def test_small_pictures_are_not_worth_it(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.photo_jpeg(600, 450))
    assert _stand_ins(before, before) is None
