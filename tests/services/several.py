"""An engine that makes several files, for what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import sandbox
from pdfsmaller.engine.report import Audit, ImageCounts, Report
from pdfsmaller.engine.results import PDF, Done, ResultFile

Files = list[tuple[str, bytes]]


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Files], None]:
    """From then on every job makes these files, by name."""

    def make(files: Files) -> None:
        def run(operation: Any, sources: Any, folder: Path, *args: Any, **kwargs: Any) -> Done[Report]:
            made = []
            for index, (name, data) in enumerate(files):
                path = folder / f"made-{index}"
                path.write_bytes(data)
                made.append(ResultFile(path, name, PDF))
            total = sum(len(data) for _, data in files)
            report = Report(
                input_bytes=2 * total,
                output_bytes=total,
                outcome="compressed",
                pages=len(files),
                before=Audit(),
                after=Audit(),
                images=ImageCounts(),
            )
            return Done(report, tuple(made))

        monkeypatch.setattr(sandbox, "run", run)

    return make
