"""``compress`` with ``dry_run``: a PDF in, no PDF out but a report of where its bytes are and what presets would give.

The document is opened and analysed as for a real run, and built twice with its images as they are, with loss and
without, which shows what fonts, content and structure would take. Images are looked at in part (``images``). Nothing is
compared, since nothing is handed out: a real run may take back what shows, and then be larger. ``benchmarks/dry_run``
measures how far estimates are off.

Errors are those of ``compress``.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pikepdf
from pikepdf import Pdf, Stream

from pdfsmaller.engine import damage
from pdfsmaller.engine.analysis import Analysis, analyse
from pdfsmaller.engine.attempt import Attempt
from pdfsmaller.engine.audit import Kind, audit
from pdfsmaller.engine.build import Builder
from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.content.rewrite import ContentCache
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import check_header, is_signed, pdfa_part, working_password
from pdfsmaller.engine.estimate.images import image_bytes
from pdfsmaller.engine.images.effort import Tally
from pdfsmaller.engine.images.find import Found
from pdfsmaller.engine.images.goal import Goal, layering
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import PRESETS, CompressOptions, Preset
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.report import Audit, ImageCounts, PresetEstimate, Report, ReportWarning
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.schedule import Work
from pdfsmaller.engine.structure.tidy import StructureCache
from pdfsmaller.limits import Limits
from pdfsmaller.media import JSON

#: An estimate is for people who wait: what is not looked at by then is taken to be like the rest. At most so much of
#: the time is for all that is no image.
SECONDS, BUILD_SHARE = 20.0, 0.4
#: The name of the goal that the options themselves ask for.
_ASKED = ""


def estimate(
    source: InputFile, folder: Path, options: CompressOptions, *, limits: Limits, progress: Progress
) -> Done[Report]:
    """Estimate what ``compress`` would give with these options, and with each preset in place of theirs.

    Args:
        folder: the report is written into it.

    Raises:
        PdfSmallerError: one of the errors of ``compress``.
    """
    watch = Stopwatch()
    size = check_header(source.path)
    given = options.password
    password = working_password(source.path, given, limits)
    deadline = Deadline(min(SECONDS, limits.soft_seconds))
    warnings: list[ReportWarning] = []
    streams: Counter[Kind] = Counter()
    with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as between, damage.counted() as damaged:
        opened = open_or_mend(source.path, Path(between, "mended.pdf"), password, limits)
        with opened.pdf as pdf:
            progress("analyse", 2)
            with watch.stage("analyse"):
                pages, before = len(pdf.pages), audit(pdf, size, streams)
            expected = dict.fromkeys([_ASKED, *(preset for preset in PRESETS if preset)], size)
            seen, seconds = 0, 0.0
            if is_signed(pdf) and not options.allow_signature_invalidation:
                message = "The PDF is signed. It would be left as it is: any change ends its signatures."
                warnings.append(ReportWarning(code="signed", message=message))
            elif not opened.unknown.packed:
                with watch.stage("analyse"):
                    analysis = analyse(pdf, limits, deadline)
                found = analysis.found
                seen, seconds = len(found.images), _seconds(pdf, found, options, pages, before, streams["fonts"])
                _look(pdf, analysis, opened.source, password, options, limits, deadline, watch, progress, expected)
    if deadline.passed():
        message = "Time ran out: more of this is a guess than usual."
        warnings.append(ReportWarning(code="time_limit", message=message))
    least = size * (1 - options.min_saving / 100)
    sizes = {name: size if bytes_ >= size or bytes_ > least else bytes_ for name, bytes_ in expected.items()}
    report = Report(
        input_bytes=size,
        output_bytes=sizes.pop(_ASKED),
        outcome="dry_run",
        dry_run=True,
        presets=[_of(preset, sizes[preset], size) for preset in PRESETS if preset],
        expected_seconds=round(seconds, 2),
        pages=pages,
        before=before,
        after=Audit(),
        images=ImageCounts(seen=seen),
        damage=dict(sorted(damaged.items())),
        warnings=warnings,
        seconds=watch.seconds(),
    )
    target = folder / "estimate.json"
    target.write_text(json.dumps(report.to_json(), indent=2), encoding="utf-8")
    progress("done", 100)
    return Done(report, (ResultFile(target, f"{source.stem or 'document'}-estimate.json", JSON),))


def _seconds(pdf: Pdf, found: Found, options: CompressOptions, pages: int, before: Audit, fonts: int) -> float:
    """What a real run is expected to take."""
    images = found.images.values()
    work = Work(
        pages=pages,
        objects=len(pdf.objects),
        before=before,
        fonts=fonts,
        images_seconds=Tally(pdf, images, _goal(options, None)).expected_seconds,
        megapixels=sum(image.size[0] * image.size[1] for image in images) / 1e6,
        everything=options.verify == "full",
    )
    return sum(work.expected().values())


def _look(
    pdf: Pdf,
    analysis: Analysis,
    path: Path,
    password: str | None,
    options: CompressOptions,
    limits: Limits,
    deadline: Deadline,
    watch: Stopwatch,
    progress: Progress,
    expected: dict[str, int],
) -> None:
    """Put what is expected into ``expected``, by goal."""
    progress("write", 10)
    builder = Builder(
        source=path,
        password=password,
        options=options if options.effective_quality is not None else _with(options, "ebook"),
        limits=limits,
        deadline=Deadline(BUILD_SHARE * deadline.left()),
        watch=watch,
        analysis=analysis,
        pdfa=pdfa_part(pdf),
    )
    rest, there = _built(builder)
    # Numbers and colour profiles are kept where no pixel may change.
    exact = replace(builder, options=_with(options, "lossless"), cache=StructureCache(), content=ContentCache())
    exact_rest, _ = _built(exact)
    goals = {preset: _goal(options, preset) for preset in PRESETS if preset} | {_ASKED: _goal(options, None)}

    def share(done: float) -> None:
        progress("images", 30 + round(65 * done))

    with watch.stage("images"):
        images = image_bytes(pdf, analysis.found, path.stat().st_size, goals, limits, deadline, share)
    for name, wanted in images.expected.items():
        # Images that stay are packed by a build as well as can be.
        expected[name] = (exact_rest if goals[name].quality is None else rest) + min(wanted, there)


def _with(options: CompressOptions, preset: Preset) -> CompressOptions:
    """The options with a preset in place of what they say of images."""
    return replace(options, preset=preset, dpi=None, image_quality=None, color_mode=None)


def _built(builder: Builder) -> tuple[int, int]:
    """What a document takes once its images alone stay as they are: all that is no image, and its images."""
    with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as folder:
        built = Path(folder, "built.pdf")
        whole = builder.build(built, Attempt()).size
        with pikepdf.open(built, password=builder.password or "") as result:
            images = _bytes_of_images(result)
    return whole - images, images


def _goal(options: CompressOptions, preset: Preset | None) -> Goal:
    """What is asked of images by the options, or by them with another preset instead of theirs."""
    color_mode = options.color_mode or "no-change"
    if preset is None:
        dpi, quality, named = options.effective_dpi, options.effective_quality, options.preset
    else:
        dpi, quality, named = PRESETS[preset].dpi, PRESETS[preset].image_quality, preset
    if quality is None:
        color_mode = "no-change"
    exact = preset is None and options.dpi is not None
    return Goal(
        dpi,
        quality,
        color_mode,
        options.effort,
        exact_dpi=exact,
        layers=layering(named, options.effort),
        bilevel=options.bilevel,
    )


def _bytes_of_images(pdf: Pdf) -> int:
    """What the images of a document take, as stored."""
    total = 0
    for obj in pdf.objects:
        with tolerate("image_estimate"):
            if isinstance(obj, Stream) and obj.get("/Subtype") == "/Image":
                length = obj.stream_dict.get("/Length", 0)
                total += length if isinstance(length, int) and length > 0 else 0
    return total


def _of(preset: Preset, size: int, source: int) -> PresetEstimate:
    return PresetEstimate(preset=preset, bytes=size, ratio=round(size / source, 4) if source else 1.0)
