"""``split``: a PDF in, the parts of it out, each with all that belongs to its pages, and a report.

Guarantees:

- every page asked for is in exactly the parts that the options say, and looks and reads as it did;
- a part has its pages' links, annotations, form fields, tags, labels and layers, the entries of the outline and the
  named destinations that lead to them, the document's settings, metadata, scripts and claims of PDF/A, and is encrypted
  as the document was; files attached to the document itself are in the first part;
- a link to a page of another part leads to that part's file, by its name; one to a page that no part has is dropped;
- fonts, images and other resources are only in the parts that use them;
- no part is over ``max_size``, but for a single page that is larger by itself, which a warning names.

The document is compressed once, before it is cut (``optimize``). Parts are written one after the other, straight to
disk: memory grows with the document and not with the number of parts. Parts are cut from stretches of the document, so
that time grows with its pages and hardly with the number of parts.

Errors are those of ``pdfsmaller.errors``: EmptyFile, NotAPdf, UnreadablePdf, PasswordRequired, WrongPassword,
UnsupportedEncryption, SignedPdf, InvalidPageRange, InvalidOutlineLevel, LimitExceeded, BadRequest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.files import results_folder
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import PartReport, SplitReport
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.run import begin
from pdfsmaller.engine.split.check import Check
from pdfsmaller.engine.split.options import SplitOptions
from pdfsmaller.engine.split.parts import Writer, parts_of_stretch
from pdfsmaller.engine.split.plan import Part, found_in, in_words
from pdfsmaller.engine.split.prepare import Preparation, Prepared
from pdfsmaller.engine.split.sized import SizedParts
from pdfsmaller.errors import BadRequest
from pdfsmaller.limits import Limits

# What cutting and checking take on a slow machine, in seconds; so much of the time is not for compressing, but at the
# most a third of it.
_SECONDS_PER_MB, _SECONDS_PER_PART = 0.2, 0.1
# How far the work is, in percent, when the document is prepared, and when it is cut.
_PREPARED, _CUT = 60, 99


def run(
    sources: Sequence[InputFile], folder: Path, options: SplitOptions, *, limits: Limits, progress: Progress
) -> Done[SplitReport]:
    """Cut one document into parts.

    Args:
        sources: the document, alone; it is only read.
        folder: parts are written into a folder in it, and nothing where anything is wrong.
        limits: what the document and the parts may cost.
        progress: called with a stage's name and a percentage from 0 to 100 of the whole.

    Raises:
        PdfSmallerError: one of the errors named in the module's text.
    """
    if len(sources) != 1:
        raise BadRequest(f"Split takes one PDF at a time; {len(sources)} came.")
    with results_folder(folder, "parts") as (target, between):
        return _Splitting(sources[0], target, between, options, limits, progress).run()


class _Splitting:
    """One call of ``run``: holds what its steps share."""

    def __init__(
        self, source: InputFile, target: Path, between: Path, options: SplitOptions, limits: Limits, progress: Progress
    ) -> None:
        self.source, self.target, self.between = source, target, between
        self.context = begin(options, limits, progress)
        self.input_bytes = source.path.stat().st_size

    def run(self) -> Done[SplitReport]:
        self.context.progress("prepare", 0)
        prepared = self._prepare()
        check = Check(
            prepared.stock.ready,
            prepared.stock.places,
            self.context.options.verify,
            self.context.deadline,
            self.context.warn_once,
        )
        writer = Writer(
            prepared.cutter,
            self.target,
            self.between,
            None if self.context.options.decrypt else prepared.protection,
            linearize=self.context.options.linearize,
            limits=self.context.limits,
            check=check,
            watch=self.context.watch,
        )
        parts = prepared.parts
        if parts is not None:
            self._write(writer, prepared, parts)
        else:
            most = self.context.options.max_size or 0
            parts = SizedParts(
                writer,
                prepared.stock,
                self.source.name,
                most,
                self.context.limits,
                self.context.warn_once,
                self.context.deadline.passed,
                self._splitting,
            ).cut()
        return self._done(prepared, parts, writer, check)

    def _prepare(self) -> Prepared:
        left = self.context.deadline.left()
        parts = min(
            self.context.limits.max_parts,
            1 + self.input_bytes // (self.context.options.max_size or max(1, self.input_bytes)),
        )
        until = Deadline(left - min(_SECONDS_PER_MB * self.input_bytes / 1e6 + _SECONDS_PER_PART * parts, left / 3))
        preparation = Preparation(
            self.between, self.context.options, self.context.limits, until, self.context.watch, self.context.warn_once
        )
        return preparation.prepare(
            self.source,
            lambda stage, percent, pages=None: self.context.progress(stage, _PREPARED * percent / 100, pages),
        )

    def _write(self, writer: Writer, prepared: Prepared, parts: list[Part]) -> None:
        """Write parts whose pages are known."""
        remote = found_in(parts)
        size = parts_of_stretch(len(parts))
        for start in range(0, len(parts), size):
            some = parts[start : start + size]
            stock = prepared.stock
            if len(some) < len(parts):
                stock = writer.stretch(stock, list(dict.fromkeys(page for part in some for page in part.pages)))
            for number, part in enumerate(some, start):
                writer.add(stock, part.pages, remote)
                self._splitting((number + 1) / len(parts))

    def _splitting(self, share: float) -> None:
        self.context.progress("split", _PREPARED + round((_CUT - _PREPARED) * share))

    def _done(self, prepared: Prepared, parts: list[Part], writer: Writer, check: Check) -> Done[SplitReport]:
        reports = [
            PartReport(
                name=part.name,
                output_bytes=written.size,
                pages=in_words(part.pages),
                page_count=len(part.pages),
                links_to_parts=written.cut.links_to_parts,
                links_dropped=written.cut.links_dropped,
            )
            for part, written in zip(parts, writer.written, strict=True)
        ]
        self._say_what_changed(prepared, reports)
        report = SplitReport(
            input_bytes=self.input_bytes,
            output_bytes=sum(part.output_bytes for part in reports),
            pages=sum(part.page_count for part in reports),
            parts=reports,
            images=prepared.images,
            comparison=check.summary(),
            warnings=self.context.warnings,
            seconds=self.context.watch.seconds(),
        )
        self.context.progress("done", 100)
        files = (ResultFile(done.cut.path, part.name) for part, done in zip(parts, writer.written, strict=True))
        return Done(report, tuple(files))

    def _say_what_changed(self, prepared: Prepared, parts: list[PartReport]) -> None:
        if dropped := sum(part.links_dropped for part in parts):
            self.context.warn_once("links_dropped", f"Links to pages that no part has are gone: {dropped}.")
        if prepared.has_files and len(parts) > 1:
            self.context.warn_once("files_in_first_part", "Files attached to the document are in the first part only.")
        if prepared.protection and not self.context.options.decrypt:
            self.context.warn_once("encrypted", "The parts are encrypted as the PDF was, and open with its password.")
