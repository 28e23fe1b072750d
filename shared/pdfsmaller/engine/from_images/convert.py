"""``images_to_pdf``: image files in, one PDF with an image on each page out, and a report of what was done.

Guarantees, for every input:

- without any option of compression no decoded pixel differs from the file's: what a PDF can hold (JPEG, JPEG 2000,
  PNG's rows, faxes) is taken over as it is, the rest is coded without loss;
- images stand as their files want it (orientation, resolution, colour profile), whole, with their aspect kept;
- memory does not grow with the number of inputs: one image is held at a time;
- the same inputs give the same bytes, unless time runs out; the target appears only when it is complete.

Errors are those of ``pdfsmaller.errors``: EmptyFile, NotAnImage, UnreadableImage, LimitExceeded, all of them naming the
file, and InvalidOption. Only a process with RLIMIT_AS is safe from hostile files: see ``pdfsmaller.engine.child``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import pypdfium2

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.files import replace_file
from pdfsmaller.engine.from_images.layout import check_margin
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.from_images.picture import Note
from pdfsmaller.engine.from_images.read import read_pictures
from pdfsmaller.engine.from_images.reading import Budget, Reading
from pdfsmaller.engine.from_images.write import Document
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import (
    CombinedOutcome,
    CombinedReport,
    ComparisonSummary,
    ImageCounts,
    ReportWarning,
    SourceReport,
)
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.run import begin
from pdfsmaller.engine.save import Policy, finish, writer
from pdfsmaller.errors import (
    BadRequest,
    DocumentError,
    EmptyFile,
    EngineFailed,
    LimitExceeded,
    NotAnImage,
    PdfSmallerError,
)
from pdfsmaller.limits import Limits

# Left for compression when time is already up: it then writes what it has.
_LEAST_SECONDS = 1.0
_VERSION = (1, 7)
# What no single file is to blame for.
_LIMITS_OF_THE_JOB = ("max_pages", "max_job_image_bytes", "hard_seconds")
_NOTES: dict[Note, str] = {
    "animation": "{name} holds several images or an animation; only the first is in the PDF.",
    "damaged": "{name} is damaged: its decoder had complaints. Look at its page.",
}


def images_to_pdf(
    sources: Sequence[InputFile],
    target: Path,
    options: ImageOptions | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> CombinedReport:
    """Write a PDF with one image on each page to ``target``.

    Args:
        sources: image files in the order of their pages; every page of a TIFF, the first image of any other. They are
            only read.
        target: where the PDF goes; it appears only when it is complete.
        options: page size, orientation, margin, resolution, what to do about broken files, and those of compression.
        limits: what one job may cost.
        progress: told the stage and the percentage done.

    Raises:
        BadRequest: no sources.
        InvalidOption: margins that leave nothing of the paper.
        EmptyFile, NotAnImage, UnreadableImage: of the first file that cannot be used (``on_error=fail``), or where
            none can.
        LimitExceeded: ``max_image_bytes``, ``max_pages``; ``max_job_image_bytes`` and ``hard_seconds`` for all
            together.
        EngineFailed: what was written is not what was meant.
    """
    return _Conversion(sources, target, options or ImageOptions(), limits or Limits(), progress).run()


def run(
    sources: Sequence[InputFile], folder: Path, options: ImageOptions, *, limits: Limits, progress: Progress
) -> Done[CombinedReport]:
    """``images_to_pdf`` as an operation (``engine.results`` has the form), called as the first image is."""
    target = folder / "out.pdf"
    report = images_to_pdf(sources, target, options, limits=limits, progress=progress)
    return Done(report, (ResultFile(target, f"{PurePath(sources[0].name).stem}.pdf"),))


class _Conversion:
    """One call of ``images_to_pdf``: its inputs, and what is found out on the way."""

    def __init__(
        self,
        sources: Sequence[InputFile],
        target: Path,
        options: ImageOptions,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.context = begin(options, limits, progress)
        self.sources, self.target = sources, target
        # Half of what the hard limit leaves is for reading on, half for writing.
        self.budget = Budget(Deadline((limits.soft_seconds + limits.hard_seconds) / 2))
        self.reports: list[SourceReport] = []
        self.images = ImageCounts()
        self.comparison: ComparisonSummary | None = None
        self.outcome: CombinedOutcome = "converted"
        # Reading the images is all there is to do, or about half of it.
        self.share = 50 if options.wants_compression else 90

    def run(self) -> CombinedReport:
        if not self.sources:
            raise BadRequest("There are no images. Send at least one.")
        check_margin(self.context.options)
        self.context.progress("images", 0)
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as folder:
            result = Path(folder) / "images.pdf"
            with self.context.watch.stage("images"):
                pages = self._write(result)
            with self.context.watch.stage("verify"):
                self.context.progress("verify", self.share)
                _check(result, pages)
            if self.context.options.wants_compression:
                result = self._compressed(result)
            elif self.context.options.linearize:
                with self.context.watch.stage("write"):
                    result = self._linearized(result)
            size = result.stat().st_size
            replace_file(result, self.target)
        self.context.progress("done", 100)
        return CombinedReport(
            input_bytes=sum(report.input_bytes for report in self.reports),
            output_bytes=size,
            outcome=self.outcome,
            pages=pages,
            sources=self.reports,
            images=self.images,
            comparison=self.comparison,
            warnings=self.context.warnings,
            seconds=self.context.watch.seconds(),
        )

    # --- the PDF as the images are ------------------------------------------------------------------------------

    def _write(self, result: Path) -> int:
        """Write all images to ``result``; the number of pages."""
        first_error: PdfSmallerError | None = None
        with result.open("wb") as file:
            document = Document(writer(file, Policy(), _VERSION), self.context.options, self.context.deadline)
            for index, source in enumerate(self.sources):
                try:
                    self._add(document, source)
                except (DocumentError, EmptyFile, NotAnImage) as exc:
                    over = isinstance(exc, LimitExceeded) and exc.limit in _LIMITS_OF_THE_JOB
                    if self.context.options.on_error == "fail" or over:
                        raise
                    first_error = first_error or exc
                    self._skip(source, exc)
                self.context.progress("images", self.share * (index + 1) // len(self.sources))
            if first_error is not None and document.pages == 0:
                raise first_error
            single = len(self.sources) == 1 and not self.context.options.strip_metadata
            document.finish(PurePath(self.sources[0].name).stem if single else None)
            return document.pages

    def _add(self, document: Document, source: InputFile) -> None:
        """Add all pages of one file, or none."""
        # With the soft limit passed what counts is to come to an end.
        options = self.context.options
        effort = "fast" if self.context.deadline.passed() else options.effort
        goal = Goal(None, None, effort=effort, bilevel=options.bilevel)
        reading = Reading(source.name, goal, self.context.limits, self.budget)
        pages: list[bytes] = []
        notes: set[Note] = set()
        for picture in read_pictures(source, document.pages, reading):
            pages.append(document.image(picture))
            notes.update(picture.notes)
        for page in pages:
            document.add(page)
        for note in sorted(notes):
            self.context.warn(note, _NOTES[note].format(name=source.name))
        size = source.path.stat().st_size
        self.reports.append(SourceReport(name=source.name, input_bytes=size, pages=len(pages)))

    def _skip(self, source: InputFile, exc: PdfSmallerError) -> None:
        self.context.warn("skipped", f"{exc.message} It was left out.")
        error = ReportWarning(code=exc.code, message=exc.message)
        size = source.path.stat().st_size
        self.reports.append(SourceReport(name=source.name, input_bytes=size, error=error))

    def _linearized(self, path: Path) -> Path:
        """The same document ordered for viewing while it downloads, in a copy."""
        return finish(path, path.with_name("linearized.pdf"), Policy(linearize=True), self.context.limits)

    # --- made smaller -------------------------------------------------------------------------------------------

    def _compressed(self, plain: Path) -> Path:
        """The same document as the options of compression want it."""
        result = plain.with_name("compressed.pdf")
        wanted = self.context.options.compression()
        left = replace(self.context.limits, soft_seconds=max(_LEAST_SECONDS, self.context.deadline.left()))

        def progress(stage: str, percent: float, pages: tuple[int, int] | None = None, /) -> None:
            if stage != "done":
                self.context.progress(stage, self.share + percent * (100 - self.share) / 100, pages)

        with self.context.watch.stage("compress"):
            report = compress(plain, result, wanted, limits=left, progress=progress)
            if report.outcome == "unchanged" and self.context.options.linearize:
                result = self._linearized(result)
        self.images, self.comparison = report.images, report.comparison
        self.context.warnings += report.warnings
        if report.outcome == "target_not_met":
            self.outcome = "target_not_met"
        return result


def _check(result: Path, pages: int) -> None:
    """Raises EngineFailed unless the file opens and has so many pages."""
    try:
        with pypdfium2.PdfDocument(result) as document:
            found = len(document)
    except pypdfium2.PdfiumError:
        found = -1
    if found != pages:
        raise EngineFailed("The PDF that was made of the images is not whole. Nothing was handed out.")
