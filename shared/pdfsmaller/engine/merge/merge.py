"""``merge``: PDFs in, one PDF out that has everything they had, and a report.

Guarantees:

- every page taken looks and reads as it did; sizes, rotations, annotations, fonts stay;
- outlines, named destinations, links, form fields (values, appearances, calculation order), tags, page labels,
  layers, attached files and scripts of every document are there; what collides is renamed, wherever it is used;
- settings of the viewer, document information and XMP are the first document's;
- what is the same in several documents (fonts, images, profiles) is stored once;
- what cannot survive is said in a warning: signatures, XFA, claims of PDF/A that no longer hold for everything.

Documents are copied one after the other straight into the result, so memory grows with the largest of them and
not with their number. With ``optimize`` each is compressed before it is copied. Only a ``target_size``, ``linearize``
and encryption ask for the result as a whole once more.

Errors are those of ``pdfsmaller.errors``, naming the document: EmptyFile, NotAPdf, UnreadablePdf, PasswordRequired,
WrongPassword, InvalidPageRange, LimitExceeded, InvalidOption.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pikepdf import ObjectStreamMode, Pdf
from pydantic import SecretStr

from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.compress import VERIFY_GRACE_SECONDS, compress
from pdfsmaller.engine.document import check_header, open_pdf
from pdfsmaller.engine.files import replace_file
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.engine.merge.assembly import Assembly
from pdfsmaller.engine.merge.protection import Protection, joined
from pdfsmaller.engine.merge.ranges import select
from pdfsmaller.engine.merge.settings import may_be_pdfa_1
from pdfsmaller.engine.merge.source import open_source
from pdfsmaller.engine.options import MergeOptions, Outline
from pdfsmaller.engine.report import CombinedOutcome, CombinedReport, ImageCounts, ReportWarning, SourceReport
from pdfsmaller.engine.verify import compare_pages
from pdfsmaller.errors import (
    BadRequest,
    EngineFailed,
    InvalidOption,
    LimitExceeded,
    PdfSmallerError,
    UnreadablePdf,
)
from pdfsmaller.limits import Limits

#: Warnings of compression that merging says itself, or that mean nothing here.
_SAID_HERE = ("signature_invalidated", "repaired", "options_not_applied")

#: The check of a sample looks at the first and the last page of each of so many sources, of more only at the last.
FEW_SOURCES = 10

logger = logging.getLogger(__name__)

Progress = Callable[[str, int], None]


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
    return _Run(sources, target, options or MergeOptions(), limits or Limits(), progress).run()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A source as it is copied.

    Attributes:
        path: the file: the source itself, or what became of it.
        password: what opens it.
        picks: the pages wanted of it.
        damaged: qpdf found faults in it, so another reader may see something else in it.
    """

    index: int
    name: str
    path: Path
    password: str | None
    picks: list[int]
    damaged: bool


class _SourceFailed(Exception):
    """A source turned out unusable while it was copied."""

    def __init__(self, source: _Ready, error: PdfSmallerError) -> None:
        super().__init__(error.message)
        self.source, self.error = source, error


