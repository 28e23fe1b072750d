"""Real documents: what must hold for every one of them. The corpus lies beside the project and is not part of it."""

from __future__ import annotations

import re
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller.engine import CompressOptions
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.verify import compare
from pdfsmaller.errors import EngineFailed, PdfSmallerError, TransientError
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import run_compress
from tests.engine.conftest import CORPUS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not there"),
]


def files(folder: str) -> list[Path]:
    return sorted((CORPUS / folder).glob("*.pdf"))


def password_of(path: Path) -> str | None:
    found = re.search(r"-pw_(.+)\.pdf$", path.name)
    return found[1] if found else None


@pytest.mark.parametrize("preset", ["lossless", "printer", "ebook", "screen"])
@pytest.mark.parametrize("path", files("dev"), ids=lambda path: path.stem)
def test_every_real_document_stays_itself(tmp_path: Path, path: Path, preset: str) -> None:
    target, password = tmp_path / "out.pdf", password_of(path)
    report = compress(path, target, CompressOptions(preset=preset, password=password, verify="off"))
    assert target.stat().st_size == report.output_bytes <= report.input_bytes == path.stat().st_size
    with pikepdf.open(target, password=password or "") as pdf:
        assert len(pdf.pages) == report.pages
    floor = {"lossless": 1.0, "printer": 0.9, "ebook": 0.8, "screen": 0.6}[preset]
    assert compare(path, target, mode="sample", password=password, min_similarity=floor).differences == []


@pytest.mark.parametrize("path", files("hostile"), ids=lambda path: path.stem)
def test_every_hostile_document_ends_in_a_result_or_a_typed_error(tmp_path: Path, path: Path) -> None:
    limits = Limits(soft_seconds=20, hard_seconds=60)
    try:
        report = run_compress(path, tmp_path / "out.pdf", CompressOptions(preset="ebook"), limits)
    except (EngineFailed, TransientError):
        raise
    except PdfSmallerError:
        return
    assert report.output_bytes <= report.input_bytes
