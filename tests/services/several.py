"""An engine that makes several files, for what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from pdfsmaller import sandbox
from pdfsmaller.engine.report import Audit, ImageCounts, Report
from pdfsmaller.engine.results import Done, ResultFile
from pdfsmaller.media import PDF

Files = list[tuple[str, bytes]]


class Makes(Protocol):
    def __call__(self, files: Files, links: Mapping[str, Path] | None = None) -> None: ...


@pytest.fixture
def makes(monkeypatch: pytest.MonkeyPatch) -> Makes:
    """From then on every job makes these files, by name, and leaves these links in its folder."""

    def make(files: Files, links: Mapping[str, Path] | None = None) -> None:
        def run(operation: Any, sources: Any, folder: Path, *args: Any, **kwargs: Any) -> Done[Report]:
            made = []
            for name, target in (links or {}).items():
                (folder / name).symlink_to(target)
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
