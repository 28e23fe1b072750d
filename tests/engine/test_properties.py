"""The promise of ``compress`` on random documents: whatever is in them, nothing is lost and nothing grows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pdfsmaller.engine import CompressOptions
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.verify import compare
from tests.strategies import Document, pdfs

#: How alike each preset's pages must look: 1 is equal pixels.
PRESETS = {"lossless": 1.0, "printer": 0.85, "ebook": 0.8, "screen": 0.6}

# pikepdf has no decoder for JBIG2 of its own and says so; comparing the pages decodes it.
pytestmark = pytest.mark.filterwarnings("ignore:pikepdf is missing some specialized decoders")

documents_and_presets = given(pdfs(), st.sampled_from(list(PRESETS)))
any_document = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


def check(document: Document, preset: str) -> None:
    """Everything that holds for every document.

    The engine's own comparison is off, so that what it would take back shows here; but for equal pixels, which differ
    by a level or two where a font program of another kind is rounded in another way.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        source.write_bytes(document.data)
        verify = "sample" if preset == "lossless" else "off"
        options = CompressOptions.parse({"preset": preset, "password": document.password, "verify": verify})
        report = compress(source, target, options)
        assert target.stat().st_size == report.output_bytes <= report.input_bytes == len(document.data)
        assert {warning.code for warning in report.warnings} <= {"font_rolled_back", "image_rolled_back"}
        with pikepdf.open(target, password=document.password or "") as pdf:
            assert pdf.check_pdf_syntax() == []
        found = compare(source, target, mode="full", password=document.password, min_similarity=PRESETS[preset])
        assert found.differences == []


@documents_and_presets
@settings(any_document, max_examples=25, derandomize=True, phases=[Phase.generate])  # the slow test shrinks
def test_any_document_stays_itself(document: Document, preset: str) -> None:
    check(document, preset)


@pytest.mark.slow
@documents_and_presets
@settings(any_document, max_examples=400)
def test_many_documents_stay_themselves(document: Document, preset: str) -> None:
    check(document, preset)
