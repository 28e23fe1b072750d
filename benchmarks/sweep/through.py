"""One document through the engine, and its result beside the original."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pypdfium2

from benchmarks.engine import kept, looks
from benchmarks.sweep.row import Row
from pdfsmaller import errors, sandbox
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits

LIMITS = Limits(soft_seconds=60, hard_seconds=120)
#: Pages below this similarity are looked at by a person.
LOOKS_ALIKE = 0.90
_PAGES = 3
_TEXT_PAGES = 50
#: Errors that say something of the document. Any other is a finding.
_REFUSALS = (errors.RequestError, errors.DocumentError)
_PDFIUM = threading.Lock()


def through(file: Path, name: str, preset: str) -> Row:
    """Compress a document and compare."""
    size = file.stat().st_size
    with tempfile.TemporaryDirectory() as folder:
        source = Path(shutil.copyfile(file, Path(folder) / "in.pdf"))
        target = Path(folder) / "out.pdf"
        options = CompressOptions.parse({"preset": preset})
        try:
            report = sandbox.run_compress(source, target, options, LIMITS)
        except errors.PdfSmallerError as exc:
            return Row(name, exc.code, size, 0, _fault(exc), "", -1)
        bytes_out = target.stat().st_size
        warnings = ",".join(sorted({warning.code for warning in report.warnings}))
        if report.outcome == "unchanged":
            same = target.read_bytes() == source.read_bytes()
            finding = "" if same else "unchanged, but other bytes"
            if "verification_failed" in warnings:
                finding = "left whole: no result was the same document"
            return Row(name, report.outcome, size, bytes_out, finding, warnings, 1 if same else -1)
        found, ssim = differences(source, target)
        found += [code for code in warnings.split(",") if code == "left_alone"]
        return Row(name, report.outcome, size, bytes_out, "; ".join(found), warnings, ssim)


def differences(source: Path, target: Path) -> tuple[list[str], float]:
    """What of the original the result has no more, in words, and the least similarity of the pages compared."""
    found: list[str] = []
    if target.stat().st_size > source.stat().st_size:
        found.append("grew")
    before, after = kept.count(source), kept.count(target)
    if after is None:
        return [*found, "does not open"], -1
    pages = before["pages"] if before else after["pages"]
    if before:
        if after["pages"] != pages:
            found.append(f"pages: {pages}, then {after['pages']}")
        found += [f"lost: {kind}" for kind in kept.lost(before, after, source, target)]
    last = min(pages, _TEXT_PAGES)
    found += _changed("poppler", _poppler_text(source, last), _poppler_text(target, last))
    found += _changed("PDFium", _pdfium_text(source, last), _pdfium_text(target, last))
    picked = sorted({1, (pages + 1) // 2, pages})[:_PAGES]
    alike = looks.likeness(looks.rendered(source, picked), looks.rendered(target, picked))
    if 0 <= alike.least < LOOKS_ALIKE:
        found.append("looks")
    return found, round(alike.least, 4)


def _fault(exc: errors.PdfSmallerError) -> str:
    if isinstance(exc, (errors.EngineFailed, errors.LimitExceeded)) or not isinstance(exc, _REFUSALS):
        return f"{exc.code}: {exc}"
    return ""


def _changed(reader: str, before: str | None, after: str | None) -> list[str]:
    """How the text differs, white space aside: none, other words, or the same ones in another order."""
    if before is None or before == after:
        return []
    if after is None:
        return [f"text by {reader}: none any more"]
    how = "another order" if Counter(before) == Counter(after) else f"{len(before)} characters, then {len(after)}"
    return [f"text by {reader}: {how}"]


def _poppler_text(file: Path, last: int) -> str | None:
    try:
        run = subprocess.run(
            ["pdftotext", "-l", str(last), str(file), "-"], capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return "".join(run.stdout.decode("utf-8", "replace").split()) if run.returncode == 0 else None


def _pdfium_text(file: Path, last: int) -> str | None:
    with _PDFIUM:  # it is not made for threads
        try:
            with pypdfium2.PdfDocument(file) as document:
                return "".join(_page_text(document, number) for number in range(min(last, len(document))))
        except pypdfium2.PdfiumError:
            return None


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return "\N{REPLACEMENT CHARACTER}"
    text = page.get_textpage()
    found = "".join(str(text.get_text_range()).split())
    text.close()
    page.close()
    return found
