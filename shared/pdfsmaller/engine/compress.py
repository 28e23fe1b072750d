"""``compress``: a PDF in, a smaller PDF that is still the same document out, and a report of what was done.

Guarantees, for every input:

- the result opens and has the same pages, text, links, outline, destinations, fields, tags, language, labels,
  attachments, layers and metadata (unless ``strip_metadata``);
- no file grows: where nothing is won the target is the source, byte for byte, and the report says ``unchanged``;
- a signed file is not altered unless ``allow_signature_invalidation``; PDF/A stays PDF/A; an encrypted file stays
  encrypted with the same permissions;
- the result is compared with the source before it is handed out (``verify``); what fails is taken back, and so is what
  lies on pages that could not be compared, but for images coded without loss. The report says what was compared.

Errors are those of ``pdfsmaller.errors``: EmptyFile, NotAPdf, UnreadablePdf, PasswordRequired, WrongPassword,
UnsupportedEncryption, LimitExceeded. Memory is bounded by the images in flight, but only a process with RLIMIT_AS is
safe from hostile files: see ``pdfsmaller.engine.child``.
"""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pikepdf import Pdf

from pdfsmaller.engine import damage
from pdfsmaller.engine.analysis import analyse
from pdfsmaller.engine.attempt import Attempt, Built
from pdfsmaller.engine.audit import Kind, audit
from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.comparison import Comparison, reasons, summarize
from pdfsmaller.engine.deflate import ZOPFLI_BYTES_PER_SECOND
from pdfsmaller.engine.disk import cannot_write
from pdfsmaller.engine.document import (
    check_header,
    has_usage_rights,
    is_signed,
    open_pdf,
    pdfa_part,
    working_password,
)
from pdfsmaller.engine.files import replace_file
from pdfsmaller.engine.images.effort import Tally, may_stay
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import Found
from pdfsmaller.engine.images.goal import Goal, layering
from pdfsmaller.engine.images.work import Coded, encode_images
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import give_back, ran_out_of_memory
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.render.second_process import Originals
from pdfsmaller.engine.repair.filters import UnknownFilters, pages_showing
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.report import Audit, ComparisonSummary, FontCounts, ImageCounts, Outcome, Report
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.rollback import Rollback, holds
from pdfsmaller.engine.run import begin
from pdfsmaller.engine.schedule import Telling, Work
from pdfsmaller.engine.stand_ins import digest
from pdfsmaller.engine.structure.tidy import StructureCache
from pdfsmaller.engine.verify import compare, sample_pages
from pdfsmaller.errors import PdfSmallerError, UnreadablePdf
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

logger = logging.getLogger(__name__)


# A search for a size codes the images about so many times.
_ROUNDS = 5
# Results that fail the comparison are built again with less, at most this often, before the source is handed back.
MAX_REBUILDS = 5
# The comparison may still run this long after the soft limit: an unproven result is worth nothing. So much of the time
# before it is kept for comparing, too, but at most this share: twelve ordinary pages take some three seconds.
VERIFY_GRACE_SECONDS = 20.0
VERIFY_SECONDS, VERIFY_SHARE = 10.0, 1 / 6
# Pages of more pixels of images than this that may stay as they are may be compared without these (``stand_ins``).
AHEAD_PIXELS = 1_000_000
# Warnings of what was done to a document, which are not true of the original.
_OF_CHANGES = frozenset({"repaired", "signature_invalidated", "usage_rights_dropped", "not_compared"})


