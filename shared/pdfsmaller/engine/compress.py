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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pikepdf import Pdf

from pdfsmaller.engine import damage
from pdfsmaller.engine.analysis import analyse
from pdfsmaller.engine.audit import Kind, audit
from pdfsmaller.engine.build import STEPS, Builder, Step
from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.comparison import Comparison, Difference, reasons, summarize
from pdfsmaller.engine.disk import cannot_write
from pdfsmaller.engine.document import (
    check_header,
    is_signed,
    open_pdf,
    pdfa_part,
    working_password,
)
from pdfsmaller.engine.estimate.estimate import estimate
from pdfsmaller.engine.files import replace_file
from pdfsmaller.engine.images.effort import Tally
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import Found, externalize_inline_images
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.work import Coded, encode_images
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.memory import give_back, ran_out_of_memory
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.repair.filters import UnknownFilters, pages_showing
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.report import Audit, ComparisonSummary, FontCounts, ImageCounts, Outcome, Report, ReportWarning
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.schedule import Schedule, Work
from pdfsmaller.engine.stand_ins import digest
from pdfsmaller.engine.target_size import search
from pdfsmaller.engine.verify import Originals, compare, sample_pages
from pdfsmaller.engine.workers import WORKERS
from pdfsmaller.errors import PdfSmallerError, UnreadablePdf
from pdfsmaller.limits import Limits

logger = logging.getLogger(__name__)


# A search for a size codes the images about so many times.
_ROUNDS = 5
# Results that fail the comparison are built again with less, at most this often, before the source is handed back.
MAX_REBUILDS = 5
# The comparison may still run this long after the soft limit: an unproven result is worth nothing. So much of the time
# before it is kept for comparing, too, but at most this share: twelve ordinary pages take some three seconds.
VERIFY_GRACE_SECONDS = 20.0
VERIFY_SECONDS, VERIFY_SHARE = 10.0, 1 / 6
# Pages of more pixels of images than this may be compared without all of them (``stand_ins``).
AHEAD_PIXELS = 1_000_000
# Warnings of what was done to a document, which are not true of the original.
_OF_CHANGES = frozenset({"repaired", "signature_invalidated", "not_compared"})


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
    return _Run(source, target, options or CompressOptions(), limits or Limits(), progress).run()


def run(
    sources: Sequence[InputFile], folder: Path, options: CompressOptions, *, limits: Limits, progress: Progress
) -> Done[Report]:
    """``compress`` as an operation: of one source (``engine.results`` has the form)."""
    (source,) = sources
    if options.dry_run:
        return estimate(source, folder, options, limits=limits, progress=progress)
    target = folder / "out.pdf"
    report = compress(source.path, target, options, limits=limits, progress=progress)
    return Done(report, (ResultFile(target, f"{source.stem or 'document'}-smaller.pdf"),))


