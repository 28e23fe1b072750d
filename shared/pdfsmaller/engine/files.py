"""Files as the engine leaves them: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_file(result: Path, target: Path) -> None:
    """Put a complete file in the target's place in one step."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(result, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def results_folder(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """A new folder of this name in a job's for its results, and one for what lies between, which goes in the end.

    On an error the results go too: there are all of them, or none.
    """
    target = folder / name
    target.mkdir()
    try:
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-", dir=folder) as between:
            yield target, Path(between)
    except BaseException:
        shutil.rmtree(target)
        raise
