"""What a document goes through before it is cut: opened, looked into, rid of what pages do not use, compressed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.document import check_header, is_signed, pdfa_part
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import give_back
from pdfsmaller.engine.merge.protection import Protection, joined
from pdfsmaller.engine.merge.settings import may_be_pdfa_1
from pdfsmaller.engine.merge.source import Ready, Warn, open_source
from pdfsmaller.engine.repair.filters import pages_showing
from pdfsmaller.engine.report import ImageCounts, Report
from pdfsmaller.engine.results import Progress
from pdfsmaller.engine.save import Policy, save
from pdfsmaller.engine.split.options import SplitOptions
from pdfsmaller.engine.split.plan import Part, plan
from pdfsmaller.engine.split.resources import drop_unused
from pdfsmaller.engine.split.stock import Cutter, Stock
from pdfsmaller.engine.verify import compare_pages, sample_pages
from pdfsmaller.errors import SignedPdf, UnreadablePdf
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Warnings of compression that splitting says itself, or that mean nothing here.
_SAID_HERE = ("signature_invalidated", "repaired", "options_not_applied", "unknown_filter")


@record(frozen=True)
class Prepared:
    """A document that is ready to be cut.

    Attributes:
        stock: the pages wanted of it.
        parts: what goes into each part; None where they are to be of a size.
        has_files: files are attached to the document.
        protection: how it is encrypted.
        images: what became of its images.
        cutter: cuts it.
    """

    stock: Stock
    parts: list[Part] | None
    has_files: bool
    protection: Protection | None
    images: ImageCounts
    cutter: Cutter


@record(frozen=True)
class Preparation:
    """Prepares one document.

    Attributes:
        folder: for the files in between.
        deadline: when to stop compressing.
    """

    folder: Path
    options: SplitOptions
    limits: Limits
    deadline: Deadline
    watch: Stopwatch
    warn: Warn

    def prepare(self, source: InputFile, progress: Progress) -> Prepared:
        """Do all of it.

        Raises:
            PdfSmallerError: what is wrong with the document, or what the options ask of it.
        """
        check_header(source.path)
        given = self.options.password or ""
        opened, password = open_source(source.path, self.folder, [given] if given else [], self.limits)
        path = opened.source
        if path != source.path:
            path = path.rename(self.folder / "mended-source.pdf")
        if opened.unknown.names:
            names = ", ".join(sorted(opened.unknown.names))
            self.warn("unknown_filter", f"{source.name} is stored in part in a way that is not known here: {names}.")
        if opened.repaired:
            self.warn("repaired", f"{source.name} was damaged and was repaired. Compare the parts with the original.")
        with opened.pdf as pdf:
            if is_signed(pdf) and not self.options.allow_signature_invalidation:
                raise SignedPdf(
                    "The PDF is signed, and splitting it ends its signatures. If that is all right, say so with "
                    "allow_signature_invalidation."
                )
            parts = plan(pdf, source.name, self.options, self.limits)
            count = len(pdf.pages)
            not_shown = frozenset(pages_showing(pdf, opened.unknown.streams))
            damaged = opened.damaged or bool(pdf.get_warnings())
            ready = Ready(0, source.name, path, password, list(range(count)), damaged, not_shown)
            protection = joined(None, pdf, password, source.name) if pdf.is_encrypted else None
            has_files = bool(pdf.attachments) or "/AF" in pdf.Root
            with self.watch.stage("resources"):
                ready = self._tidied(pdf, ready, repaired=opened.repaired)
        give_back()
        cutter = Cutter(
            may_be_pdfa_1(ready.path), self.options.strip_metadata, self.options.effort, self.limits, self.warn
        )
        stock = Stock(ready, range(count))
        images = ImageCounts()
        if self.options.optimize and self.deadline.passed():
            self.warn("time_limit", "Time ran out: the PDF was cut without being compressed.")
        elif self.options.optimize:
            wanted = list(dict.fromkeys(page for part in parts for page in part.pages)) if parts else range(count)
            if len(wanted) < count:
                stock = cutter.extract(stock, wanted, self.folder / "wanted.pdf", with_files=True)
            with self.watch.stage("compress"):
                stock, images = self._compressed(stock, progress)
            give_back()
        return Prepared(stock, parts, has_files, protection, images, cutter)

    def _tidied(self, pdf: Pdf, ready: Ready, *, repaired: bool) -> Ready:
        """The document in a copy, where it was damaged or pages have what they do not use; else as it is."""
        dropped = drop_unused(pdf, self.limits)
        if not (dropped or repaired):
            return ready
        copy = self.folder / "tidied.pdf"
        with suppress(UnreadablePdf):
            save(pdf, copy, Policy(pdfa=pdfa_part(pdf), effort="fast"))
            if repaired or self._is_same(ready, copy):
                return replace(ready, path=copy)
        return ready

    def _is_same(self, ready: Ready, copy: Path) -> bool:
        """Whether pages look and read as before."""
        if self.options.verify == "off":
            return True
        count = len(ready.picks)
        pages = range(count) if self.options.verify == "full" else sample_pages(count)
        pairs = [(page, page) for page in pages]
        passwords = (ready.password, ready.password)
        compared = compare_pages(ready.path, copy, pairs, passwords=passwords, deadline=self.deadline.at)
        return not compared.differences

    def _compressed(self, stock: Stock, progress: Progress) -> tuple[Stock, ImageCounts]:
        """The stock made smaller."""
        smaller = self.folder / "smaller.pdf"
        ready = stock.ready
        options = self.options.compression(
            password=ready.password or None,
            allow_signature_invalidation=True,
            strip_metadata=False,  # these are for the parts
            linearize=False,
        )
        limits = replace(self.limits, soft_seconds=max(1.0, self.deadline.left()))
        report: Report = compress(ready.path, smaller, options, limits=limits, progress=progress)
        for warning in report.warnings:
            if warning.code not in _SAID_HERE:
                self.warn(warning.code, warning.message)
        return replace(stock, ready=replace(ready, path=smaller)), report.images