class _Run:
    """One call of ``compress``: holds what its steps share."""

    def __init__(
        self, source: Path, target: Path, options: CompressOptions, limits: Limits, progress: Progress | None
    ) -> None:
        self.original, self.target, self.options, self.limits = source, target, options, limits
        self.source = source  # what is read: the original, or its mended copy
        self.progress: Progress = progress or (lambda _stage, _percent, _pages=None: None)
        self.verify_deadline = Deadline(limits.soft_seconds + VERIFY_GRACE_SECONDS)
        reserved = min(VERIFY_SECONDS, VERIFY_SHARE * limits.soft_seconds) if options.verify != "off" else 0.0
        self.deadline = Deadline(limits.soft_seconds - reserved)
        self.schedule = Schedule()
        self.watch = Stopwatch(self._begins)
        self.warnings: list[ReportWarning] = []
        self.password = options.password
        self.pages = 0
        self.pages_done: int | None = None
        self.searching = False
        self.images_seen = 0
        self.changed = 0
        self.skipped: Counter[str] = Counter()
        self.fonts = FontCounts()
        self.damage: Counter[str] = Counter()
        self.comparison: ComparisonSummary | None = None
        self.brotli = False
        self.unknown = UnknownFilters(frozenset(), frozenset(), packed=False)
        self.not_shown: set[int] = set()  # pages that show what cannot be read
        self.before = Audit()
        self.originals: Originals | None = None
        self.after: Audit | None = None  # of the last result that was compared
        self.streams: Counter[Kind] = Counter()

    def run(self) -> Report:
        self.progress("open", 0)
        self.input_bytes = check_header(self.original)
        self.password = working_password(self.original, self.password, self.limits)
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
            finally:
                if self.originals is not None:
                    self.originals.stop()

    def _open(self, mended: Path) -> Pdf:
        """The document, from a mended copy if need be. Raises what ``open_pdf`` does."""
        opened = open_or_mend(self.original, mended, self.password, self.limits)
        self.source, self.brotli, self.unknown = opened.source, opened.brotli, opened.unknown
        self.not_shown = pages_showing(opened.pdf, self.unknown.streams)
        if self.unknown.names:
            self._warn(
                "unknown_filter",
                "Some of this PDF is stored in a way that is not known here, and stayed as it was: "
                f"{', '.join(sorted(self.unknown.names))}.",
            )
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
            layers=self.options.preset == "scan",
        )
        with self._open(folder / "mended.pdf") as pdf:
            with self.watch.stage("analyse"):
                self.pages = len(pdf.pages)
                self.before = audit(pdf, self.input_bytes, self.streams)
                if is_signed(pdf):
                    if not self.options.allow_signature_invalidation:
                        self._warn("signed", "The PDF is signed. It was left as it is: any change ends its signatures.")
                        return self._hand_back()
                    self._warn("signature_invalidated", "The PDF was signed; its signatures no longer hold.")
                if self.unknown.packed:
                    return self._hand_back()  # there are objects that nobody here has seen
                analysis = analyse(pdf, self.limits, self.deadline)
                found = analysis.found
                self.images_seen = len(found.images)
                builder = Builder(
                    source=self.source,
                    password=self.password,
                    options=self.options,
                    limits=self.limits,
                    deadline=self.deadline,
                    watch=self.watch,
                    analysis=analysis,
                    pdfa=pdfa_part(pdf),
                )
                self._expect(pdf, found, goal)
            self.originals = self._begin_rendering(found)
            coded = self._encoded(pdf, found, goal, builder, result)
        self.skipped = coded.skipped
        if coded.out_of_time or self.deadline.passed():
            self._warn("time_limit", "Time ran out: what was done by then is in the result.")
        kept = self._verified(builder, result, coded, found, goal)
        if kept is None:
            self._warn("verification_failed", "No smaller version was the same document: the original was kept.")
            return self._hand_back()
        size = result.stat().st_size
        if size >= self.input_bytes:
            return self._hand_back()
        if size > self.input_bytes * (1 - self.options.min_saving / 100):
            saved = 1 - size / self.input_bytes
            self._warn(
                "saving_too_small",
                f"Only {saved:.1%} could be saved, less than the {self.options.min_saving:g} % asked for: the original "
                "was kept.",
            )
            return self._hand_back()
        if builder.color_left or (goal.color_mode != "no-change" and self._colored_images(coded)):
            self._warn("color_mode_partial", "Some colour had to stay: it could not be turned gray with certainty.")
        self.changed = len(kept)
        self.fonts = builder.fonts.counts()
        return self._hand_out(result, size)

    def _begin_rendering(self, found: Found) -> Originals | None:
        """Have the pages that will be compared rendered meanwhile, where these renderings are sure to be of use."""
        pages = sample_pages(self.pages)
        pixels = sum(image.size[0] * image.size[1] for image in found.images.values())
        if self._mode == "full" or self.options.verify == "off" or WORKERS == 1 or pixels > AHEAD_PIXELS * len(pages):
            return None
        return Originals(self.source, self.password, pages, self.deadline.at)

    def _encoded(self, pdf: Pdf, found: Found, goal: Goal, builder: Builder, result: Path) -> Coded:
        """Code the images and write a first result with them, which may use ``pdf`` up."""

        def encode(wanted: Goal, share: Callable[[float], None]) -> Coded:
            def progress(tally: Tally) -> None:
                self.pages_done = max(self.pages_done or 0, self.pages - tally.pages_waiting)
                share(tally.share)

            with self.watch.stage("images"):
                return encode_images(pdf, found, wanted, self.limits, self.deadline, progress)

        def progress(share: float) -> None:
            self._tell("images", share)

        if self.options.target_size is not None:
            self.searching = True
            coded = search(builder, result, self.options.target_size, encode, goal, self.deadline, progress)
            self.searching = False
            return coded
        coded = encode(goal, progress)
        builder.build(result, coded.encoded, opened=pdf)
        return coded

    # --- telling how far it is ----------------------------------------------------------------------------------

    def _expect(self, pdf: Pdf, found: Found, goal: Goal) -> None:
        images = found.images.values()
        tally = Tally(pdf, images, goal)
        self.pages_done = self.pages - tally.pages_waiting
        work = Work(
            pages=self.pages,
            objects=len(pdf.objects),
            before=self.before,
            fonts=self.streams["fonts"],
            images_seconds=tally.expected_seconds * (_ROUNDS if self.options.target_size is not None else 1),
            megapixels=sum(image.size[0] * image.size[1] for image in images) / 1e6,
            everything=self.options.verify == "full",
        )
        self.schedule.expect(work)

    def _begins(self, stage: str) -> None:
        """A stage of the stopwatch begins. What a search tries, over and over, is one stage."""
        if self.searching and self.schedule.stage == "images":
            return
        self.schedule.begin(stage)
        self._tell(stage)

    def _tell(self, stage: str, share: float = 0.0) -> None:
        pages = (self.pages_done, self.pages) if self.pages_done is not None else None
        self.progress(stage, self.schedule.percent(share), pages)

    def _colored_images(self, coded: Coded) -> bool:
        """Whether images were left alone that may have colour."""
        return any(reason not in ("already_small", "tiny") for reason in coded.skipped)

    # --- comparing ----------------------------------------------------------------------------------------------

    def _verified(
        self, builder: Builder, result: Path, coded: Coded, found: Found, goal: Goal
    ) -> dict[ObjGen, Encoded] | None:
        """The images that stayed in ``result`` once it compares equal, or None if nothing does."""
        encoded = coded.encoded
        if self.options.verify == "off" or result.stat().st_size >= self.input_bytes:
            self.comparison = ComparisonSummary(mode="off")
            return encoded
        left_out: list[Step] = []
        unproven: set[int] = set()  # pages that could not be compared, and have lost nothing any more
        for attempt in range(MAX_REBUILDS + 1):
            with self.watch.stage("verify"):
                comparison = self._compare(result, goal, encoded)
            differences = comparison.differences
            unverified = _unverified_steps(comparison)
            if not differences and comparison.unproven <= unproven and unverified <= set(left_out):
                self._report_comparison(comparison)
                return encoded
            if attempt == MAX_REBUILDS:
                break
            # Images coded without loss are the last to be suspected.
            looks = {difference.page for difference in differences if difference.kind == "looks"}
            guilty = _images_on(found, encoded, looks) if goal.quality is not None else set()
            if not differences:
                unproven |= comparison.unproven
                encoded = self._without_loss_on(unproven, found, encoded)
                builder.fonts.leave_out(builder.fonts.changed_on(unproven))
                left_out = [step for step in STEPS if step in unverified.union(left_out)]
            elif guilty:
                how = "whole" if goal.layers else "without loss"
                self._warn("image_rolled_back", f"Images whose loss showed were coded {how}: {len(guilty)}.")
                encoded = {objgen: image for objgen, image in encoded.items() if objgen not in guilty}
                if attempt == 0:
                    encoded |= self._with_less_loss(found, guilty, goal)
                self._roll_back(len(guilty - encoded.keys()))
            elif "fonts" not in left_out and (fonts := builder.fonts.changed_on(_pages(differences))):
                self._warn("font_rolled_back", f"Fonts on pages that differed stayed as before: {len(fonts)}.")
                builder.fonts.leave_out(fonts)
            elif suspects := [step for step in STEPS if step not in left_out]:
                # What is gone from the structure, neither fonts nor content can have taken.
                seen = any(difference.kind in ("text", "looks") for difference in differences)
                step = suspects[0] if seen else suspects[-1]
                self._warn(f"{step}_kept", f"The {step} stayed as before: {differences[0].message}")
                left_out.append(step)
            elif encoded:
                self._roll_back(len(encoded))
                encoded = {}
                left_out = [step for step in STEPS if step in unverified]
            else:
                break
            builder.build(result, encoded, leave_out=left_out)
        return None

    def _roll_back(self, images: int) -> None:
        if images:
            self.skipped["rolled_back"] += images

    def _with_less_loss(self, found: Found, guilty: set[ObjGen], goal: Goal) -> dict[ObjGen, Encoded]:
        """The lossless codings of these images; of what may be layers, the ordinary ones."""
        with self.watch.stage("images"), open_pdf(self.source, self.password, self.limits) as pdf:
            externalize_inline_images(pdf, found.inline_pages)
            some = Found({objgen: found.images[objgen] for objgen in guilty})
            less = replace(goal, layers=False) if goal.layers else Goal(None, None, effort=self.options.effort)
            return encode_images(pdf, some, less, self.limits, self.deadline, lambda _share: None).encoded

    def _without_loss_on(self, pages: set[int], found: Found, encoded: dict[ObjGen, Encoded]) -> dict[ObjGen, Encoded]:
        """The images, those on these pages (or on nobody knows which) coded without loss or left as they were."""
        lossy = {objgen for objgen, image in encoded.items() if not image.exact}
        placeless = {objgen for objgen, image in found.images.items() if not image.pages}
        shown = (_images_on(found, encoded, pages) | placeless) & encoded.keys()
        if shown.isdisjoint(lossy):
            return encoded
        with_loss = {objgen for objgen in shown if objgen in lossy or objgen in _paired(found, lossy)}
        kept = {objgen: image for objgen, image in encoded.items() if objgen not in with_loss}
        kept |= self._with_less_loss(found, with_loss, Goal(None, None))
        self._roll_back(len(with_loss - kept.keys()))
        return kept

    def _report_comparison(self, comparison: Comparison) -> None:
        self.comparison = summarize(self._mode, [comparison])
        if self.comparison.skipped:
            self._warn(
                "not_compared",
                "Pages that could not be compared with the original lost nothing that could be seen: "
                f"{reasons(self.comparison.skipped)}.",
            )

    @property
    def _mode(self) -> Literal["sample", "full"]:
        return "full" if self.options.verify == "full" else "sample"

    def _compare(self, result: Path, goal: Goal, encoded: Mapping[ObjGen, Encoded]) -> Comparison:
        give_back()  # what writing needed: rendering comes from a heap of its own

        def opened(pdf: Pdf) -> None:
            self.after = audit(pdf, result.stat().st_size)

        self.after = None
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
                originals=self.originals,
                opened=opened,
                proven={objgen: digest(image.data) for objgen, image in encoded.items() if image.proven},
            )
        if self.options.strip_metadata:
            comparison.differences = [found for found in comparison.differences if found.kind != "metadata"]
        return comparison

    # --- handing out --------------------------------------------------------------------------------------------

    def _codes(self) -> set[str]:
        return {warning.code for warning in self.warnings}

    def _warn(self, code: str, message: str) -> None:
        self.warnings.append(ReportWarning(code=code, message=message))

    def _hand_back(self) -> Report:
        """The original itself is the result."""
        if not (self.target.exists() and self.target.samefile(self.original)):
            replace_file(self.original, self.target)
        self.warnings = [warning for warning in self.warnings if warning.code not in _OF_CHANGES]
        self.changed = 0
        self.comparison = None
        self.fonts = replace(self.fonts, changed=0)
        if self.brotli:
            self._warn(
                "brotli_kept",
                "Some of this PDF is compressed with Brotli, which many readers cannot open yet. With Flate instead it "
                "would have been larger.",
            )
        wanted = self.options.color_mode not in (None, "no-change") or self.options.strip_metadata
        if wanted and not self._codes():
            self._warn("options_not_applied", "The result would have been larger than the original, which was kept.")
        return self._report(self.input_bytes, "unchanged", self.before)

    def _hand_out(self, result: Path, size: int) -> Report:
        after = self.after
        if after is None:
            try:
                with open_pdf(result, self.password, self.limits) as pdf:
                    after = audit(pdf, size)
            except UnreadablePdf:
                self._warn("verification_failed", "The result could not be opened: the original was kept.")
                return self._hand_back()
        replace_file(result, self.target)
        if self.brotli:
            self._warn("brotli_replaced", "What was compressed with Brotli is Flate now, which every reader can open.")
        return self._report(size, "compressed", after)

    def _report(self, size: int, outcome: Outcome, after: Audit) -> Report:
        self.progress("done", 100)
        if self.options.target_size is not None and size > self.options.target_size and "signed" not in self._codes():
            outcome = "target_not_met"
        return Report(
            input_bytes=self.input_bytes,
            output_bytes=size,
            outcome=outcome,
            pages=self.pages,
            before=self.before,
            after=after,
            images=ImageCounts(seen=self.images_seen, changed=self.changed, skipped=dict(sorted(self.skipped.items()))),
            fonts=self.fonts,
            comparison=self.comparison,
            damage=dict(sorted(self.damage.items())),
            warnings=self.warnings,
            seconds=self.watch.seconds(),
        )


