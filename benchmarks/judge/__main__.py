"""Results before judges that none of ours wrote: ``make judge FOLDER=pdfs``.

Compresses every PDF of a folder (with those below it), and compares each result with its original: text by poppler,
PDFium and pdf.js, pages and structure, looks in poppler and pdf.js, PDF/A-1b by PDFBox preflight, signatures by
pyHanko. Says for each document what differs, and writes ``judge.md``. What the original has too (an error of
preflight, a broken signature) is no difference.

pdf.js and pyHanko come with ``make judge``; Debian's packages that are missing are named.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from benchmarks.engine import kept
from benchmarks.judge import pdfjs, preflight, signatures
from benchmarks.measure import OURS, heading, need_ours
from benchmarks.sweep import through

_SECONDS = 180
#: Exit codes that say something of the document: it is no PDF or broken, or needs a password.
_REFUSALS = (3, 4)


def main() -> None:
    """Run what the command line asks for; ends with 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs, or of folders of them")
    parser.add_argument("--out", type=Path, help="the folder for judge.md; by default only printed")
    parser.add_argument("--preset", default="ebook")
    parser.add_argument("--match", default="*.pdf", help="only files of such a name")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files")
    parser.add_argument("--minutes", type=float, default=0, help="begin no document after so long")
    arguments = parser.parse_args()
    need_ours()
    _need_judges()
    warnings.simplefilter("ignore")  # pikepdf says whatever it mends
    logging.getLogger("pikepdf").setLevel(logging.CRITICAL)
    files = [file for file in sorted(arguments.corpus.rglob(arguments.match)) if file.is_file()]
    files = files[: arguments.limit or None]
    if not files:
        raise SystemExit(f"error: no {arguments.match} in {arguments.corpus}")
    lines, differing = ["| document | outcome | what differs |", "|---|---|---|"], 0
    judged, end = 0, time.monotonic() + arguments.minutes * 60
    for file in files:
        if arguments.minutes and time.monotonic() > end:
            break
        outcome, found = _judged(file, arguments.preset)
        name, judged = str(file.relative_to(arguments.corpus)), judged + 1
        print(f"{name}: {outcome}{''.join(f'; {what}' for what in found)}", flush=True)
        if found:
            differing += 1
            lines.append(f"| {name} | {outcome} | {'; '.join(found)} |")
    told = f"{judged} documents, {differing} differ"
    print(told)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        page = [*heading(f"make judge FOLDER=DIR PRESET={arguments.preset}"), f"{told}.", "", *lines]
        (arguments.out / "judge.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    sys.exit(int(differing > 0))


def _need_judges() -> None:
    poppler = [] if shutil.which("pdftoppm") and shutil.which("pdftotext") else ["poppler-utils"]
    if missing := [*poppler, *preflight.missing(), *signatures.missing(), *pdfjs.missing()]:
        raise SystemExit(
            f"error: missing: {', '.join(missing)} → install Debian's packages; the rest comes with `make judge`"
        )


def _judged(file: Path, preset: str) -> tuple[str, list[str]]:
    """What became of a document, and what differs."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.pdf", Path(folder) / "out.pdf"
        shutil.copyfile(file, source)
        command = [OURS, "compress", source, "-o", target, "--preset", preset, "--quiet"]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "no result", [f"not done within {_SECONDS} s"]
        if not target.exists():
            return "refused", [] if ran.returncode in _REFUSALS else [
                (ran.stderr.strip().splitlines() or ["no word"])[-1]
            ]
        if target.read_bytes() == source.read_bytes():
            return "unchanged", []
        return f"{target.stat().st_size / source.stat().st_size:.3f}", list(_differences(source, target))


def _differences(source: Path, target: Path) -> Iterator[str]:
    yield from through.differences(source, target)[0]
    counted = kept.count(source)
    last = counted["pages"] if counted else 1
    yield from pdfjs.differences(source, target, sorted({1, (last + 1) // 2, last}))
    yield from preflight.differences(source, target)
    yield from signatures.differences(source, target)


if __name__ == "__main__":
    main()
