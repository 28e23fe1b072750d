from __future__ import annotations

import resource
from pathlib import Path

from pdfsmaller.engine.confinement import BOUNDS
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import run_compress
from pdfsmaller.sandbox.bounds import bounds_here
from tests import documents


def test_they_are_those_of_a_job_and_bind_a_child_alone(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = bounds_here()
    assert set(held) <= set(BOUNDS)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    (tmp_path / "a.pdf").write_bytes(documents.text(1))
    report = run_compress(tmp_path / "a.pdf", tmp_path / "out.pdf", CompressOptions(), Limits())
    assert list(held) == report.bounds