def _floor(goal: Goal, *, searching: bool) -> float:
    """The lowest similarity of a rendered page, by how much was allowed to be lost."""
    if goal.quality is None:
        return 1.0
    if searching or goal.quality < 40:
        return 0.5
    dpi = goal.dpi or 300
    return 0.93 if dpi >= 250 else 0.85 if dpi >= 120 else 0.7


def _unverified_steps(comparison: Comparison) -> set[Step]:
    """The steps that might take away something that was not looked at."""
    if comparison.unproven:
        return {"content", "structure"}
    return {"structure"} if "unreadable" in comparison.structure_skipped.values() else set()


def _pages(differences: list[Difference]) -> set[int]:
    """The pages whose text or looks differ."""
    return {diff.page for diff in differences if diff.kind in ("text", "looks") and diff.page is not None}


def _images_on(found: Found, encoded: Mapping[ObjGen, Encoded], pages: Collection[int | None]) -> set[ObjGen]:
    """The changed images shown on these pages."""
    shown = {
        objgen for objgen in encoded if objgen in found.images and not found.images[objgen].pages.isdisjoint(pages)
    }
    return shown | (_paired(found, shown) & encoded.keys())


def _paired(found: Found, images: set[ObjGen]) -> set[ObjGen]:
    """What can only change together with these: a matted image's mask, or a mask's image."""
    return {one for pair in found.matted if not images.isdisjoint(pair) for one in pair}
