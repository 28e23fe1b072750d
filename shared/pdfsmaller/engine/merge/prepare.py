"""What a source goes through before it is copied: opened, its pages picked, compressed."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.document import check_header
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.assembly import assemble
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.merge.protection import Protection, joined
from pdfsmaller.engine.merge.ranges import select
from pdfsmaller.engine.merge.source import Ready, SourceFailed, Warn, open_source
from pdfsmaller.engine.repair.filters import pages_showing
from pdfsmaller.engine.report import ImageCounts, Report
from pdfsmaller.engine.results import Progress
from pdfsmaller.limits import Limits

# Warnings of compression that merging says itself, or that mean nothing here.
_SAID_HERE = ("signature_invalidated", "repaired", "options_not_applied", "unknown_filter")
# A source gets at least so much time, in seconds.
_LEAST_SECONDS = 1.0


class Preparation:
    """Prepares the sources of one result.

    Attributes:
        protection: what the result keeps of the encryption of the sources so far.
    """

    def __init__(
        self,
        folder: Path,
        options: MergeOptions,
        limits: Limits,
        deadline: Deadline,
        watch: Stopwatch,
        warn: Warn,
    ) -> None:
        self._folder, self._options, self._limits = folder, options, limits
        self._deadline, self._watch, self._warn = deadline, watch, warn
        given = options.password or ""
        self._passwords = [line for line in given.splitlines() if line]
        self._seen = self._changed = 0
        self._skipped = Counter[str]()
        #: What became of a file and the choice of its pages, for when they come again.
        self._smaller: dict[tuple[bytes, tuple[int, ...]], Ready] = {}
        self.protection: Protection | None = None

    @property
    def images(self) -> ImageCounts:
        """The images of all sources that were compressed."""
        return ImageCounts(seen=self._seen, changed=self._changed, skipped=dict(sorted(self._skipped.items())))

    def prepare(self, index: int, source: InputFile, share: float, progress: Progress) -> Ready:
        """Open a source, pick its pages, compress it where asked.

        Args:
            share: of the time left, how much may go to this source (0-1).
            progress: called with a stage's name and 0-100 of this source.

        Raises:
            PdfSmallerError: what is wrong with it; the message does not name it yet.
        """
        progress("prepare", 0)
        check_header(source.path)
        opened, password = open_source(source.path, self._folder, self._passwords, self._limits)
        path = source.path
        with opened.pdf as pdf:
            not_shown = frozenset(pages_showing(pdf, opened.unknown.streams))
            count = len(pdf.pages)
            damaged = opened.damaged or bool(pdf.get_warnings())
            ranges = self._options.pages[index] if self._options.pages else ""
            picks = select(ranges, count, "The document", self._limits.max_pages)
            protection = joined(self.protection, pdf, password, source.name) if pdf.is_encrypted else self.protection
        if opened.source != source.path:
            path = opened.source.rename(self._folder / f"{index}-mended.pdf")
        ready = Ready(index, source.name, path, password, picks, damaged, not_shown)
        if self._options.optimize:
            ready = self._optimized(ready, count, share, progress)
        if opened.unknown.names:
            names = ", ".join(sorted(opened.unknown.names))
            self._warn("unknown_filter", f"{source.name} is stored in part in a way that is not known here: {names}.")
        if opened.repaired:
            self._warn("repaired", f"{source.name} was damaged and was repaired. Compare the result with the original.")
        self.protection = protection
        return ready

    def _optimized(self, source: Ready, count: int, share: float, progress: Progress) -> Ready:
        if self._deadline.passed():
            self._warn("time_limit", "Time ran out: the last inputs were merged without being compressed.")
            return source
        with source.path.open("rb") as file:
            alike = (hashlib.file_digest(file, "sha256").digest(), tuple(source.picks))
        if alike in self._smaller:
            return replace(self._smaller[alike], index=source.index, name=source.name)
        if len(set(source.picks)) < count:
            source = self._extracted(source)
        with self._watch.stage("compress"):
            source = self._compressed(source, share, progress)
        self._smaller[alike] = source
        return source

    def _extracted(self, source: Ready) -> Ready:
        """The pages wanted as a document of their own, so that the others need not be compressed."""
        distinct = list(dict.fromkeys(source.picks))
        places = {page: place for place, page in enumerate(distinct)}
        extract = self._folder / f"{source.index}-pages.pdf"
        plain = replace(self._options, outline="joined", strip_metadata=False)
        try:
            assemble([replace(source, picks=distinct)], extract, plain, self._limits, self._warn)
        except SourceFailed as failed:
            raise failed.error from failed
        return replace(
            source,
            path=extract,
            password=None,
            picks=[places[page] for page in source.picks],
            not_shown=frozenset(places[page] for page in source.not_shown if page in places),
        )

    def _compressed(self, source: Ready, share: float, progress: Progress) -> Ready:
        """The source made smaller."""
        smaller = self._folder / f"{source.index}-smaller.pdf"
        limits = replace(self._limits, soft_seconds=max(_LEAST_SECONDS, self._deadline.left() * min(1.0, share)))
        options = self._options.compression(
            password=source.password or None,
            allow_signature_invalidation=True,
            # These are for the result as a whole.
            target_size=None,
            strip_metadata=False,
            linearize=False,
        )
        self._count(compress(source.path, smaller, options, limits=limits, progress=progress), source.name)
        return replace(source, path=smaller)

    def _count(self, report: Report, name: str) -> None:
        self._seen += report.images.seen
        self._changed += report.images.changed
        self._skipped.update(report.images.skipped)
        for warning in report.warnings:
            if warning.code not in _SAID_HERE:
                self._warn(warning.code, f"{name}: {warning.message}")
