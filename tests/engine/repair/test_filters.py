"""Streams whose filters few readers know: Brotli becomes Flate, and what nobody knows stays as it is and is named."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.inspect import inspect
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.errors import LimitExceeded, UnreadablePdf
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Result, Run
from tests.engine.merge.conftest import Join, join

__all__ = ["join"]


def text_of(path: Path, page: int = 0) -> str:
    with pypdfium2.PdfDocument(path) as document:
        return str(document[page].get_textpage().get_text_range())


def filters_in(result: Result) -> set[str]:
    with result.open() as pdf:
        return {str(one) for obj in pdf.objects if isinstance(obj, Stream) and (one := obj.get("/Filter")) is not None}


def hidden(data: bytes) -> bytes:
    """What an unheard-of filter would make of data."""
    return bytes(value ^ 0x5A for value in data)


# --- Brotli ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["lossless", "ebook"])
def test_brotli_becomes_flate_that_every_reader_can_open(run: Run, preset: str) -> None:
    plain = documents.photo_flate()
    result = run(documents.refiltered(plain, encode=lambda data: brotli.compress(data, quality=1)), preset=preset)
    assert result.report.outcome == "compressed"
    assert "brotli_replaced" in result.warnings()
    assert "/BrotliDecode" not in filters_in(result)
    original = documents.write(result.source.with_name("plain.pdf"), plain)
    assert result.render(original).size == result.render(result.target).size
    if preset == "lossless":
        assert result.render(original).tobytes() == result.render(result.target).tobytes()
    assert result.report.comparison == ComparisonSummary(mode="sample", pages=1)


def test_brotli_stays_where_flate_would_be_larger(run: Run) -> None:
    words = " ".join(f"the weather of the government and the government of the weather {n}" for n in range(3_000))

    def change(pdf: Pdf) -> None:
        pdf.attachments["words.txt"] = words.encode()

    data = documents.refiltered(documents.edited(documents.text(), change))
    result = run(data, preset="lossless")
    assert result.target.read_bytes() == data
    assert "brotli_kept" in result.warnings()


def _in_ascii(pdf: Pdf) -> None:
    stream = pdf.pages[0].Contents
    stream.write(
        base64.a85encode(brotli.compress(stream.read_bytes())) + b"~>",
        filter=Array([Name.ASCII85Decode, Name.BrotliDecode]),
    )


def _twice(pdf: Pdf) -> None:
    stream = pdf.pages[0].Contents
    inner = brotli.compress(brotli.compress(stream.read_bytes()))
    stream.write(inner, filter=Array([Name.BrotliDecode, Name.BrotliDecode]))


def _around_flate(pdf: Pdf) -> None:
    stream = pdf.pages[0].Contents
    inner = brotli.compress(zlib.compress(stream.read_bytes()))
    stream.write(inner, filter=Array([Name.BrotliDecode, Name.FlateDecode]))


def _with_predictor(pdf: Pdf) -> None:
    stream = pdf.pages[0].Contents
    data = stream.read_bytes()
    rows = b"".join(b"\0" + data[place : place + 10].ljust(10) for place in range(0, len(data), 10))
    stream.write(brotli.compress(rows), filter=Name.BrotliDecode, decode_parms=Dictionary(Predictor=12, Columns=10))


@pytest.mark.parametrize("change", [_in_ascii, _twice, _around_flate, _with_predictor])
def test_brotli_among_other_filters_and_with_a_predictor_is_read(
    run: Run, tmp_path: Path, change: Callable[[Pdf], None]
) -> None:
    plain = documents.write(tmp_path / "plain.pdf", documents.text())
    result = run(documents.edited(documents.text(), change), preset="ebook")
    assert text_of(result.target) == text_of(plain)
    assert "/BrotliDecode" not in filters_in(result)


@pytest.mark.parametrize("table", [True, False])
def test_what_is_packed_with_brotli_is_laid_open(run: Run, table: bool) -> None:
    padding = b"\n%" + b" " * 2_000
    result = run(documents.packed(table=table) + padding, preset="ebook")
    assert result.report.outcome == "compressed"
    assert text_of(result.target) == "Packed away"


def test_an_encrypted_document_with_brotli_stays_encrypted(run: Run) -> None:
    def change(pdf: Pdf) -> None:
        for page in pdf.pages:
            page.Contents.write(brotli.compress(page.Contents.read_bytes(), quality=0), filter=Name.BrotliDecode)

    password = documents.USER_PASSWORD
    result = run(documents.edited(documents.encrypted_user(), change, password), preset="ebook", password=password)
    with result.open() as pdf:
        assert pdf.is_encrypted
    assert "/BrotliDecode" not in filters_in(result) or result.report.outcome == "unchanged"


def test_a_brotli_bomb_is_a_limit(run: Run) -> None:
    def bomb(pdf: Pdf) -> None:
        pdf.pages[0].Contents.write(brotli.compress(bytes(50_000_000), quality=1), filter=Name.BrotliDecode)

    with pytest.raises(LimitExceeded, match="10,000,000 bytes"):
        run(documents.edited(documents.text(), bomb), preset="ebook", limits=Limits(max_stream_bytes=10_000_000))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut off"),
        pytest.param(lambda data: b"\xff" * 50, id="no Brotli at all"),
        pytest.param(lambda data: b"", id="nothing"),
    ],
)
def test_damaged_brotli_stays_and_is_named(run: Run, damage: Callable[[bytes], bytes]) -> None:
    damaged = damage(brotli.compress(documents.text(1)))

    def change(pdf: Pdf) -> None:
        pdf.pages[1].Contents.write(damaged, filter=Name.BrotliDecode)

    result = run(documents.edited(documents.text(3), change), preset="ebook")
    assert "unknown_filter" in result.warnings()
    with result.open() as pdf:
        assert pdf.pages[1].Contents.read_raw_bytes() == damaged


def test_brotli_with_a_dictionary_of_its_own_stays(run: Run) -> None:
    data = documents.refiltered(documents.text(), parms=Dictionary(D=1))
    assert "unknown_filter" in run(data, preset="ebook").warnings()


def test_merged_documents_have_flate_for_brotli(join: Join, tmp_path: Path) -> None:
    plain = documents.write(tmp_path / "plain.pdf", documents.text())
    for options in ({"optimize": False}, {"optimize": True}):
        merged = join(documents.text(), documents.refiltered(documents.text()), **options)
        assert merged.texts()[-1].split() == text_of(plain, 2).split()


# --- filters that nobody knows --------------------------------------------------------------------------------------


def test_an_unknown_filter_stays_byte_for_byte_and_its_page_is_not_compared(run: Run) -> None:
    """Blank equals blank: that proves nothing."""

    def change(pdf: Pdf) -> None:
        content = pdf.pages[0].Contents
        content.write(hidden(content.read_bytes()), filter=Name.FooDecode)

    data = documents.edited(documents.structured(), change)
    result = run(data, preset="ebook")
    assert result.report.comparison is None or result.report.comparison.skipped == {"unknown_filter": 1}
    (warning,) = [warning for warning in result.report.warnings if warning.code == "unknown_filter"]
    assert "/FooDecode" in warning.message
    with Pdf.open(io.BytesIO(data)) as before, result.open() as after:
        assert after.pages[0].Contents.read_raw_bytes() == before.pages[0].Contents.read_raw_bytes()
        assert after.pages[0].Contents.Filter == Name.FooDecode


def _fonts(pdf: Pdf) -> list[str]:
    return [name for page in pdf.pages for name in page.Resources.get("/Font", {})]


def test_a_page_behind_an_unknown_filter_keeps_its_images_and_resources(run: Run) -> None:
    """What its content shows, nobody here knows."""

    def change(pdf: Pdf) -> None:
        content = pdf.pages[0].Contents
        content.write(hidden(content.read_bytes()), filter=Name.FooDecode)
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Courier)
        pdf.pages[0].Resources.Font = Dictionary(F9=font)
        pdf.Root.PieceInfo = Dictionary(Padding=pikepdf.String("x" * 3_000))

    data = documents.edited(documents.photo_flate(), change)
    result = run(data, preset="ebook")
    with Pdf.open(io.BytesIO(data)) as before, result.open() as after:
        assert _fonts(after) == _fonts(before) == ["/F9"]
        pixels = [hashlib.sha256(pdf.pages[0].Resources.XObject.Im0.read_bytes()).digest() for pdf in (before, after)]
        assert pixels[0] == pixels[1]


def test_a_page_without_unknown_filters_is_still_compressed(run: Run) -> None:
    def change(pdf: Pdf) -> None:
        pdf.add_blank_page()
        pdf.pages[1].Contents = pdf.make_stream(b"\1\2\3", Filter=Name.FooDecode)

    result = run(documents.edited(documents.photo_flate(), change), preset="ebook")
    assert result.report.outcome == "compressed"
    assert result.report.comparison == ComparisonSummary(mode="sample", pages=1, skipped={"unknown_filter": 1})
    assert result.report.images.changed == 1


@pytest.mark.parametrize("table", [True, False])
def test_what_is_packed_in_an_unknown_way_is_never_rewritten(run: Run, table: bool) -> None:
    data = documents.packed("/FooDecode", hidden, table=table)
    with pytest.raises(UnreadablePdf, match="/FooDecode"):
        run(data, preset="ebook")


def test_a_document_of_which_a_part_is_packed_in_an_unknown_way_comes_back_as_it_was(run: Run) -> None:
    """Whoever knows the filter would miss what is in there."""
    data = documents.edited(
        documents.photo_flate(),
        lambda pdf: pdf.Root.__setitem__("/Packed", pdf.make_stream(b"\1\2", Type=Name.ObjStm, Filter=Name.FooDecode)),
    )
    result = run(data, preset="ebook")
    assert result.target.read_bytes() == data
    assert "unknown_filter" in result.warnings()


def test_merging_names_unknown_filters(tmp_path: Path) -> None:
    data = documents.refiltered(documents.text(), "/FooDecode", hidden)
    sources = [InputFile(documents.write(tmp_path / name, data), f"{name}.pdf") for name in ("a", "b")]
    report = merge(sources, tmp_path / "out.pdf", MergeOptions.parse({"optimize": False, "pages": ["1-3", "2"]}))
    assert [w.message for w in report.warnings if w.code == "unknown_filter" and "/FooDecode" in w.message]
    assert report.comparison == ComparisonSummary(mode="sample", skipped={"unknown_filter": 3})


def test_merging_refuses_what_is_packed_in_an_unknown_way(tmp_path: Path) -> None:
    def change(pdf: Pdf) -> None:
        pdf.Root.Packed = pdf.make_stream(b"\1\2", Type=Name.ObjStm, Filter=Name.FooDecode)

    source = documents.write(tmp_path / "a", documents.edited(documents.text(), change))
    with pytest.raises(UnreadablePdf, match=r"^a\.pdf: .*/FooDecode"):
        merge([InputFile(source, "a.pdf")], tmp_path / "out.pdf")


def test_documents_with_brotli_can_be_looked_into(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.refiltered(documents.photo_flate()))
    assert len(inspect(source).images) == 1
