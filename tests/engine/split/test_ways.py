"""The four ways to cut: which pages go into which part."""

from __future__ import annotations

from itertools import pairwise

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from pdfsmaller import errors
from pdfsmaller.engine.split.options import SplitOptions
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.split.conftest import Cut


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ("1-3,4-", ["1-3", "4-6"]),
        ("1-3+5,2", ["1-3,5", "2"]),
        ("-1,1", ["6", "1"]),
        ("3-1", ["3,2,1"]),
        ("2+2,1-4", ["2,2", "1-4"]),
        (" 1 - 2 , 4 + 6 ", ["1-2", "4,6"]),
    ],
)
def test_each_range_is_a_part(cut: Cut, ranges: str, expected: list[str]) -> None:
    pieces = cut(documents.structured(6), pages=ranges)
    assert pieces.pages == expected
    for texts, pages in zip(pieces.texts(), expected, strict=True):
        numbers = [int(text.split(".")[0].removeprefix("Chapter ")) for text in texts]
        assert numbers[0] == int(pages.split(",")[0].split("-")[0])


def test_every_so_many_pages_the_last_part_has_what_is_left(cut: Cut) -> None:
    pieces = cut(documents.text(7), every=3)
    assert pieces.pages == ["1-3", "4-6", "7"]
    assert pieces.names == ["report-1.pdf", "report-2.pdf", "report-3.pdf"]


@pytest.mark.parametrize("way", [{"pages": "1"}, {"every": 5}, {"max_size": 10_000}])
def test_one_page_makes_one_part(cut: Cut, way: dict[str, object]) -> None:
    assert cut(documents.text(1), **way).pages == ["1"]


def with_front_matter() -> bytes:
    """Six pages; chapters on the second and the fifth, sections on the third and the fifth."""

    def change(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            first, second = pikepdf.OutlineItem("One: a/b", 1), pikepdf.OutlineItem("Two", 4)
            first.children.append(pikepdf.OutlineItem("Section", 2))
            second.children.append(pikepdf.OutlineItem("Section", 4))
            outline.root += [second, first]  # not in the order of the pages
            outline.root.append(pikepdf.OutlineItem("Nowhere"))

    return documents.edited(documents.text(6), change)


def test_parts_begin_at_the_outlines_entries_and_are_called_like_them(cut: Cut) -> None:
    pieces = cut(with_front_matter(), outline_level=1)
    assert pieces.pages == ["1", "2-4", "5-6"]
    assert pieces.names == ["1-report.pdf", "2-One_ a_b.pdf", "3-Two.pdf"]
    assert cut(with_front_matter(), outline_level=2).pages == ["1", "2", "3-4", "5-6"]


def test_entries_that_name_their_destination_begin_parts_too(cut: Cut) -> None:
    def name_it(pdf: Pdf) -> None:
        item = pdf.Root.Outlines.First.Next
        item.A = Dictionary(S=Name.GoTo, D=pikepdf.String("chapter two"))
        del item["/Dest"]
        names = Array([pikepdf.String("chapter two"), Array([pdf.pages[1].obj, Name.Fit])])
        pdf.Root.Names.Dests = Dictionary(Names=names)

    assert cut(documents.edited(documents.structured(3), name_it), outline_level=1).pages == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("document", "level", "message"),
    [(documents.text, 1, "no outline"), (documents.structured, 3, "no level 3; its deepest is 2")],
)
def test_a_level_that_the_outline_does_not_have_is_refused(
    cut: Cut, document: documents.Make, level: int, message: str
) -> None:
    with pytest.raises(errors.InvalidOutlineLevel, match=message):
        cut(document(), outline_level=level)


def test_an_outline_that_leads_nowhere_is_refused(cut: Cut) -> None:
    def lead_nowhere(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Nowhere"))

    with pytest.raises(errors.InvalidOutlineLevel, match="leads to a page"):
        cut(documents.edited(documents.text(2), lead_nowhere), outline_level=1)


@pytest.mark.parametrize("pages", ["7", "1-9", "1,-8", "1+7"])
def test_pages_beyond_the_end_are_refused(cut: Cut, pages: str) -> None:
    with pytest.raises(errors.InvalidPageRange, match="no page"):
        cut(documents.text(6), pages=pages)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "pages"),
        ({"every": 1, "max_size": "1MB"}, "max_size"),
        ({"pages": "1-2-3"}, "pages"),
        ({"pages": "1,,2"}, "pages"),
        ({"pages": "1+"}, "pages"),
        ({"every": 0}, "every"),
        ({"outline_level": "x"}, "outline_level"),
        ({"max_size": "10"}, "max_size"),
        ({"max_size": "lots"}, "max_size"),
        ({"every": 1, "target_size": 10_000}, "target_size"),
    ],
)
def test_anything_but_one_way_to_cut_is_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        SplitOptions.parse(fields)
    assert caught.value.field == field


def test_the_four_ways_are_named_where_none_is_given() -> None:
    with pytest.raises(errors.InvalidOption, match="pages, every, outline_level or max_size"):
        SplitOptions.parse({"optimize": "false"})


# --- parts of a size --------------------------------------------------------------------------------------------------


