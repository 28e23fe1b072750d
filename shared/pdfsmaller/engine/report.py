"""What the engine says of its work: frozen classes that become JSON and are read from it again.

Plain dataclasses: see ``options``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, Self

from pdfsmaller.engine.options import Preset, Verify
from pdfsmaller.engine.values import read, written
from pdfsmaller.records import record

Outcome = Literal["compressed", "unchanged", "target_not_met", "dry_run"]
CombinedOutcome = Literal["merged", "converted", "target_not_met"]


@record(frozen=True, kw_only=True)
class Facts:
    """What can be said as JSON."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as what ``json`` writes."""
        return written(self)  # type: ignore[no-any-return]

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave, from a process that a document may have taken over.

        Raises:
            ValueError: it is none.
        """
        return read(cls, said)  # type: ignore[no-any-return]


@record(frozen=True, kw_only=True)
class Audit(Facts):
    """Where a file's bytes are: sizes as stored, in bytes; they add up to the file's size."""

    images: int = 0
    fonts: int = 0
    content: int = 0
    metadata: int = 0
    attachments: int = 0
    structure: int = 0

    @property
    def total(self) -> int:
        return self.images + self.fonts + self.content + self.metadata + self.attachments + self.structure


@record(frozen=True, kw_only=True)
class ImageCounts(Facts):
    """Images by what became of them. ``skipped`` counts them by the reason's stable name."""

    seen: int = 0
    changed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@record(frozen=True, kw_only=True)
class FontCounts(Facts):
    """Embedded font programs by what became of them. ``skipped`` counts them by the reason's stable name."""

    seen: int = 0
    changed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)


@record(frozen=True, kw_only=True)
class ReportWarning(Facts):
    """Something the caller should know. ``code`` is stable (e.g. ``signed``), ``message`` is for people."""

    code: str
    message: str


@record(frozen=True, kw_only=True)
class ComparisonSummary(Facts):
    """How the result was compared with what it was made of.

    Attributes:
        mode: ``off``: not at all; ``sample``: some pages stand for all; ``full``: every page.
        pages: pages that were compared in text and looks.
        skipped: pages that were to be and could not be, counted by the reason's stable name. They kept their lossless
            form.
        structure_skipped: parts of the structure (outline, fields, tags …) that could not be compared whole.
    """

    mode: Verify
    pages: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    structure_skipped: list[str] = field(default_factory=list)


@record(frozen=True, kw_only=True)
class Reported(Facts):
    """What an engine's process says.

    Attributes:
        bounds: what bound the process (``engine.confinement`` has the names); none: it was the caller's.
    """

    bounds: list[str] = field(default_factory=list)


@record(frozen=True, kw_only=True)
class BaseReport(Reported):
    """What every operation says of its work.

    Attributes:
        input_bytes: all inputs together, in bytes.
        output_bytes: all results together, in bytes.
        outcome: what became of it, in a word; each operation has its own.
        pages: pages in the results.
        warnings: what the caller should know.
        seconds: wall-clock seconds per stage, and ``total``.
    """

    input_bytes: int
    output_bytes: int
    outcome: str
    pages: int
    warnings: list[ReportWarning] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Bytes out over bytes in."""
        return round(self.output_bytes / self.input_bytes, 4) if self.input_bytes else 1.0


@record(frozen=True, kw_only=True)
class PresetEstimate(Facts):
    """About how many bytes a preset would give, and what share of the document's that is."""

    preset: Preset
    bytes: int
    ratio: float


@record(frozen=True, kw_only=True)
class Report(BaseReport):
    """What ``compress`` did. Its target is never larger than its source.

    Attributes:
        outcome: ``compressed``; ``unchanged``: the target is the source, byte for byte; ``target_not_met``: the
            smallest file within reach is still over ``target_size``; ``dry_run``: nothing was made, and
            ``output_bytes`` is what is expected of the options given.
        dry_run: so it is.
        presets: of a dry run, what each preset would give beside the other options.
        expected_seconds: of a dry run, about how long a real one takes on two processors.
        before, after: where the bytes were and are.
        images: images seen, changed and skipped by reason.
        fonts: embedded font programs seen, changed and skipped by reason.
        comparison: how the target was compared with the source; None where it is the source, byte for byte.
        damage: how often something could not be read and was left alone for that, by the reason's stable name.
    """

    outcome: Outcome
    dry_run: bool = False
    presets: list[PresetEstimate] = field(default_factory=list)
    expected_seconds: float | None = None
    before: Audit
    after: Audit
    images: ImageCounts
    fonts: FontCounts = FontCounts()
    comparison: ComparisonSummary | None = None
    damage: dict[str, int] = field(default_factory=dict)


@record(frozen=True, kw_only=True)
class PartReport(Facts):
    """One of the parts that a document was cut into.

    Attributes:
        name: its file's.
        output_bytes: its size, in bytes.
        pages: which of the document's pages it has, counted from 1, such as ``1-12`` or ``3,7-9``.
        page_count: how many those are.
        links_to_parts: links in it that lead to a page of another part, by that part's name.
        links_dropped: links that led to a page which no part has, and are gone.
    """

    name: str
    output_bytes: int
    pages: str
    page_count: int
    links_to_parts: int = 0
    links_dropped: int = 0


@record(frozen=True, kw_only=True)
class SourceReport(Facts):
    """One of several inputs: its name, size in bytes, the pages taken from it, and why it was left out if it was."""

    name: str
    input_bytes: int
    pages: int = 0
    error: ReportWarning | None = None


@record(frozen=True, kw_only=True)
class CombinedReport(BaseReport):
    """What ``merge`` or ``images_to_pdf`` did.

    Attributes:
        outcome: ``merged``, ``converted``; ``target_not_met``: the smallest file within reach is over ``target_size``.
        sources: the inputs in their order, those left out (``on_error=skip``) too.
        images: images seen, changed and skipped by reason, where the result was compressed.
        comparison: how pages of the target were compared with those they come from; None where none were.
    """

    outcome: CombinedOutcome
    sources: list[SourceReport]
    images: ImageCounts = ImageCounts()
    comparison: ComparisonSummary | None = None


@record(frozen=True, kw_only=True)
class SplitReport(BaseReport):
    """What ``split`` did.

    Attributes:
        outcome: ``split``.
        parts: the parts in order.
        images: images seen, changed and skipped by reason, where the document was compressed before it was cut.
        comparison: how pages of the parts were compared with those they come from.
    """

    outcome: Literal["split"] = "split"
    parts: list[PartReport]
    images: ImageCounts = ImageCounts()
    comparison: ComparisonSummary | None = None


@record(frozen=True, kw_only=True)
class PagePreview(Facts):
    """One page's picture: its file's name, which page it is (counted from 1), and that page's size as it is shown, in
    points.
    """

    name: str
    page: int
    width: float
    height: float


@record(frozen=True, kw_only=True)
class PreviewReport(BaseReport):
    """What ``preview`` did.

    Attributes:
        outcome: ``previewed``.
        page_count: pages in the document.
        previews: the pictures in order.
    """

    outcome: Literal["previewed"] = "previewed"
    page_count: int
    previews: list[PagePreview]