class _Run:
    """One call of ``merge``: holds what its steps share."""

    def __init__(
        self,
        sources: Sequence[InputFile],
        target: Path,
        options: MergeOptions,
        limits: Limits,
        progress: Progress | None,
    ) -> None:
        self.sources, self.target, self.options, self.limits = sources, target, options, limits
        self.progress: Progress = progress or (lambda _stage, _percent: None)
        self.deadline = Deadline(limits.soft_seconds)
        self.watch = Stopwatch()
        self.warnings: list[ReportWarning] = []
        self.reports = [SourceReport(name=s.name, input_bytes=_size(s.path)) for s in sources]
        self.images = Counter[str]()
        self.skipped_images = Counter[str]()
        self.protection: Protection | None = None
        #: What became of a file and the choice of its pages, for when they come again.
        self.smaller: dict[tuple[bytes, tuple[int, ...]], _Ready] = {}
        given = options.password.get_secret_value() if options.password else ""
        self.passwords = [line for line in given.splitlines() if line]

    def run(self) -> CombinedReport:
        if not self.sources:
            raise BadRequest("There is nothing to merge. Give at least one PDF.")
        if self.options.pages and len(self.options.pages) != len(self.sources):
            raise InvalidOption(
                "pages",
                len(self.options.pages),
                ["none at all", "one page range for each file, blank for all its pages"],
                f"{len(self.options.pages)} page ranges came for {len(self.sources)} files. Give one for each (blank "
                "for all pages), or none.",
            )
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as name:
            folder = Path(name)
            result = self._merged(folder, optimize=self.options.optimize)
            outcome: CombinedOutcome = "merged"
            if self.options.target_size is not None and _size(result) > self.options.target_size:
                result = self._fitted(folder, result, self.options.target_size)
                outcome = "merged" if _size(result) <= self.options.target_size else "target_not_met"
            replace_file(result, self.target)
        self.progress("done", 100)
        return CombinedReport(
            input_bytes=sum(report.input_bytes for report in self.reports),
            output_bytes=_size(self.target),
            outcome=outcome,
            pages=sum(report.pages for report in self.reports),
            sources=self.reports,
            images=ImageCounts(
                seen=self.images["seen"],
                changed=self.images["changed"],
                skipped=dict(sorted(self.skipped_images.items())),
            ),
            warnings=self.warnings,
            seconds=self.watch.seconds(),
        )

    def _merged(self, folder: Path, *, optimize: bool) -> Path:
        """All sources in one file, checked."""
        ready = self._prepared(folder, optimize=optimize)
        result = folder / "result.pdf"
        while True:
            said = len(self.warnings)
            try:
                self._assemble(ready, result, share=(70, 90))
                self._check(ready, result)
                break
            except _SourceFailed as failed:
                # What was copied of it is in the result already: begin again without it.
                del self.warnings[said:]
                ready = [source for source in ready if source is not failed.source]
                self._leave_out(failed.source.index, failed.error, anything_left=bool(ready))
        return self._finished(folder, result)

    # --- one source after the other -----------------------------------------------------------------------------

    def _prepared(self, folder: Path, *, optimize: bool) -> list[_Ready]:
        ready: list[_Ready] = []
        total = sum(report.input_bytes for report in self.reports) or 1
        done = 0
        failed: PdfSmallerError | None = None
        for index, source in enumerate(self.sources):
            self.progress("prepare", 70 * done // total)
            if self.reports[index].error is None:
                try:
                    ready.append(self._prepare(index, source, folder, done / total, optimize=optimize))
                except PdfSmallerError as exc:
                    failed = failed or exc.about(source.name)
                    self._leave_out(index, exc, anything_left=True)
                _give_memory_back()
            done += self.reports[index].input_bytes
        if not ready:
            raise failed or BadRequest("There is nothing left to merge.")
        pages = sum(report.pages for report in self.reports)
        if pages > self.limits.max_pages:
            raise LimitExceeded(
                "max_pages",
                self.limits.max_pages,
                f"The result would have {pages:,} pages; at most {self.limits.max_pages:,} are allowed.",
            )
        return ready

    def _prepare(self, index: int, source: InputFile, folder: Path, share_done: float, *, optimize: bool) -> _Ready:
        """Open a source, choose its pages, compress it where asked."""
        check_header(source.path)
        pdf, password, repaired = open_source(source.path, folder, self.passwords, self.limits)
        with pdf:
            count = len(pdf.pages)
            damaged = bool(pdf.get_warnings())
            picks = select(self._ranges(index), count, "The document", self.limits.max_pages)
            if pdf.is_encrypted:
                self.protection = joined(self.protection, pdf, password, source.name)
        if repaired:
            self._warn("repaired", f"{source.name} was damaged and was repaired. Compare the result with the original.")
        self.reports[index] = self.reports[index].model_copy(update={"pages": len(picks)})
        ready = _Ready(index, source.name, source.path, password, picks, damaged)
        if not optimize:
            return ready
        if self.deadline.passed():
            self._warn("time_limit", "Time ran out: the last inputs were merged without being compressed.")
            return ready
        alike = (_digest(source.path), tuple(picks))
        if alike in self.smaller:  # the same file again
            return replace(self.smaller[alike], index=index, name=source.name)
        if len(set(picks)) < count:
            ready = self._extracted(ready, folder)
        with self.watch.stage("compress"):
            ready = self._compressed(ready, folder, share_done)
        self.smaller[alike] = ready
        return ready

    def _ranges(self, index: int) -> str:
        return self.options.pages[index] if self.options.pages else ""

    def _extracted(self, source: _Ready, folder: Path) -> _Ready:
        """The pages wanted as a document of their own, so that the others need not be compressed."""
        distinct = list(dict.fromkeys(source.picks))
        extract = folder / f"{source.index}-pages.pdf"
        places = {page: place for place, page in enumerate(distinct)}
        self._assemble([replace(source, picks=distinct)], extract, outline="joined", strip_metadata=False)
        return replace(source, path=extract, password=None, picks=[places[page] for page in source.picks])

    def _compressed(self, source: _Ready, folder: Path, share_done: float) -> _Ready:
        """The source made smaller."""
        smaller = folder / f"{source.index}-smaller.pdf"
        # What time is left is shared out by size.
        size = self.reports[source.index].input_bytes
        total = sum(report.input_bytes for report in self.reports) or 1
        share = min(1.0, size / max(1.0, total * (1 - share_done)))
        limits = replace(self.limits, soft_seconds=max(1.0, self.deadline.left() * share))
        options = self.options.compression(
            password=SecretStr(source.password) if source.password else None,
            allow_signature_invalidation=True,
            target_size=None,
            strip_metadata=False,
            linearize=False,
        )
        report = compress(source.path, smaller, options, limits=limits)
        self.images.update(seen=report.images.seen, changed=report.images.changed)
        self.skipped_images.update(report.images.skipped)
        for warning in report.warnings:
            if warning.code not in _SAID_HERE:
                self._warn(warning.code, f"{source.name}: {warning.message}")
        return replace(source, path=smaller)

    # --- putting them together ----------------------------------------------------------------------------------

    def _assemble(
        self,
        ready: list[_Ready],
        result: Path,
        *,
        outline: Outline | None = None,
        strip_metadata: bool | None = None,
        share: tuple[int, int] | None = None,
    ) -> None:
        """Copy the sources into one file. Raises _SourceFailed."""
        with self.watch.stage("merge"), result.open("wb") as file:
            assembly = Assembly(
                file,
                outline=outline or self.options.outline,
                sources=len(ready),
                plain_objects=all(may_be_pdfa_1(source.path) for source in ready),
                strip_metadata=self.options.strip_metadata if strip_metadata is None else strip_metadata,
                level=6 if self.options.effort == "fast" else 9,
                warn=self._warn,
            )
            for number, source in enumerate(ready):
                if share:
                    self.progress("merge", share[0] + (share[1] - share[0]) * number // len(ready))
                try:
                    assembly.add(source.name, source.index, source.picks, partial(self._open, source, result.parent))
                except PdfSmallerError as exc:
                    raise _SourceFailed(source, exc) from exc
                except Exception as exc:
                    if ran_out_of_memory(exc):
                        raise
                    logger.exception("cannot be copied")
                    raise _SourceFailed(source, UnreadablePdf("The PDF is too damaged to be merged.")) from exc
                _give_memory_back()
            assembly.finish()

    def _open(self, source: _Ready, folder: Path) -> Pdf:
        return open_source(source.path, folder, [source.password] if source.password else [], self.limits)[0]

    def _finished(self, folder: Path, result: Path) -> Path:
        """The result, protected and ordered for the web where that is wanted."""
        protection = None if self.options.decrypt else self.protection
        if protection is None and not self.options.linearize:
            return result
        finished = folder / "finished.pdf"
        with self.watch.stage("write"), open_pdf(result, None, self.limits) as pdf:
            pdf.save(
                finished,
                linearize=self.options.linearize,
                object_stream_mode=ObjectStreamMode.preserve,
                recompress_flate=False,
                fix_metadata_version=False,
                encryption=protection.encryption() if protection else False,
                deterministic_id=protection is None,
            )
        if protection:
            self._warn("encrypted", f"The result is encrypted as {protection.name} was, and opens with its password.")
        return finished

    def _fitted(self, folder: Path, merged: Path, target_size: int) -> Path:
        """The result at ``target_size``, searched for from what is not compressed yet; or the smallest there is."""
        if self.options.optimize:
            self.images.clear()
            self.skipped_images.clear()
            plain = folder / "plain"
            plain.mkdir()
            whole = self._merged(plain, optimize=False)
        else:
            return merged
        fitted = folder / "fitted.pdf"
        password = self.protection.password if self.protection and not self.options.decrypt else None
        options = self.options.compression(password=SecretStr(password) if password else None)
        with self.watch.stage("compress"):
            report = compress(
                whole, fitted, options, limits=replace(self.limits, soft_seconds=max(1.0, self.deadline.left()))
            )
        self.images.update(seen=report.images.seen, changed=report.images.changed)
        self.skipped_images.update(report.images.skipped)
        self.warnings += [warning for warning in report.warnings if warning not in self.warnings]
        return min(merged, fitted, key=_size)

    # --- checking -----------------------------------------------------------------------------------------------

    def _check(self, ready: list[_Ready], result: Path) -> None:
        """Look at the result as a reader would: pages of every source, in text and pixels.

        Raises:
            _SourceFailed: a page is not what it was.
        """
        if self.options.verify == "off":
            return
        self.progress("verify", 90)
        with self.watch.stage("verify"):
            base = 0
            deadline = max(self.deadline.at, time.monotonic()) + VERIFY_GRACE_SECONDS
            for source in ready:
                places: Sequence[int] = range(len(source.picks))
                if self.options.verify == "sample":
                    places = sorted({*places[:1], *places[-1:]} if len(ready) <= FEW_SOURCES else places[-1:])
                pairs = [(source.picks[place], base + place) for place in places]
                found = compare_pages(source.path, result, pairs, passwords=(source.password, None), deadline=deadline)
                if found and source.damaged:
                    self._warn("repaired", f"{source.name} is damaged: other readers may have shown it differently.")
                elif found:
                    message = f"Merging went wrong, so there is no result. {found[0].message}"
                    raise _SourceFailed(source, EngineFailed(message))
                base += len(source.picks)

    # --- saying -------------------------------------------------------------------------------------------------

    def _warn(self, code: str, message: str) -> None:
        warning = ReportWarning(code=code, message=message)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _leave_out(self, index: int, error: PdfSmallerError, *, anything_left: bool) -> None:
        """Go on without a source where that is allowed. Raises ``error``, named, where it is not."""
        name = self.sources[index].name
        if self.options.on_error != "skip" or not anything_left:
            raise error.about(name) from error
        self.reports[index] = self.reports[index].model_copy(
            update={"pages": 0, "error": ReportWarning(code=error.code, message=error.message)}
        )
        self._warn("skipped", f"{name} was left out: {error.message}")


def _size(path: Path) -> int:
    return path.stat().st_size


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _give_memory_back() -> None:
    """What one document needed goes back to the system before the next: glibc would keep it in pieces."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
