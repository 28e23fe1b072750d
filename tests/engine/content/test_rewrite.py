"""Content of whole documents: what is found, how large it is shown, what is written back."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.content.rewrite import ContentCache, rewrite_content, tolerance
from pdfsmaller.engine.content.rewriter import Rewriter
from pdfsmaller.engine.content.scales import find_scales
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.engine.walk.streams import content_streams
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run

pytestmark = pytest.mark.skipif(not Rewriter.available(), reason="there is no LuaJIT")
# Compresses badly, so that every digit less is a byte less.
LINES = b" ".join(
    b"%.5f %.5f m %.5f %.5f l S" % tuple((n * k * 7919.7712345) % 500 for k in (3, 5, 11, 13)) for n in range(60)
)


def rewritten(pdf: pikepdf.Pdf, *, most: float = 0.01, limits: Limits | None = None) -> None:
    limits = limits or Limits()
    document = walk(pdf, limits)
    streams, scales = content_streams(document), find_scales(document)
    rewrite_content(pdf, ContentCache(), streams, scales, limits, Deadline(60), tolerance=most)


def form(pdf: pikepdf.Pdf, data: bytes = LINES, **keys: pikepdf.Object) -> pikepdf.Object:
    entries = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 600, 600]), **keys}
    return pdf.make_indirect(Stream(pdf, data, **entries))


def decimals(stream: pikepdf.Object) -> int:
    return max(len(token.partition(b".")[2]) for token in stream.read_bytes().split())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("/Fm Do", 2),
        ("q .1 0 0 .1 0 0 cm /Fm Do Q", 1),
        ("q 10 0 0 10 0 0 cm /Fm Do Q", 3),
        ("q .1 0 0 .1 0 0 cm /Fm Do Q /Fm Do", 2),
        ("BX /Fm unknown", 5),
    ],
)
def test_forms_are_rounded_by_the_largest_scale_they_are_shown_at(content: str, expected: int) -> None:
    doc = documents.Builder()
    shown = form(doc.pdf)
    doc.page(content, xobjects={"Fm": shown})
    rewritten(doc.pdf)
    assert decimals(shown) == expected


def test_scales_multiply_through_nested_forms_and_their_matrices() -> None:
    doc = documents.Builder()
    inner = form(doc.pdf, Matrix=Array([10, 0, 0, 10, 0, 0]))
    outer = form(doc.pdf, b"q 10 0 0 10 0 0 cm /In Do Q", Resources=Dictionary(XObject=Dictionary(In=inner)))
    doc.page("/Fm Do", xobjects={"Fm": outer})
    rewritten(doc.pdf)
    assert decimals(inner) == 4


def test_a_form_that_shows_itself_is_never_rounded() -> None:
    doc = documents.Builder()
    loop = form(doc.pdf, LINES + b" q 2 0 0 2 0 0 cm /Fm Do Q")
    loop.Resources = Dictionary(XObject=Dictionary(Fm=loop))
    doc.page("/Fm Do", xobjects={"Fm": loop})
    rewritten(doc.pdf)
    assert decimals(loop) == 5


def test_a_form_that_nothing_shows_is_never_rounded() -> None:
    doc = documents.Builder()
    hidden = form(doc.pdf)
    doc.page("n", xobjects={"Fm": hidden})
    rewritten(doc.pdf)
    assert decimals(hidden) == 5


def test_appearances_count_by_how_they_are_fitted() -> None:
    doc = documents.Builder()
    look = form(doc.pdf)
    page = doc.page("n")
    note = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([0, 0, 60, 60]), AP=Dictionary(N=look))
    page.obj.Annots = Array([note])
    rewritten(doc.pdf)
    assert decimals(look) == 1


def test_a_pattern_has_the_space_of_the_page() -> None:
    doc = documents.Builder()
    cell = doc.stream(
        LINES, PatternType=1, PaintType=1, TilingType=1, BBox=Array([0, 0, 9, 9]), XStep=9, YStep=9,
        Matrix=Array([0.1, 0, 0, 0.1, 0, 0]), Resources=Dictionary(),
    )  # fmt: skip
    doc.page("9 0 0 9 0 0 cm /Pattern cs /P scn 0 0 50 50 re f", resources={"Pattern": Dictionary(P=cell)})
    rewritten(doc.pdf)
    assert decimals(cell) == 1


def test_glyphs_of_type_3_fonts_keep_their_numbers() -> None:
    doc = documents.Builder()
    glyph = doc.stream(b"10.00 0 d0 " + LINES)
    font = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]), Resources=Dictionary(),
            FontBBox=Array([0, 0, 9, 9]), CharProcs=Dictionary(a=glyph), FirstChar=97, LastChar=97, Widths=Array([10]),
            Encoding=Dictionary(Type=Name.Encoding, Differences=Array([97, Name.a])),
        )
    )  # fmt: skip
    doc.page("BT /F3 9 Tf (a) Tj ET", resources={"Font": Dictionary(F3=font)})
    rewritten(doc.pdf)
    assert glyph.read_bytes().startswith(b"10 0 d0 ")
    assert decimals(glyph) == 5


def test_streams_of_one_page_become_one() -> None:
    doc = documents.Builder()
    page = doc.page("")
    page.obj.Contents = Array([doc.stream(b"q 1 0 0"), doc.stream(b"rg 0 0 50 50 re"), doc.stream(b"f Q")])
    rewritten(doc.pdf)
    assert page.obj.Contents.read_bytes() == b"q 1 0 0 rg 0 0 50 50 re f Q"


def test_streams_that_pages_share_stay() -> None:
    doc = documents.Builder()
    shared = doc.stream(b"q   1.000 0 0 rg")
    for _ in range(2):
        page = doc.page("")
        page.obj.Contents = Array([shared, doc.stream(b"0 0 50 50 re f Q")])
    rewritten(doc.pdf)
    assert shared.read_bytes() == b"q   1.000 0 0 rg"


def test_nothing_is_written_where_nothing_is_won() -> None:
    doc = documents.Builder()
    page = doc.page("0 0 50 50 re f")
    before = page.obj.Contents.read_raw_bytes()
    rewritten(doc.pdf)
    assert page.obj.Contents.read_raw_bytes() == before


def test_what_is_too_large_is_refused() -> None:
    doc = documents.Builder()
    doc.page(b"0 0 50 50 re f " * 5000)
    with pytest.raises(LimitExceeded):
        rewritten(doc.pdf, limits=Limits(max_stream_bytes=1000))


def test_marks_move_by_less_where_more_dots_are_asked_for() -> None:
    assert tolerance(600) < tolerance(300) < tolerance(150) == tolerance(72)
    assert tolerance(None) < 0.005


@pytest.mark.parametrize("preset", ["lossless", "ebook"])
def test_a_drawing_looks_and_reads_the_same(run: Run, preset: str) -> None:
    doc = documents.Builder()
    words = b" ".join(b"1 0 0 1 %.6f 30.000000 Tm [(wo) -12.3456 (rd)] TJ" % (30 + n * 41.123456) for n in range(12))
    doc.page(b"q 0.45490196 0.1 0.2 RG " + LINES + b" Q BT /F1 9.9626 Tf " + words + b" ET")
    result = run(doc.bytes(), preset=preset)
    assert not result.warnings()
    assert result.report.outcome == "compressed"
    if preset == "lossless":
        assert result.same_pixels()
    else:
        assert result.mean_error() < 0.5
        with result.open() as pdf:
            assert b"0.45490" not in pdf.pages[0].obj.Contents.read_bytes()


def test_a_page_opened_again_reads_the_same() -> None:
    data = documents.structured()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        before = [
            str(i.operator) for i in pikepdf.parse_content_stream(pdf.pages[0]) if str(i.operator) in ("BDC", "EMC")
        ]
        rewritten(pdf)
        after = [
            str(i.operator) for i in pikepdf.parse_content_stream(pdf.pages[0]) if str(i.operator) in ("BDC", "EMC")
        ]
    assert before == after