def compress(
    source: Path,
    target: Path,
    options: CompressOptions | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the smallest faithful version of ``source`` to ``target``.

    Args:
        source: a PDF. It is only read; it may be the same path as ``target``.
        target: overwritten in one step, and only when the result is complete.
        options: what may change; default: 144 dpi, quality 75.
        limits: what the document may cost.
        progress: called with a stage's name and a percentage from 0 to 100 of the whole.

    Raises:
        PdfSmallerError: one of the errors named in the module's text. The target is then untouched.
    """
    return _Compression(source, target, options or CompressOptions(), limits or Limits(), progress).run()


def run(
    sources: Sequence[InputFile], folder: Path, options: CompressOptions, *, limits: Limits, progress: Progress
) -> Done[Report]:
    """``compress`` as an operation: of one source (``engine.results`` has the form)."""
    (source,) = sources
    if options.dry_run:
        from pdfsmaller.engine.estimate.estimate import estimate

        return estimate(source, folder, options, limits=limits, progress=progress)
    target = folder / "out.pdf"
    report = compress(source.path, target, options, limits=limits, progress=progress)
    return Done(report, (ResultFile(target, f"{source.stem or 'document'}-smaller.pdf"),))


class _Compression:
    """One call of ``compress``: what its steps share, and what is known of the document.

    Attributes:
        source: what is read: the original, or its mended copy.
        not_shown: pages that show what cannot be read.
    """

    def __init__(
        self, original: Path, target: Path, options: CompressOptions, limits: Limits, progress: Progress | None
    ) -> None:
        reserved = min(VERIFY_SECONDS, VERIFY_SHARE * limits.soft_seconds) if options.verify != "off" else 0.0
        self.verify_deadline = Deadline(limits.soft_seconds + VERIFY_GRACE_SECONDS)
        self.context = begin(options, limits, progress, reserved=reserved, begins=lambda stage: self.told.begin(stage))
        self.told = Telling(self.context.progress)
        self.original, self.target, self.options = original, target, options
        self.source = original
        self.password = options.password
        self.input_bytes = 0
        self.pages = self.images = 0
        self.brotli = self.repaired = False
        self.unknown = UnknownFilters(frozenset(), frozenset(), packed=False)
        self.not_shown: set[int] = set()
        self.before = Audit()
        self.streams: Counter[Kind] = Counter()
        self.damage: Counter[str] = Counter()
        self.originals: Originals | None = None

    def run(self) -> Report:
        self.context.progress("open", 0)
        self.input_bytes = check_header(self.original)
        self.password = working_password(self.original, self.password, self.context.limits)
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as folder, damage.counted() as self.damage:
            try:
                return self._run(Path(folder))
            except Exception as exc:
                typed = isinstance(exc, PdfSmallerError | MemoryError | RecursionError)
                if typed or ran_out_of_memory(exc) or cannot_write(exc) or damage.comes_through(exc):
                    raise
                # Real files hold what no specification foresees. Whoever sent this one gets it back as it was.
                logger.exception("left alone")
                self._warn(
                    "left_alone", "The engine met something in this PDF that it does not know: it was left as it is."
                )
                return self._hand_back()

    def _open(self, mended: Path) -> Pdf:
        """The document, from a mended copy if need be. Raises what ``open_pdf`` does."""
        opened = open_or_mend(self.original, mended, self.password, self.context.limits)
        self.source, self.brotli, self.unknown = opened.source, opened.brotli, opened.unknown
        self.not_shown = pages_showing(opened.pdf, self.unknown.streams)
        if self.unknown.names:
            self._warn(
                "unknown_filter",
                "Some of this PDF is stored in a way that is not known here, and stayed as it was: "
                f"{', '.join(sorted(self.unknown.names))}.",
            )
        self.repaired = opened.repaired
        if opened.repaired:
            self._warn("repaired", "The PDF was damaged and was repaired. Compare the result with the original.")
        return opened.pdf

    def _run(self, folder: Path) -> Report:
        result = folder / "result.pdf"
        goal = Goal(
            self.options.effective_dpi,
            self.options.effective_quality,
            self.options.color_mode or "no-change",
            self.options.effort,
            exact_dpi=self.options.dpi is not None,
            layers=layering(self.options.preset, self.options.effort),
            bilevel=self.options.bilevel,
        )
        with self._open(folder / "mended.pdf") as pdf:
            builder = self._analysed(pdf, goal)
            if builder is None:
                return self._hand_back()
            self._draw_all(pdf, builder.analysis.found, goal)
            coded, built = self._built(pdf, goal, builder, result)
        if coded.out_of_time or self.context.deadline.passed():
            self._warn("time_limit", "Time ran out: what was done by then is in the result.")
        tried = _Tried(Attempt(coded.encoded), built)
        proven = self._prove(tried, builder, goal, result)
        skipped = coded.skipped + Counter(rolled_back=tried.attempt.rolled_back)
        if not proven:
            self._warn("verification_failed", "No smaller version was the same document: the original was kept.")
            return self._hand_back(skipped)
        size = tried.built.size
        if size >= self.input_bytes:
            return self._hand_back(skipped)
        if size > self.input_bytes * (1 - self.options.min_saving / 100):
            saved = 1 - size / self.input_bytes
            self._warn(
                "saving_too_small",
                f"Only {saved:.1%} could be saved, less than the {self.options.min_saving:g} % asked for: the original "
                "was kept.",
            )
            return self._hand_back(skipped)
        if tried.built.color_left or (goal.color_mode != "no-change" and _may_have_color(skipped)):
            self._warn("color_mode_partial", "Some colour had to stay: it could not be turned gray with certainty.")
        return self._hand_out(result, tried, skipped, builder.fonts.counts(tried.attempt.kept_fonts))

    def _analysed(self, pdf: Pdf, goal: Goal) -> Builder | None:
        """What makes results of the document, or None where it is to stay as it is."""
        context = self.context
        with context.watch.stage("analyse"):
            self.pages = len(pdf.pages)
            self.before = audit(pdf, self.input_bytes, self.streams)
            if is_signed(pdf):
                if not self.options.allow_signature_invalidation:
                    self._warn("signed", "The PDF is signed. It was left as it is: any change ends its signatures.")
                    return None
                self._warn("signature_invalidated", "The PDF was signed; its signatures no longer hold.")
            if has_usage_rights(pdf):
                self._warn(
                    "usage_rights_dropped",
                    "The PDF had usage rights for Adobe Reader, which hold for the original only: they were taken out.",
                )
            if self.unknown.packed:
                return None  # there are objects that nobody here has seen
            analysis = analyse(pdf, context.limits, context.deadline)
            self.images = len(analysis.found.images)
            seconds = self._expect(pdf, analysis.found, goal)
            return Builder(
                source=self.source,
                password=self.password,
                options=self.options,
                limits=context.limits,
                deadline=context.deadline,
                watch=context.watch,
                analysis=analysis,
                pdfa=pdfa_part(pdf),
                cache=StructureCache(zopfli_bytes=round(seconds * ZOPFLI_BYTES_PER_SECOND)),
            )

    def _expect(self, pdf: Pdf, found: Found, goal: Goal) -> float:
        """Say what there is to be done: how many seconds that is expected to take."""
        images = found.images.values()
        tally = Tally(pdf, images, goal)
        work = Work(
            pages=self.pages,
            objects=len(pdf.objects),
            before=self.before,
            fonts=self.streams["fonts"],
            images_seconds=tally.expected_seconds * (_ROUNDS if self.options.target_size is not None else 1),
            megapixels=sum(image.size[0] * image.size[1] for image in images) / 1e6,
            everything=self.options.verify == "full",
        )
        self.told.expect(work, tally.pages_waiting)
        return sum(work.expected().values())

    def _draw_all(self, pdf: Pdf, found: Found, goal: Goal) -> None:
        """Have the pages that will be compared drawn meanwhile, where these pictures are sure to be of use."""
        pages = sample_pages(self.pages)
        staying = [image.size for image in found.images.values() if may_stay(pdf, image, goal)]
        if self._draws_ahead and sum(width * height for width, height in staying) <= AHEAD_PIXELS * len(pages):
            self.originals = Originals(self.source, self.password, pages)

    def _draw_changed(self, found: Found, encoded: Mapping[ObjGen, Encoded]) -> None:
        """Have those pages drawn that show a picture which is not proven to be the same, or none."""
        if self._draws_ahead and self.originals is None:
            unsure = {objgen for objgen, image in encoded.items() if not image.proven}
            illustrated = {page for image in found.images.values() for page in image.pages}
            changed = {page for objgen in unsure & found.images.keys() for page in found.images[objgen].pages}
            drawn = [page for page in sample_pages(self.pages) if page in changed or page not in illustrated]
            self.originals = Originals(self.source, self.password, drawn)

    @property
    def _draws_ahead(self) -> bool:
        return self._mode == "sample" and self.options.verify != "off"

    def _built(self, pdf: Pdf, goal: Goal, builder: Builder, result: Path) -> tuple[Coded, Built]:
        """Code the images and write a first result with them, which may use ``pdf`` up."""
        context = self.context

        def encode(wanted: Goal, share: Callable[[float], None]) -> Coded:
            def progress(tally: Tally) -> None:
                self.told.finish_pages(self.pages, tally.pages_waiting)
                share(tally.share)

            found = builder.analysis.found
            with context.watch.stage("images"):
                return encode_images(pdf, found, wanted, context.limits, context.deadline, progress)

        def progress(share: float) -> None:
            self.told.tell("images", share)

        wanted = self.options.target_size
        if wanted is None:
            coded = encode(goal, progress)
            self._draw_changed(builder.analysis.found, coded.encoded)
            return coded, builder.build(result, Attempt(coded.encoded), opened=pdf)
        from pdfsmaller.engine.target_size import search

        self.told.searching = True
        found = search(builder, result, wanted, encode, goal, context.deadline, progress)
        self.told.searching = False
        return found

    # --- comparing ----------------------------------------------------------------------------------------------

    def _prove(self, tried: _Tried, builder: Builder, goal: Goal, result: Path) -> bool:
        """Compare what was tried, and take back until it compares equal: whether it does in the end."""
        if self.options.verify == "off" or tried.built.size >= self.input_bytes:
            tried.comparison = ComparisonSummary(mode="off")
            return True
        rollback = Rollback(builder, goal, self._warn)
        for rebuilds in range(MAX_REBUILDS + 1):
            with self.context.watch.stage("verify"):
                comparison = self._compare(tried, result, goal)
            if holds(tried.attempt, comparison):
                tried.comparison = self._summary(comparison)
                return True
            if rebuilds == MAX_REBUILDS:
                break
            following = rollback.after(tried.attempt, comparison, first=rebuilds == 0)
            if following is None:
                break
            tried.attempt, tried.built = following, builder.build(result, following)
        return False

    def _summary(self, comparison: Comparison) -> ComparisonSummary:
        summary = summarize(self._mode, [comparison])
        if summary.skipped:
            self._warn(
                "not_compared",
                "Pages that could not be compared with the original lost nothing that could be seen: "
                f"{reasons(summary.skipped)}.",
            )
        return summary

    @property
    def _mode(self) -> Literal["sample", "full"]:
        return "full" if self.options.verify == "full" else "sample"

    def _compare(self, tried: _Tried, result: Path, goal: Goal) -> Comparison:
        give_back()  # what writing needed: rendering comes from a heap of its own

        def opened(pdf: Pdf) -> None:
            tried.after = audit(pdf, tried.built.size)

        tried.after = None
        images = tried.attempt.images
        originals, self.originals = self.originals, None  # they are given once
        with damage.counted():  # a comparison has its own account of what it could not read
            comparison = compare(
                self.source,
                result,
                mode=self._mode,
                password=self.password,
                min_similarity=_floor(goal, searching=self.options.target_size is not None),
                color_mode=self.options.color_mode,
                deadline=self.verify_deadline.at,
                not_shown=self.not_shown,
                repaired=self.repaired,
                originals=originals,
                opened=opened,
                proven={objgen: digest(image.data) for objgen, image in images.items() if image.proven},
            )
        if self.options.strip_metadata:
            comparison.differences = [found for found in comparison.differences if found.kind != "metadata"]
        return comparison

    # --- handing out --------------------------------------------------------------------------------------------

    def _warn(self, code: str, message: str) -> None:
        self.context.warn(code, message)

    def _hand_back(self, skipped: Counter[str] | None = None) -> Report:
        """The original itself is the result.

        Args:
            skipped: images that were left alone, by reason.
        """
        if not (self.target.exists() and self.target.samefile(self.original)):
            replace_file(self.original, self.target)
        context = self.context
        context.warnings = [warning for warning in context.warnings if warning.code not in _OF_CHANGES]
        if self.brotli:
            self._warn(
                "brotli_kept",
                "Some of this PDF is compressed with Brotli, which many readers cannot open yet. With Flate instead it "
                "would have been larger.",
            )
        wanted = self.options.color_mode not in (None, "no-change") or self.options.strip_metadata
        if wanted and not context.warnings:
            self._warn("options_not_applied", "The result would have been larger than the original, which was kept.")
        return self._report(self.input_bytes, "unchanged", self.before, skipped=skipped)

    def _hand_out(self, result: Path, tried: _Tried, skipped: Counter[str], fonts: FontCounts) -> Report:
        """The last that was tried is the result."""
        after, size = tried.after, tried.built.size
        if after is None:
            try:
                with open_pdf(result, self.password, self.context.limits) as pdf:
                    after = audit(pdf, size)
            except UnreadablePdf:
                self._warn("verification_failed", "The result could not be opened: the original was kept.")
                return self._hand_back(skipped)
        replace_file(result, self.target)
        if self.brotli:
            self._warn("brotli_replaced", "What was compressed with Brotli is Flate now, which every reader can open.")
        return self._report(size, "compressed", after, tried=tried, skipped=skipped, fonts=fonts)

    def _report(
        self,
        size: int,
        outcome: Outcome,
        after: Audit,
        *,
        tried: _Tried | None = None,
        skipped: Counter[str] | None = None,
        fonts: FontCounts | None = None,
    ) -> Report:
        context, wanted = self.context, self.options.target_size
        context.progress("done", 100)
        if wanted is not None and size > wanted and "signed" not in context.warned_of():
            outcome = "target_not_met"
        changed = len(tried.attempt.images) if tried is not None else 0
        left_alone = {reason: count for reason, count in sorted((skipped or Counter()).items()) if count}
        return Report(
            input_bytes=self.input_bytes,
            output_bytes=size,
            outcome=outcome,
            pages=self.pages,
            before=self.before,
            after=after,
            images=ImageCounts(seen=self.images, changed=changed, skipped=left_alone),
            fonts=fonts or FontCounts(),
            comparison=tried.comparison if tried is not None else None,
            damage=dict(sorted(self.damage.items())),
            warnings=context.warnings,
            seconds=context.watch.seconds(),
        )


@record()
class _Tried:
    """The last attempt, and what came of it.

    Attributes:
        comparison: with the original, once it holds.
        after: where its bytes are, as far as that is known.
    """

    attempt: Attempt
    built: Built
    comparison: ComparisonSummary | None = None
    after: Audit | None = None


def _may_have_color(skipped: Counter[str]) -> bool:
    """Whether images were left alone that may have colour."""
    return any(count and reason not in ("already_small", "tiny") for reason, count in skipped.items())


def _floor(goal: Goal, *, searching: bool) -> float:
    """The lowest similarity of a rendered page, by how much was allowed to be lost."""
    if goal.quality is None:
        return 1.0
    if searching or goal.quality < 40:
        return 0.5
    dpi = goal.dpi or 300
    return 0.93 if dpi >= 250 else 0.85 if dpi >= 120 else 0.7
