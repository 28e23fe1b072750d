"""Scanned pages, smaller and still legible: ``python -m benchmarks.scan --out DIR FILE …``.

Each file is compressed with the presets ``ebook`` and ``scan``. An OCR engine (tesseract) then reads the first pages of
the original and of both results, rendered with poppler. A word counts as kept when it was read in the original too:
the share of the original's words that is still read tells legibility. Writes ``scan.md``.

Needs ``pdftoppm`` and ``tesseract``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.measure import OURS, need_ours

# Its threads wait for each other more than they read: seven pages took nine minutes on two processors.
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}
PRESETS = ("ebook", "scan")
RENDER_DPI = "300"
# Shorter ones are often made of dirt.
_WORD = re.compile(r"\w{3,}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scan", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="scanned PDFs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results")
    parser.add_argument("--pages", type=int, default=2, help="pages of each file that are read")
    parser.add_argument("--language", default="eng", help="tesseract's name of the language")
    arguments = parser.parse_args()
    need_ours()
    lines = [
        f"| file | bytes | {' | '.join(f'{preset}, bytes' for preset in PRESETS)} | ebook / scan | words read "
        f"| {' | '.join(f'kept by {preset}' for preset in PRESETS)} |",
        f"|---|{'---:|' * (3 + 2 * len(PRESETS))}",
    ]
    for file in arguments.files:
        lines.append(_line(file, arguments.pages, arguments.language))
        print(lines[-1], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "scan.md").write_text("\n".join(lines) + "\n")


def _line(file: Path, pages: int, language: str) -> str:
    """A file's row of the table."""
    expected = _words(file, pages, language)
    sizes, kept = [], []
    with tempfile.TemporaryDirectory() as folder:
        for preset in PRESETS:
            result = Path(folder) / f"{preset}.pdf"
            command = [OURS, "compress", file, "-o", result, "--preset", preset, "--quiet"]
            subprocess.run(command, check=True)
            sizes.append(result.stat().st_size)
            seen = _words(result, pages, language)
            kept.append((expected & seen).total() / max(1, expected.total()))
    figures = [f"{file.stat().st_size:,}", *(f"{size:,}" for size in sizes), f"{sizes[0] / sizes[1]:.2f}"]
    return f"| {' | '.join([file.stem, *figures, str(expected.total()), *(f'{share:.1%}' for share in kept)])} |"


def _words(file: Path, pages: int, language: str) -> Counter[str]:
    """The words that an OCR engine reads on the first pages, and how often."""
    words: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        command = ["pdftoppm", "-r", RENDER_DPI, "-gray", "-l", str(pages), file, f"{folder}/page"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for text in pool.map(partial(_text, language=language), sorted(Path(folder).glob("page*"))):
                words.update(_WORD.findall(text.casefold()))
    return words


def _text(page: Path, language: str) -> str:
    read = ["tesseract", page, "-", "-l", language]
    return subprocess.run(read, check=True, capture_output=True, text=True, env=os.environ | _ONE_THREAD).stdout


if __name__ == "__main__":
    main()
