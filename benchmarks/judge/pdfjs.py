"""pdf.js: the renderer of Firefox, which shares no code with poppler or PDFium."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyvips

from benchmarks.engine import looks

#: Where ``make judge`` puts it: beside the Python that runs this.
MODULES = Path(sys.prefix) / "node_modules"
#: Pages below this similarity are looked at by a person.
LOOKS_ALIKE = 0.90
_SCRIPT = Path(__file__).with_name("pdfjs.mjs")
_SECONDS = 180


def missing() -> list[str]:
    """What has to be installed before it can be asked."""
    node = [] if shutil.which("node") else ["nodejs"]
    return node + ([] if (MODULES / "pdfjs-dist").is_dir() else [str(MODULES)])


def differences(source: Path, target: Path, pages: Sequence[int]) -> list[str]:
    """What it reads and draws otherwise than before."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = _asked(Path(folder), pages, source, target)
        if "error" in before:
            return []
        if "error" in after:
            return [f"pdf.js: {after['error']}"]
        found = []
        if before["pages"] != after["pages"]:
            found.append(f"pages by pdf.js: {before['pages']}, then {after['pages']}")
        if before["text"] != after["text"]:
            same = Counter(before["text"]) == Counter(after["text"])
            how = "another order" if same else f"{len(before['text'])} characters, then {len(after['text'])}"
            found.append(f"text by pdf.js: {how}")
        for page in before["drawn"]:
            drawn = _picture(folder, 1, page) if page in after["drawn"] else None
            alike = looks.similarity(_picture(folder, 0, page), drawn)
            if alike < LOOKS_ALIKE:
                found.append(f"looks by pdf.js: {alike:.3f} on page {page}")
        return found


def _asked(folder: Path, pages: Sequence[int], *files: Path) -> list[dict[str, Any]]:
    """What it says of each file; of one that it does not come to (time, a crash), twice, that there was no answer."""
    found: list[dict[str, Any]] = []
    for _ in range(2):  # Node dies now and then on a busy machine
        found = _answers(folder, pages, *files)
        if len(found) == len(files):
            break
    return [*found, *({"error": "no answer"} for _ in files[len(found) :])]


def _answers(folder: Path, pages: Sequence[int], *files: Path) -> list[dict[str, Any]]:
    command = ["node", _SCRIPT, MODULES, folder, ",".join(map(str, pages)), *files]
    try:
        told = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False).stdout
    except subprocess.TimeoutExpired as exc:
        told = exc.stdout or b""
    return [json.loads(line) for line in told.decode("utf-8", "replace").splitlines() if line.startswith("{")]


def _picture(folder: str, number: int, page: int) -> pyvips.Image:
    return pyvips.Image.new_from_file(f"{folder}/{number}-{page}.png").flatten(background=255)[:3]
