"""Scanned pages of one bit per pixel, coded in several ways: ``python -m benchmarks.bilevel --out DIR FILE …``.

The bitmaps of each PDF's first pages are coded as group 4, as a generic region of JBIG2 each, as pages that share their
symbols, and by ``cjb2 -lossless`` (DjVu) where that is installed. Writes ``bilevel.md``: bytes, each as a share of the
generic regions', and the seconds of processor time that a million pixels took as symbols.

Needs ``pdfimages``.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageChops

from pdfsmaller.engine.images.pixels import INVERTED
from pdfsmaller.engine.jbig2.generic import encode as encode_generic
from pdfsmaller.engine.jbig2.symbols import Bitmap, encode

_SMALLEST = 400


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bilevel", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="PDFs of scanned pages")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results")
    parser.add_argument("--pages", type=int, default=8, help="pages of each file, coded together")
    arguments = parser.parse_args()
    lines = [
        "| file | pages | generic, bytes | symbols | group 4 | cjb2 | s/Mpixel |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for file in arguments.files:
        pages = _bitmaps(file, arguments.pages)
        if pages:
            lines.append(_row(file.name, pages))
            print(lines[-1], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "bilevel.md").write_text("\n".join(lines) + "\n")


def _bitmaps(file: Path, pages: int) -> list[Bitmap]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdfimages", "-l", str(pages), str(file), str(Path(folder, "page"))], check=False)
        found = []
        for path in sorted(Path(folder).glob("*.pbm")):
            with Image.open(path) as picture:
                black = ImageChops.invert(picture.convert("L"))
            if min(black.size) < _SMALLEST:
                continue
            if sum(black.histogram()[255:]) * 2 > black.width * black.height:
                black = ImageChops.invert(black)
            found.append(Bitmap(black.convert("1", dither=Image.Dither.NONE).tobytes(), *black.size))
        return found


def _row(name: str, pages: list[Bitmap]) -> str:
    alone = [len(_generic(page)) for page in pages]
    started = time.process_time()
    coded = encode(pages, alone)
    seconds = time.process_time() - started
    symbols = sum(alone)
    if coded is not None:
        symbols = len(coded.shared) + sum(
            len(data) if data is not None else size for data, size in zip(coded.pages, alone, strict=True)
        )
    millions = sum(page.width * page.height for page in pages) / 1e6
    fax, djvu = sum(map(_group_4, pages)), sum(map(_cjb2, pages)) if shutil.which("cjb2") else 0
    whole = sum(alone)
    shares = " | ".join(f"{size / whole:.3f}" if size else "" for size in (symbols, fax, djvu))
    return f"| {name} | {len(pages)} | {whole} | {shares} | {seconds / millions:.3f} |"


def _generic(page: Bitmap) -> bytes:
    most = 2 * len(page.black) + 1_000  # room for more than any bitmap takes
    return encode_generic(page.black.translate(INVERTED), page.width, page.height, 0, most) or b""


def _group_4(page: Bitmap) -> int:
    buffer = io.BytesIO()
    picture = Image.frombytes("1", (page.width, page.height), page.black.translate(INVERTED))
    picture.save(buffer, "TIFF", compression="group4")
    return len(buffer.getvalue())


def _cjb2(page: Bitmap) -> int:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "page.pbm"), Path(folder, "page.djvu")
        source.write_bytes(b"P4\n%d %d\n" % (page.width, page.height) + page.black)
        subprocess.run(["cjb2", "-lossless", str(source), str(target)], check=True)
        return target.stat().st_size


if __name__ == "__main__":
    main()
