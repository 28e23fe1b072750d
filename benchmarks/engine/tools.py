"""The tools: ours by preset, and its rivals as their users call them. Nothing here runs anything."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass

from benchmarks.measure import OURS

_PYTHON_PEER = (sys.executable, "-m", "benchmarks.engine.pymupdf_peer")
_OCRMYPDF = (sys.executable, "-m", "ocrmypdf", "-q", "--tesseract-timeout", "0", "--skip-text")


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to make PDFs smaller.

    Attributes:
        name: as the tables say it.
        command: its words; ``{in}`` and ``{out}`` stand for the files.
        module: the Python package that it needs, where it is one.
        helper: another program that it cannot do without.
    """

    name: str
    command: tuple[str, ...]
    module: str | None = None
    helper: str | None = None

    @property
    def installed(self) -> bool:
        """Whether it can be run here."""
        if self.module and importlib.util.find_spec(self.module) is None:
            return False
        return all(shutil.which(program) for program in (self.command[0], self.helper) if program)

    @property
    def ours(self) -> bool:
        """Whether it is the engine that is measured here."""
        return self.command[0] == OURS


def _own(preset: str, effort: str = "default") -> Tool:
    command = (OURS, "compress", "{in}", "-o", "{out}", "-q", "--preset", preset, "--effort", effort)
    return Tool(f"pdfsmaller {preset}" + (f", effort {effort}" if effort != "default" else ""), command)


def _ghostscript(setting: str) -> Tool:
    fixed = ("gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=pdfwrite")
    return Tool(f"gs /{setting}", (*fixed, f"-dPDFSETTINGS=/{setting}", "-sOutputFile={out}", "{in}"))


def _qpdf(name: str, *more: str) -> Tool:
    fixed = ("qpdf", "--object-streams=generate", "--recompress-flate", "--compression-level=9")
    return Tool(name, (*fixed, *more, "--warning-exit-0", "{in}", "{out}"))


EBOOK, SCREEN, LOSSLESS = _own("ebook"), _own("screen"), _own("lossless")
EBOOK_MAX = _own("ebook", "max")
GS_EBOOK, GS_SCREEN, GS_PRINTER = _ghostscript("ebook"), _ghostscript("screen"), _ghostscript("printer")
QPDF = _qpdf("qpdf, images optimised", "--optimize-images")
QPDF_LOSSLESS = _qpdf("qpdf")
MUTOOL = Tool("mutool clean", ("mutool", "clean", "-gggg", "-z", "-i", "-f", "{in}", "{out}"))
PYMUPDF = Tool("PyMuPDF, 150 dpi", (*_PYTHON_PEER, "images", "{in}", "{out}"), "pymupdf")
EZ_SAVE = Tool("PyMuPDF ez_save", (*_PYTHON_PEER, "save", "{in}", "{out}"), "pymupdf")
OCRMYPDF = Tool(
    "OCRmyPDF -O3",
    (*_OCRMYPDF, "--optimize", "3", "--output-type", "pdf", "--jobs", "2", "{in}", "{out}"),
    "ocrmypdf",
    "pngquant",
)
OCRMYPDF_LOSSLESS = Tool(
    "OCRmyPDF -O1",
    (*_OCRMYPDF, "--optimize", "1", "--output-type", "pdf", "--jobs", "2", "{in}", "{out}"),
    "ocrmypdf",
)

#: All of them, in the order of the tables.
TOOLS = (
    EBOOK,
    EBOOK_MAX,
    SCREEN,
    LOSSLESS,
    GS_EBOOK,
    GS_SCREEN,
    GS_PRINTER,
    PYMUPDF,
    OCRMYPDF,
    QPDF,
    MUTOOL,
    OCRMYPDF_LOSSLESS,
    EZ_SAVE,
    QPDF_LOSSLESS,
)
#: Whom ``ebook`` is measured against, file by file: whatever makes a PDF that still serves the same purpose.
EBOOK_PEERS = (GS_EBOOK, GS_PRINTER, PYMUPDF, OCRMYPDF, QPDF, MUTOOL)
#: Whom ``lossless`` is measured against; qpdf's way with images may lose a little, and counts all the same.
LOSSLESS_PEERS = (MUTOOL, QPDF, QPDF_LOSSLESS, OCRMYPDF_LOSSLESS, EZ_SAVE)
#: Whose time is compared, by pairs: ours, and the other. Times of different runs say nothing of each other.
TIMED = ((EBOOK, GS_EBOOK), (EBOOK, PYMUPDF), (EBOOK_MAX, EBOOK))
