"""``preview``: a PDF in, its pages out as WebP pictures, as a reader shows them, and a report.

Scope: pictures to look at, lossy and of at most ``WIDTH_MAX`` pixels a side; nothing is judged by them (``verify`` does
that). Annotations and filled form fields are drawn; what does not belong to a page's crop box is not.

Guarantees: one page is held in memory at a time; a page that cannot be shown is left out and named by a warning, and so
are those that the time did not suffice for.

Errors are those of ``pdfsmaller.errors``: EmptyFile, NotAPdf, UnreadablePdf, PasswordRequired, WrongPassword,
UnsupportedEncryption, InvalidPageRange, LimitExceeded, BadRequest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
import pyvips

from pdfsmaller.engine.clock import Deadline, Stopwatch
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import check_header
from pdfsmaller.engine.files import results_folder
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.ranges import select
from pdfsmaller.engine.preview.options import FIRST_PAGES, PreviewOptions
from pdfsmaller.engine.render.page import shows_large_image
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.report import PagePreview, PreviewReport, ReportWarning
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.engine.save import BETWEEN, save
from pdfsmaller.errors import BadRequest, UnreadablePdf
from pdfsmaller.limits import Limits
from pdfsmaller.media import WEBP

_QUALITY = 80
#: A picture's side is rounded up to whole pixels: so much less does not round to one more.
_BELOW = 0.01
#: No name is shorter, so that names of most documents sort in order.
_DIGITS = 3
#: Pages that a warning names.
_NAMED = 10


def run(
    sources: Sequence[InputFile], folder: Path, options: PreviewOptions, *, limits: Limits, progress: Progress
) -> Done[PreviewReport]:
    """Picture pages of one document.

    Args:
        sources: the document, alone; it is only read.
        folder: pictures are written into a folder in it, and nothing where anything is wrong.
        limits: what the document and the pictures may cost; there are at most ``max_parts`` of them.
        progress: called with a stage's name and a percentage from 0 to 100 of the whole.

    Raises:
        PdfSmallerError: one of the errors named in the module's text.
    """
    if len(sources) != 1:
        raise BadRequest(f"Preview takes one PDF at a time; {len(sources)} came.")
    with results_folder(folder, "pages") as (target, between):
        return _Run(sources[0], target, between, options, limits, progress).run()


class _Run:
    """One call of ``run``: holds what its steps share."""

    def __init__(
        self,
        source: InputFile,
        target: Path,
        between: Path,
        options: PreviewOptions,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.source, self.target, self.between = source, target, between
        self.options, self.limits, self.progress = options, limits, progress
        self.password = options.password
        self.deadline = Deadline(limits.soft_seconds)
        self.watch = Stopwatch()

    def run(self) -> Done[PreviewReport]:
        input_bytes = check_header(self.source.path)
        with self.watch.stage("open"):
            readable, pages = self._readable()
        wanted = self._wanted(pages)
        shown: list[PagePreview] = []
        files: list[ResultFile] = []
        left_out: list[int] = []
        late = 0
        with self.watch.stage("preview"), _opened(readable, self.password) as document:
            for done, number in enumerate(wanted):
                if done and self.deadline.passed():
                    late = len(wanted) - done
                    break
                self.progress("preview", round(100 * done / len(wanted)), (done, len(wanted)))
                name = f"page-{number + 1:0{max(_DIGITS, len(str(pages)))}}.webp"
                size = None
                with tolerate("page_preview", pyvips.Error):
                    size = _picture(document, number, self.options.width, self.target / name)
                if size is None:
                    left_out.append(number + 1)
                    continue
                width, height = size
                shown.append(PagePreview(name=name, page=number + 1, width=round(width, 2), height=round(height, 2)))
                files.append(ResultFile(self.target / name, name, WEBP))
        if not files:
            raise UnreadablePdf("None of the pages can be shown.")
        report = PreviewReport(
            input_bytes=input_bytes,
            output_bytes=sum(file.path.stat().st_size for file in files),
            pages=len(files),
            page_count=pages,
            previews=shown,
            warnings=[*_not_shown(left_out), *_not_reached(late)],
            seconds=self.watch.seconds(),
        )
        self.progress("done", 100)
        return Done(report, tuple(files))

    def _readable(self) -> tuple[Path, int]:
        """A file that PDFium opens with the document's pages, and how many those are."""
        opened = open_or_mend(self.source.path, self.between / "mended.pdf", self.password, self.limits)
        with opened.pdf as pdf:
            pages = len(pdf.pages)
            with tolerate("not_opened_for_rendering", UnreadablePdf), _opened(opened.source, self.password):
                return opened.source, pages
            copy = self.between / "copy.pdf"
            save(pdf, copy, BETWEEN)
            return copy, pages

    def _wanted(self, pages: int) -> list[int]:
        """The pages to picture, as indices from 0, each once."""
        if not self.options.pages:
            return list(range(min(pages, FIRST_PAGES)))
        picked = select(self.options.pages, pages, self.source.name, self.limits.max_parts)
        return list(dict.fromkeys(picked))


@contextmanager
def _opened(path: Path, password: str | None) -> Iterator[pypdfium2.PdfDocument]:
    """Raises UnreadablePdf."""
    try:
        document = pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as exc:
        raise UnreadablePdf("The PDF cannot be opened for showing its pages.") from exc
    try:
        if document.get_formtype() == pdfium.FORMTYPE_ACRO_FORM:
            with tolerate("forms_not_drawn"):
                document.init_forms()  # or their fields are not drawn
        yield document
    finally:
        document.close()


def _picture(document: pypdfium2.PdfDocument, number: int, width: int, target: Path) -> tuple[float, float] | None:
    """Write one page's picture; the page's size in points. None where it cannot be shown."""
    if number >= len(document):
        return None
    page = document[number]
    try:
        size: tuple[float, float] = page.get_size()
        if min(size) <= 0 or shows_large_image(page):
            return None
        bitmap = page.render(scale=(width - _BELOW) / max(size), rev_byteorder=True, prefer_bgrx=True)
    finally:
        page.close()
    try:
        row = bitmap.stride // bitmap.n_channels
        image = pyvips.Image.new_from_memory(bitmap.buffer, row, bitmap.height, bitmap.n_channels, "uchar")
        image = image.extract_band(0, n=3).crop(0, 0, bitmap.width, bitmap.height).copy(interpretation="srgb")
        target.write_bytes(image.webpsave_buffer(Q=_QUALITY, keep="none"))
    finally:
        bitmap.close()
    return size


def _not_shown(pages: list[int]) -> list[ReportWarning]:
    if not pages:
        return []
    named = ", ".join(map(str, pages[:_NAMED])) + (" …" if len(pages) > _NAMED else "")
    return [ReportWarning(code="pages_not_shown", message=f"Pages that cannot be shown: {named}.")]


def _not_reached(count: int) -> list[ReportWarning]:
    if not count:
        return []
    message = f"The time allowed was over; pages that are missing for that: {count}. Ask for fewer at once."
    return [ReportWarning(code="time_limit", message=message)]
