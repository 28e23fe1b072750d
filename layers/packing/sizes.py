"""How big a build is, by layer and function, and whether Lambda takes it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layers.packing.errors import PackingError

#: A function with all of its layers, unzipped, in bytes: Lambda's own limit.
LAMBDA_LIMIT = 250 * 1024 * 1024

#: The parts of a build, as template.yaml names them.
LAYERS = ("CoreLayer", "EngineLayer")
FUNCTIONS = {
    "UploadFunction": ("CoreLayer",),
    "CompressFunction": ("CoreLayer", "EngineLayer"),
    "CleanupFunction": ("CoreLayer",),
    "CallbackFunction": ("CoreLayer",),
}

_ENTRY_BYTES = 150  # what a zip needs for a file beside its content, roughly


@dataclass(frozen=True)
class Size:
    """Bytes of one part, as its files and as a zip."""

    unzipped: int
    zipped: int


def measured(build: Path) -> dict[str, Size]:
    """The size of every layer and function in a build folder.

    Raises:
        PackingError: a part is missing.
    """
    sizes = {}
    for name in (*LAYERS, *FUNCTIONS):
        if not (build / name).is_dir():
            raise PackingError(f"{build} holds no {name} → run `make build`")
        contents = [path.read_bytes() for path in _files(build / name)]
        zipped = sum(len(zlib.compress(content)) + _ENTRY_BYTES for content in contents)
        sizes[name] = Size(sum(map(len, contents)), zipped)
    return sizes


def table(sizes: dict[str, Size], arch: str) -> str:
    """A line for each part and one for all of them together, in MB of 1,000,000 bytes."""
    total = Size(sum(size.unzipped for size in sizes.values()), sum(size.zipped for size in sizes.values()))
    rows = [f"{arch:18}{'unzipped MB':>12}{'zipped MB':>12}"]
    rows += [
        f"{name:18}{size.unzipped / 1e6:12.2f}{size.zipped / 1e6:12.2f}"
        for name, size in {**sizes, "together": total}.items()
    ]
    return "\n".join(rows)


def check(sizes: dict[str, Size]) -> None:
    """Raises:
    PackingError: a function is bigger with its layers than Lambda takes.
    """
    for name, layers in FUNCTIONS.items():
        total = sum(sizes[part].unzipped for part in (name, *layers))
        if total > LAMBDA_LIMIT:
            raise PackingError(
                f"{name} has {total / 1e6:.0f} MB with its layers and Lambda takes {LAMBDA_LIMIT / 1e6:.0f} MB "
                "→ leave more out in layers/packing/cuts.py"
            )


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
