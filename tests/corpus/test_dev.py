"""Every real document at every preset: valid, the same pages, the same text, never bigger.

The checks are made here with pikepdf and pdfium, not with the engine's own verification.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import run_compress
from tests.corpus.corpus import files, needs_corpus, password_of

PRESETS = ["lossless", "printer", "ebook", "screen", "scan"]
#: Small files of different kinds, for a quick run.
QUICK = [
    "tiny-alphatrans.pdf",
    "tiny-devicen.pdf",
    "tiny-minimal-latex.pdf",
    "tiny-pdf20.pdf",
    "paper-page-pw_1234.pdf",
]
QUICK += ["linux-masks-ccitt-jpeg.pdf", "congress-1870s-page.pdf", "cmyk-indexed-image.pdf"]


def texts(file: Path, password: str | None) -> list[str]:
    """Each page's text without white space."""
    with pypdfium2.PdfDocument(file, password=password) as document:
        found = []
        for page in document:
            textpage = page.get_textpage()
            found.append("".join(str(textpage.get_text_range()).split()))
            textpage.close()
            page.close()
        return found


def boxes(pdf: pikepdf.Pdf) -> list[tuple[Any, ...]]:
    return [
        (*(round(float(v), 2) for box in (page.mediabox, page.cropbox) for v in box), int(page.obj.get("/Rotate", 0)))
        for page in pdf.pages
    ]


def kept(pdf: pikepdf.Pdf) -> dict[str, Any]:
    """What must still be there, counted in the simplest way."""
    form: Any = pdf.Root.get("/AcroForm", {})
    annotations = [a for page in pdf.pages for a in page.obj.get("/Annots") or [] if isinstance(a, pikepdf.Dictionary)]
    return {
        "links": sum(a.get("/Subtype") == "/Link" for a in annotations),
        "annotations": len(annotations),
        "fields": len(form.get("/Fields") or []),
        "attachments": len(pdf.attachments),
        "permissions": pdf.allow if pdf.is_encrypted else None,
        **{
            key: key in pdf.Root
            for key in ("/Outlines", "/StructTreeRoot", "/PageLabels", "/OCProperties", "/Dests", "/Metadata", "/Lang")
        },
    }


def check(source: Path, tmp_path: Path, preset: str) -> None:
    password = password_of(source)
    target = tmp_path / "out.pdf"
    fields: dict[str, Any] = {"preset": preset} | ({"password": password} if password else {})
    report = run_compress(source, target, CompressOptions.parse(fields), Limits())

    assert target.stat().st_size == report.output_bytes <= report.input_bytes == source.stat().st_size
    assert report.before.total == report.input_bytes
    assert report.after.total == report.output_bytes
    assert report.outcome == ("compressed" if report.output_bytes < report.input_bytes else "unchanged")
    if report.outcome == "unchanged":
        assert target.read_bytes() == source.read_bytes()
        return
    with (
        pikepdf.open(source, password=password or "") as before,
        pikepdf.open(target, password=password or "") as after,
    ):
        assert after.check_pdf_syntax() == [] or before.check_pdf_syntax() != []
        assert boxes(after) == boxes(before)
        assert kept(after) == kept(before)
    assert texts(target, password) == texts(source, password)
    if shutil.which("qpdf"):
        checked = subprocess.run(
            ["qpdf", "--check", *([f"--password={password}"] if password else []), target],
            capture_output=True,
            text=True,
        )
        assert checked.returncode in (0, 3), checked.stderr


@needs_corpus
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:pikepdf is missing some specialized decoders"
)  # jbig2dec, which qpdf has not either
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("source", files("dev"), ids=lambda file: file.stem)
def test_every_document_keeps_what_it_is(source: Path, preset: str, tmp_path: Path) -> None:
    check(source, tmp_path, preset)


@needs_corpus
@pytest.mark.parametrize("preset", ["screen"])
@pytest.mark.parametrize("source", [file for file in files("dev") if file.name in QUICK], ids=lambda file: file.stem)
def test_small_documents_keep_what_they_are(source: Path, preset: str, tmp_path: Path) -> None:
    check(source, tmp_path, preset)


@needs_corpus
@pytest.mark.slow
@pytest.mark.parametrize("source", files("dev"), ids=lambda file: file.stem)
def test_presets_get_smaller_in_order(source: Path, tmp_path: Path) -> None:
    """A preset that may lose more is never bigger by more than a trifle."""
    password = password_of(source)
    sizes = {}
    for preset in ("printer", "ebook", "screen"):
        fields: dict[str, Any] = {"preset": preset, "verify": "off"} | ({"password": password} if password else {})
        report = run_compress(source, tmp_path / f"{preset}.pdf", CompressOptions.parse(fields), Limits())
        sizes[preset] = report.output_bytes
    assert sizes["screen"] <= sizes["ebook"] * 1.01 + 500
    assert sizes["ebook"] <= sizes["printer"] * 1.01 + 500
