"""The operations: one entry for each, and the only place where anybody compares an operation's name.

Adding one means: a package or module of the engine with its options and its entry point (``engine.results`` has the
form), and an entry here. The API's route, the command, drops, the web page and the descriptions follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from pdfsmaller import errors, media, sniff
from pdfsmaller.errors import PdfSmallerError
from pdfsmaller.records import record

if TYPE_CHECKING:
    from pdfsmaller.engine.options import Options
    from pdfsmaller.engine.report import BaseReport

_PDF_FAILURES = (errors.UnreadablePdf, errors.PasswordRequired, errors.WrongPassword, errors.UnsupportedEncryption)


@record(frozen=True)
class InputKind:
    """What an operation is done to.

    Attributes:
        noun, plural: what one and several are called in messages.
        media_type: what they are stored as.
        accept: what a browser's file picker shows.
        default_name: of one whose sender did not name it.
        check: refuses what cannot be one, by name, size, first bytes and the largest size; see ``sniff``.
        wrong_kind: what ``check`` raises for another kind of file.
        too_large: what to do about one that is too large.
    """

    noun: str
    plural: str
    media_type: str
    accept: str
    default_name: str
    check: Callable[[str, int, bytes, int], None]
    wrong_kind: type[PdfSmallerError]
    too_large: str


PDFS = InputKind(
    noun="PDF",
    plural="PDFs",
    media_type=media.PDF,
    accept="application/pdf,.pdf",
    default_name="document.pdf",
    check=sniff.check_pdf,
    wrong_kind=errors.NotAPdf,
    too_large="Split the document.",
)
IMAGES = InputKind(
    noun="image",
    plural="Images",
    # What image one is shows its bytes, not what its sender calls it.
    media_type=media.ANY,
    accept="image/*,.heic,.heif,.jp2",
    default_name="image",
    check=sniff.check_image,
    wrong_kind=errors.NotAnImage,
    too_large="Send a smaller image.",
)


@record(frozen=True)
class OperationSpec:
    """One operation.

    Attributes:
        name: its stable name, in a job's JSON and in object metadata.
        route: the last part of its path, ``POST /api/{route}``.
        command: what the ``pdfsmaller`` command calls it.
        label: what the web page calls it.
        summary: what it does, in a sentence.
        options_class: the model of its options, as ``module:class``.
        report_class: the model of its report, likewise.
        entry: its entry point in the engine, as ``module:function``.
        inputs: what it is done to.
        each_alone: every file is a job of its own, and several together a batch; otherwise one job takes all of them.
        media_types: the kinds of its results.
        several_results: its results are named by the engine and come as a ZIP where a caller wants one file.
        drop_suffix: what the key of a dropped file gets for the result's; None where a drop cannot have the operation.
        failures: what may be wrong with a document beside what is wrong with a request.
        preset: the preset that the web page begins with; empty: none.
        no_preset: what the page calls having none; empty: one must be chosen there.
        on_page: the web page offers it among what can be done to files.
        libraries: modules that its process loads beside those that every operation uses.
        compares: pages of its results are compared with those of what it was given.
    """

    name: str
    route: str
    command: str
    label: str
    summary: str
    options_class: str
    report_class: str
    entry: str
    inputs: InputKind = PDFS
    each_alone: bool = False
    media_types: tuple[str, ...] = (media.PDF,)
    several_results: bool = False
    drop_suffix: str | None = ""
    failures: tuple[type[PdfSmallerError], ...] = _PDF_FAILURES
    preset: str = "ebook"
    no_preset: str = ""
    on_page: bool = True
    libraries: tuple[str, ...] = ()
    compares: bool = False

    @property
    def options(self) -> type[Options]:
        """The model of its options, loaded when first asked for: a function that starts needs one, or none."""
        model: type[Options] = resolve_name(self.options_class)
        return model

    @property
    def report(self) -> type[BaseReport]:
        """The model of its report."""
        model: type[BaseReport] = resolve_name(self.report_class)
        return model


_ALL = (
    OperationSpec(
        name="compress",
        route="compress",
        command="compress",
        label="Make smaller",
        summary="Make PDFs smaller. What cannot be made smaller comes back as it is.",
        options_class="pdfsmaller.engine.options:CompressOptions",
        report_class="pdfsmaller.engine.report:Report",
        entry="pdfsmaller.engine.compress:run",
        compares=True,
        each_alone=True,
    ),
    OperationSpec(
        name="merge",
        route="merge-pdf",
        command="merge",
        label="Merge",
        summary="Make one PDF of several, in the order given.",
        options_class="pdfsmaller.engine.merge.options:MergeOptions",
        report_class="pdfsmaller.engine.report:CombinedReport",
        entry="pdfsmaller.engine.merge.merge:run",
        compares=True,
        drop_suffix=None,  # it needs several files, and a drop is one
        failures=(*_PDF_FAILURES, errors.InvalidPageRange),
    ),
    OperationSpec(
        name="split",
        route="split-pdf",
        command="split",
        label="Split",
        summary="Cut PDFs into parts: by pages, at outline entries, or so that no part is over a size.",
        options_class="pdfsmaller.engine.split.options:SplitOptions",
        report_class="pdfsmaller.engine.report:SplitReport",
        entry="pdfsmaller.engine.split.split:run",
        compares=True,
        each_alone=True,
        several_results=True,
        failures=(*_PDF_FAILURES, errors.SignedPdf, errors.InvalidPageRange, errors.InvalidOutlineLevel),
    ),
    OperationSpec(
        name="image-to-pdf",
        route="image-to-pdf",
        command="images",
        label="Images to PDF",
        summary="Make one PDF of images, a page for each. Not one pixel changes unless an option of compression asks "
        "for it.",
        options_class="pdfsmaller.engine.from_images.options:ImageOptions",
        report_class="pdfsmaller.engine.report:CombinedReport",
        entry="pdfsmaller.engine.from_images.convert:run",
        inputs=IMAGES,
        drop_suffix=".pdf",
        failures=(errors.UnreadableImage,),
        no_preset="keeping every pixel",
        # Pillow's readers with shared libraries of their own, which the bounds would keep from being loaded later.
        libraries=("pi_heif", "PIL.AvifImagePlugin", "PIL.WebPImagePlugin"),
    ),
    OperationSpec(
        name="preview",
        route="preview-pdf",
        command="preview",
        label="Preview",
        summary="Picture pages of PDFs, each as a WebP file.",
        options_class="pdfsmaller.engine.preview.options:PreviewOptions",
        report_class="pdfsmaller.engine.report:PreviewReport",
        entry="pdfsmaller.engine.preview.preview:run",
        each_alone=True,
        media_types=(media.WEBP,),
        several_results=True,
        drop_suffix=None,  # pictures are to look at, not to keep
        failures=(*_PDF_FAILURES, errors.InvalidPageRange),
        preset="",
        on_page=False,
    ),
)

#: By name, in the order in which people are shown them.
OPERATIONS: dict[str, OperationSpec] = {spec.name: spec for spec in _ALL}

#: All results of several jobs as one ZIP (``services.archives``). Nobody asks for it as for the others: its input is a
#: list that the service makes, and the worker does it without an engine's process.
ARCHIVE = OperationSpec(
    name="archive",
    route="archives",
    command="",
    label="ZIP",
    summary="All results of several jobs as one ZIP.",
    options_class="pdfsmaller.engine.options:Options",
    report_class="pdfsmaller.engine.report:BaseReport",
    entry="",
    inputs=InputKind(
        noun="list",
        plural="lists",
        media_type=media.JSON,
        accept="",
        default_name="results.json",
        check=lambda name, size, head, max_bytes: None,
        wrong_kind=errors.BadRequest,
        too_large="Ask for fewer jobs at once.",
    ),
    media_types=(media.ZIP,),
    drop_suffix=None,
    failures=(errors.NothingToArchive,),
)

#: What a job can be, those that nobody asks for by name too.
OF_JOBS: dict[str, OperationSpec] = OPERATIONS | {ARCHIVE.name: ARCHIVE}
#: What makes one PDF smaller; and what is done where nobody says what.
DEFAULT = COMPRESS = _ALL[0]


def find(name: object, among: dict[str, OperationSpec] = OPERATIONS) -> OperationSpec:
    """The operation of this name.

    Raises:
        InvalidOption: there is none; with the names that there are.
    """
    spec = among.get(name) if isinstance(name, str) else None
    if spec is None:
        raise errors.InvalidOption("operation", name, list(among))
    return spec


def on_page() -> list[OperationSpec]:
    """The operations that the web page offers."""
    return [spec for spec in OPERATIONS.values() if spec.on_page]


def droppable() -> dict[str, OperationSpec]:
    """The operations that a dropped file can have."""
    return {name: spec for name, spec in OPERATIONS.items() if spec.drop_suffix is not None}
