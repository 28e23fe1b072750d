"""The deployment packages, made from the source tree.

On AWS the layers hold the dependencies too (``sam build``). Here an emulator runs the functions with this
environment's interpreter, which has them, so the core layer is the package alone and the engine layer nearly empty.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from pdfsmaller_local.config import ROOT

_SKIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".DS_Store"}


def packages(functions: Path = ROOT / "functions", shared: Path = ROOT / "shared") -> dict[str, bytes]:
    """The zip for each path that the template names as code or layer content."""
    package = [(f"python/pdfsmaller/{name}", data) for name, data in _files(shared / "pdfsmaller")]
    note = b"The engine's dependencies come from the interpreter that runs the functions.\n"
    return {
        "functions/": _zip(_files(functions)),
        "layers/core/": _zip(package),
        "layers/engine/": _zip([("python/README.txt", note)]),
    }


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not _SKIPPED.intersection(relative.parts):
            yield relative.as_posix(), path.read_bytes()


def _zip(files: Iterator[tuple[str, bytes]] | list[tuple[str, bytes]]) -> bytes:
    """The same files give the same bytes, so that an unchanged tree is not deployed again."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def digest(data: bytes) -> str:
    """A name for some bytes."""
    return hashlib.sha256(data).hexdigest()[:32]