def photos(count: int) -> bytes:
    """Pages with a picture each, no two alike, of some 25 to 60 KB."""
    doc = documents.Builder()
    for number in range(count):
        doc.show(doc.image(documents.photo(300 + 20 * (number % 7), 240, seed=number), encode="jpeg"))
    return doc.bytes()


def test_parts_are_not_over_the_size_and_have_as_many_pages_as_fit(cut: Cut) -> None:
    data = photos(40)
    pieces = cut(data, max_size=200_000)
    assert max(part.report.output_bytes for part in pieces.parts) <= 200_000
    assert ",".join(pieces.pages).replace("-", ",").split(",")[-1] == "40"
    stretches = [pages.split("-") for pages in pieces.pages]
    assert all(int(left[-1]) + 1 == int(right[0]) for left, right in pairwise(stretches))
    for part, left in list(zip(pieces.parts, stretches, strict=True))[:3]:
        with_one_more = cut(data, pages=f"{left[0]}-{int(left[-1]) + 1}").parts[0]
        assert with_one_more.report.output_bytes > 190_000, part.report.pages


def test_few_files_are_written_to_find_out_what_fits(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.split.stock import Cutter

    cuts = []
    write = Cutter.cut

    def counted(self: Cutter, *args: object, **options: object) -> object:
        cuts.append(args)
        return write(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Cutter, "cut", counted)
    pieces = cut(photos(60), max_size=200_000)
    assert len(pieces.parts) > 5
    assert len(cuts) < 2.5 * len(pieces.parts)


def test_a_page_that_is_larger_by_itself_is_a_part_of_its_own(cut: Cut) -> None:
    doc = documents.Builder()
    for number in range(5):
        size = 1_000 if number == 2 else 200
        doc.show(doc.image(documents.photo(size, size, seed=number), encode="jpeg"))
    pieces = cut(doc.bytes(), max_size=60_000)
    assert pieces.pages == ["1-2", "3", "4-5"]
    assert pieces.parts[1].report.output_bytes > 60_000
    messages = [w.message for w in pieces.report.warnings if w.code == "page_over_max_size"]
    assert len(messages) == 1
    assert f"Page 3 alone takes {pieces.parts[1].report.output_bytes:,} bytes" in messages[0]


def test_a_size_smaller_than_any_page_makes_a_part_of_each(cut: Cut) -> None:
    pieces = cut(documents.text(3), max_size=1_000)
    assert pieces.pages == ["1", "2", "3"] or pieces.pages == ["1-3"]
    pieces = cut(photos(3), max_size=1_000)
    assert pieces.pages == ["1", "2", "3"]
    assert pieces.warnings() == ["page_over_max_size"] * 3


def test_a_size_counts_what_encryption_adds(cut: Cut) -> None:
    protected = documents.edited(photos(1), lambda pdf: None)
    with pikepdf.open(documents.io.BytesIO(photos(12))) as pdf:
        buffer = documents.io.BytesIO()
        pdf.save(buffer, encryption=pikepdf.Encryption(owner="o", user=documents.USER_PASSWORD, R=6))
        protected = buffer.getvalue()
    pieces = cut(protected, max_size=120_000, password=documents.USER_PASSWORD)
    assert all(part.pdf.is_encrypted for part in pieces.parts)
    assert max(part.path.stat().st_size for part in pieces.parts) <= 120_000


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [{"every": 1}, {"pages": "1,1,1,1"}, {"outline_level": 1}])
def test_too_many_parts_are_refused_before_one_is_written(
    cut: Cut, way: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdfsmaller.engine.split.stock.Cutter.cut", None)
    with pytest.raises(errors.LimitExceeded) as caught:
        cut(documents.structured(4), limits=Limits(max_parts=3), **way)
    assert caught.value.limit == "max_parts"


def test_too_many_parts_of_a_size_are_refused_on_the_way(cut: Cut) -> None:
    with pytest.raises(errors.LimitExceeded) as caught:
        cut(photos(6), max_size=1_000, limits=Limits(max_parts=3))
    assert caught.value.limit == "max_parts"


@pytest.mark.parametrize("way", [{"pages": ",".join(["1-"] * 50)}, {"max_size": 40_000}])
def test_parts_that_are_too_large_together_are_refused_while_they_are_written(
    cut: Cut, way: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pdfsmaller.engine.split.parts import Writer

    kept = []
    keep = Writer.keep
    monkeypatch.setattr(Writer, "keep", lambda self, *args: (kept.append(args), keep(self, *args)))
    with pytest.raises(errors.LimitExceeded) as caught:
        cut(photos(20), limits=Limits(max_results_bytes=200_000), **way)
    assert caught.value.limit == "max_results_bytes"
    assert len(kept) < 12


@pytest.mark.slow
@pytest.mark.parametrize("way", [{"every": 5}, {"max_size": 200_000}])
def test_a_document_of_thousands_of_pages_takes_bounded_time(cut: Cut, way: dict[str, object]) -> None:
    pieces = cut(documents.structured(5_000), verify="sample", **way)
    assert pieces.report.pages == 5_000
    assert len(pieces.parts) <= 1_000
