"""A dry run: about what a real one gives, without a document, and in no more time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.engine.compress import compress, run
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.report import Report
from pdfsmaller.engine.results import Done
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.test_scan import scan, scanned

Estimate = Callable[..., Done[Report]]
PRESETS = ["lossless", "printer", "ebook", "screen", "scan"]


@pytest.fixture
def estimated(tmp_path: Path) -> Estimate:
    """A dry run of a document given as bytes. Other keywords are options."""

    def go(document: bytes, **options: Any) -> Done[Report]:
        source = documents.write(tmp_path / "report.pdf", document)
        asked = CompressOptions.parse({"dry_run": True} | options)
        return run(
            [InputFile(source, "report.pdf")],
            tmp_path,
            asked,
            limits=Limits(),
            progress=lambda _stage, _percent, _pages=None: None,
        )

    return go


def by_preset(done: Done[Report]) -> dict[str, int]:
    assert [item.preset for item in done.report.presets] == PRESETS
    return {item.preset: item.bytes for item in done.report.presets}


def really(tmp_path: Path, document: bytes, **options: Any) -> int:
    source = documents.write(tmp_path / "real.pdf", document)
    return compress(source, tmp_path / "real-out.pdf", CompressOptions.parse(options)).output_bytes


def large() -> bytes:
    """A page with a picture of which strips stand for the whole."""
    return documents.photo_jpeg(2400, 1800, dpi=300)


def several() -> bytes:
    """Pictures of one kind, more of them than are looked at."""
    pdf = pikepdf.new()
    for seed in range(8):
        with pikepdf.open(io.BytesIO(documents.photo_jpeg(700 + 40 * seed, 500, dpi=200))) as one:
            pdf.pages.extend(one.pages)
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "make", [documents.photo_jpeg, documents.photo_flate, documents.chart_flate, documents.ccitt_g4, large, several]
)
def test_what_is_expected_is_near_what_a_real_run_gives(
    estimated: Estimate, tmp_path: Path, make: Callable[[], bytes]
) -> None:
    document = make()
    expected = by_preset(estimated(document))
    real = {preset: really(tmp_path, document, preset=preset) for preset in ("lossless", "ebook", "screen")}
    assert {preset: expected[preset] for preset in real} == pytest.approx(real, rel=0.15)


def test_a_scanned_page_is_known_by_a_piece_of_it(estimated: Estimate, tmp_path: Path) -> None:
    document = scan(scanned(1700, 2200))
    expected = by_preset(estimated(document))
    assert expected["scan"] < expected["ebook"] / 2
    # Of so few bytes a third is what no piece tells: how much less symbols take where there are more letters.
    assert expected["scan"] == pytest.approx(really(tmp_path, document, preset="scan"), rel=0.3)


def test_text_is_packed_as_in_a_real_run(estimated: Estimate, tmp_path: Path) -> None:
    document = documents.structured(20)
    expected = by_preset(estimated(document))
    assert expected["ebook"] == pytest.approx(really(tmp_path, document, preset="ebook"), rel=0.03)


def test_the_report_says_where_the_bytes_are_and_is_the_result(estimated: Estimate) -> None:
    document = documents.photo_jpeg()
    done = estimated(document, preset="screen")
    report = done.report
    assert (report.outcome, report.dry_run, report.pages) == ("dry_run", True, 1)
    assert report.before.total == report.input_bytes == len(document)
    assert report.before.images > 0.9 * len(document)
    assert report.output_bytes == by_preset(done)["screen"]
    assert all(item.ratio == round(item.bytes / len(document), 4) for item in report.presets)
    [file] = done.files
    assert (file.name, file.media_type) == ("report-estimate.json", "application/json")
    assert Report.parse(json.loads(file.path.read_text(encoding="utf-8"))) == report


def test_options_of_ones_own_are_estimated_beside_the_presets(estimated: Estimate, tmp_path: Path) -> None:
    document = documents.photo_jpeg(1200, 900, dpi=300)
    asked = {"dpi": "100", "image_quality": "40"}
    done = estimated(document, **asked)
    assert done.report.output_bytes == pytest.approx(really(tmp_path, document, **asked), rel=0.15)
    assert done.report.output_bytes < by_preset(done)["ebook"]


def test_nothing_is_expected_to_grow(estimated: Estimate, tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.photo_jpeg(200, 150))
    compress(source, tmp_path / "b.pdf", CompressOptions(preset="screen"))
    small = (tmp_path / "b.pdf").read_bytes()
    assert all(size <= len(small) for size in by_preset(estimated(small)).values())


def test_a_signed_document_would_stay_as_it_is(estimated: Estimate) -> None:
    done = estimated(documents.signed())
    assert set(by_preset(done).values()) == {done.report.input_bytes}
    assert [warning.code for warning in done.report.warnings] == ["signed"]
    assert min(by_preset(estimated(documents.signed(), allow_signature_invalidation=True)).values()) > 0


def test_a_password_opens_an_encrypted_document(estimated: Estimate) -> None:
    with pytest.raises(errors.PasswordRequired):
        estimated(documents.encrypted_user())
    assert estimated(documents.encrypted_user(), password=documents.USER_PASSWORD).report.presets


def test_what_saves_too_little_would_come_back(estimated: Estimate) -> None:
    done = estimated(documents.photo_jpeg(), min_saving="95")
    assert set(by_preset(done).values()) == {done.report.input_bytes}


def test_the_same_picture_stored_twice_counts_once(estimated: Estimate, tmp_path: Path) -> None:
    document = documents.duplicate_images(3)
    expected = by_preset(estimated(document))
    assert expected["ebook"] == pytest.approx(really(tmp_path, document, preset="ebook"), rel=0.15)


def test_a_size_cannot_be_asked_for() -> None:
    with pytest.raises(errors.InvalidOption, match="target_size cannot go with dry_run"):
        CompressOptions.parse({"dry_run": "true", "target_size": "1MB"})


class TestMinSaving:
    def test_of_less_the_original_comes_back(self, tmp_path: Path) -> None:
        document = documents.photo_jpeg()
        source, target = documents.write(tmp_path / "a.pdf", document), tmp_path / "b.pdf"
        report = compress(source, target, CompressOptions(preset="ebook", min_saving=95))
        assert (report.outcome, target.read_bytes()) == ("unchanged", document)
        assert [warning.code for warning in report.warnings] == ["saving_too_small"]
        assert report.images.changed == 0

    def test_of_as_much_the_result_does(self, tmp_path: Path) -> None:
        source = documents.write(tmp_path / "a.pdf", documents.photo_jpeg())
        report = compress(source, tmp_path / "b.pdf", CompressOptions(preset="ebook", min_saving=10))
        assert (report.outcome, report.warnings) == ("compressed", [])

    @pytest.mark.parametrize("value", ["-1", "100", "much"])
    def test_it_is_a_share(self, value: str) -> None:
        with pytest.raises(errors.InvalidOption, match="from 0 to 99"):
            CompressOptions.parse({"min_saving": value})
