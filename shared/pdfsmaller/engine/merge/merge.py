"""``merge``: PDFs in, one PDF out that has everything they had, and a report.

Guarantees:

- every page taken looks and reads as it did; sizes, rotations, annotations, fonts stay;
- outlines, named destinations, links, form fields (values, appearances, calculation order), tags, page labels,
  layers, attached files and scripts of every document are there; what collides is renamed, wherever it is used;
- settings of the viewer, document information and XMP are the first document's;
- what is the same in several documents (fonts, images, profiles) is stored once, and with ``optimize`` subsets of one
  font are one program;
- what cannot survive is said in a warning: signatures, XFA, claims of PDF/A that no longer hold for everything.

Documents are copied one after the other straight into the result, so memory grows with the largest of them and
not with their number. With ``optimize`` each is compressed before it is copied. Only a ``target_size``, ``linearize``
and encryption ask for the result as a whole once more.

Errors are those of ``pdfsmaller.errors``, naming the document: EmptyFile, NotAPdf, UnreadablePdf, PasswordRequired,
WrongPassword, UnsupportedEncryption, InvalidPageRange, LimitExceeded, InvalidOption.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.files import replace_file
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import give_back
from pdfsmaller.engine.merge.assembly import assemble
from pdfsmaller.engine.merge.check import check
from pdfsmaller.engine.merge.fonts import with_shared_fonts
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.merge.prepare import Preparation
from pdfsmaller.engine.merge.protection import Protection
from pdfsmaller.engine.merge.source import Ready, SourceFailed
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
from pdfsmaller.engine.save import Policy, finish
from pdfsmaller.errors import BadRequest, LimitExceeded, PdfSmallerError
from pdfsmaller.limits import Limits

# What assembling and checking take on a slow machine, in seconds; so much of the time is not for compressing, but at
# the most a third of it.
_SECONDS_PER_MB, _SECONDS_PER_SOURCE = 0.1, 0.1

# How far the work is, in percent, when the sources are prepared, and when they are in one file.
_PREPARED, _ASSEMBLED = 70, 90


def merge(
    sources: Sequence[InputFile],
    target: Path,
    options: MergeOptions | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> CombinedReport:
    """Write all sources, one after the other, to ``target``.

    Args:
        sources: PDFs, only read.
        target: overwritten in one step, and only when the result is complete.
        options: see ``MergeOptions``.
        limits: what the result and each source may cost; ``soft_seconds`` is for all of them together.
        progress: called with a stage's name and a percentage from 0 to 100 of the whole.

    Raises:
        PdfSmallerError: one of the errors named in the module's text. The target is then untouched.
    """
    return _Merging(sources, target, options or MergeOptions(), limits or Limits(), progress).run()


def run(
    sources: Sequence[InputFile], folder: Path, options: MergeOptions, *, limits: Limits, progress: Progress
) -> Done[CombinedReport]:
    """``merge`` as an operation (``engine.results`` has the form)."""
    target = folder / "out.pdf"
    report = merge(sources, target, options, limits=limits, progress=progress)
    return Done(report, (ResultFile(target, "merged.pdf"),))


class _Merging:
    """One call of ``merge``: holds what its steps share."""

    def __init__(
        self,
        sources: Sequence[InputFile],
        target: Path,
        options: MergeOptions,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.context = begin(options, limits, progress)
        self.sources, self.target = sources, target
        self.reports = [SourceReport(name=s.name, input_bytes=_size(s.path)) for s in sources]
        self.input_bytes = sum(report.input_bytes for report in self.reports)
        self.images = ImageCounts()
        self.comparison: ComparisonSummary | None = None
        self.protection: Protection | None = None

    def run(self) -> CombinedReport:
        if not self.sources:
            raise BadRequest("There is nothing to merge. Give at least one PDF.")
        self.context.options.check_inputs(len(self.sources))
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as name:
            folder = Path(name)
            result = self._merged(folder, self.context.options)
            outcome: CombinedOutcome = "merged"
            wanted = self.context.options.target_size
            if wanted is not None and _size(result) > wanted:
                if self.context.options.optimize:
                    result = min(result, self._fitted(folder), key=_size)
                outcome = "merged" if _size(result) <= wanted else "target_not_met"
            replace_file(result, self.target)
        self.context.progress("done", 100)
        return CombinedReport(
            input_bytes=self.input_bytes,
            output_bytes=_size(self.target),
            outcome=outcome,
            pages=sum(report.pages for report in self.reports),
            sources=self.reports,
            images=self.images,
            comparison=self.comparison,
            warnings=self.context.warnings,
            seconds=self.context.watch.seconds(),
        )

    def _merged(self, folder: Path, options: MergeOptions) -> Path:
        """All sources in one file, checked."""
        ready = self._prepared(folder, options)
        copied = self._sharing_fonts(ready, folder) if options.optimize else ready
        result = folder / "result.pdf"
        while True:
            warnings_before = len(self.context.warnings)
            try:
                with self.context.watch.stage("merge"):
                    assemble(copied, result, options, self.context.limits, self.context.warn_once, self._assembling)
                self.context.progress("verify", _ASSEMBLED)
                with self.context.watch.stage("verify"):
                    self.comparison = check(
                        ready, result, options.verify, self.context.deadline, self.context.warn_once
                    )
                return self._finished(folder, result)
            except SourceFailed as failed:
                # What was copied of it is in the result already: begin again, with fonts as they were or without it.
                del self.context.warnings[warnings_before:]
                if copied is not ready:
                    copied = ready
                    continue
                ready.remove(failed.source)
                self._leave_out(failed.source.index, failed.error, anything_left=bool(ready))

    def _sharing_fonts(self, ready: list[Ready], folder: Path) -> list[Ready]:
        with self.context.watch.stage("fonts"):
            shared = with_shared_fonts(ready, folder, self.context.limits, self._compressing_until())
        return ready if shared == ready else shared

    def _assembling(self, done: float) -> None:
        self.context.progress("merge", _PREPARED + round((_ASSEMBLED - _PREPARED) * done))

    def _prepared(self, folder: Path, options: MergeOptions) -> list[Ready]:
        """Every source as it will be copied, one after the other.

        Raises:
            PdfSmallerError: of the first that cannot be used, naming it (``on_error=fail``), or where none can.
            LimitExceeded: they have too many pages together.
        """
        preparation = Preparation(
            folder, options, self.context.limits, self._compressing_until(), self.context.watch, self.context.warn_once
        )
        ready: list[Ready] = []
        failed: PdfSmallerError | None = None
        done = 0
        for index, source in enumerate(self.sources):
            size = self.reports[index].input_bytes
            if self.reports[index].error is None:
                try:
                    progress = self._preparing(done, size)
                    ready.append(preparation.prepare(index, source, size / max(1, self.input_bytes - done), progress))
                except PdfSmallerError as exc:
                    failed = failed or exc.about(source.name)
                    self._leave_out(index, exc, anything_left=True)
                else:
                    self.reports[index] = replace(self.reports[index], pages=len(ready[-1].picks))
                give_back()
            done += size
        if not ready:
            raise failed or BadRequest("There is nothing left to merge.")
        pages = sum(report.pages for report in self.reports)
        if pages > self.context.limits.max_pages:
            raise LimitExceeded(
                "max_pages",
                self.context.limits.max_pages,
                f"The result would have {pages:,} pages; at most {self.context.limits.max_pages:,} are allowed.",
            )
        self.images, self.protection = preparation.images, preparation.protection
        return ready

    def _compressing_until(self) -> Deadline:
        afterwards = _SECONDS_PER_MB * self.input_bytes / 1e6 + _SECONDS_PER_SOURCE * len(self.sources)
        left = self.context.deadline.left()
        return Deadline(left - min(afterwards, left / 3))

    def _preparing(self, done: int, size: int) -> Progress:
        """The progress of one source as that of the whole; both in bytes."""

        def progress(stage: str, percent: float, pages: tuple[int, int] | None = None, /) -> None:
            self.context.progress(stage, _PREPARED * (done + size * percent / 100) / max(1, self.input_bytes))

        return progress

    def _finished(self, folder: Path, result: Path) -> Path:
        """The result, protected and ordered for the web where that is wanted."""
        protection = None if self.context.options.decrypt else self.protection
        with self.context.watch.stage("write"):
            encryption = protection.encryption() if protection else False
            policy = Policy(linearize=self.context.options.linearize, encryption=encryption)
            result = finish(result, folder / "finished.pdf", policy, self.context.limits)
        if protection:
            self.context.warn_once(
                "encrypted", f"The result is encrypted as {protection.name} was, and opens with its password."
            )
        return result

    def _fitted(self, folder: Path) -> Path:
        """The smallest or best-looking result for ``target_size``, searched for from what is not compressed yet."""
        plain = folder / "plain"
        plain.mkdir()
        whole = self._merged(plain, replace(self.context.options, optimize=False))
        fitted = folder / "fitted.pdf"
        password = self.protection.password if self.protection and not self.context.options.decrypt else None
        options = self.context.options.compression(password=password or None)
        limits = replace(self.context.limits, soft_seconds=max(1.0, self.context.deadline.left()))
        with self.context.watch.stage("compress"):
            report = compress(whole, fitted, options, limits=limits)
        self.images = report.images
        for warning in report.warnings:
            self.context.warn_once(warning.code, warning.message)
        return fitted

    def _leave_out(self, index: int, error: PdfSmallerError, *, anything_left: bool) -> None:
        """Go on without a source where that is allowed. Raises ``error``, named, where it is not."""
        name = self.sources[index].name
        if self.context.options.on_error != "skip" or not anything_left:
            raise error.about(name) from error
        self.reports[index] = replace(
            self.reports[index], pages=0, error=ReportWarning(code=error.code, message=error.message)
        )
        self.context.warn_once("skipped", f"{name} was left out: {error.message}")


def _size(path: Path) -> int:
    return path.stat().st_size
