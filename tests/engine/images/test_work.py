"""Images of a document on every core: what comes out does not depend on which thread did what when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pdfsmaller.engine import workers
from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_together import scans


@pytest.mark.parametrize(
    "document",
    [
        documents.photo_jpeg,
        lambda: documents.photo_jpeg(2400, 1800, 300),  # tried by libvips
        documents.photo_flate,
        documents.cmyk_flate,
        documents.cmyk_jpeg,
        documents.jpx,
        lambda: scans(3),
    ],
)
def test_results_are_the_same_whatever_threads_are_idle(
    run: Run, monkeypatch: pytest.MonkeyPatch, document: Callable[[], bytes]
) -> None:
    data = document()
    results = []
    for number in (1, 2, 4):
        monkeypatch.setattr(workers, "WORKERS", number)
        result = run(data, preset="ebook", verify="off")
        results.append([image.read_raw_bytes() for image in result.images()])
        assert result.report.images.changed > 0
    assert results[0] == results[1] == results[2]
