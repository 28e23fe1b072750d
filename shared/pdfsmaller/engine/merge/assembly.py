"""The document that comes together: pages from many, and a catalog in which all their parts are joined."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from pikepdf import Array, Dictionary, Name, Object, Pdf

from pdfsmaller.engine.damage import comes_through
from pdfsmaller.engine.disk import cannot_write
from pdfsmaller.engine.memory import give_back, ran_out_of_memory
from pdfsmaller.engine.merge.destinations import Destinations
from pdfsmaller.engine.merge.forms import Forms
from pdfsmaller.engine.merge.graft import Graft
from pdfsmaller.engine.merge.labels import Labels
from pdfsmaller.engine.merge.layers import Layers
from pdfsmaller.engine.merge.names import Names
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.merge.options import Outline as WantedOutline
from pdfsmaller.engine.merge.outline import Outline
from pdfsmaller.engine.merge.remote import Remote
from pdfsmaller.engine.merge.settings import Settings, may_be_pdfa_1
from pdfsmaller.engine.merge.source import Ready, Source, SourceFailed, Warn, open_source
from pdfsmaller.engine.merge.tags import Tags
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.save import Policy, writer
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.errors import PdfSmallerError, UnreadablePdf
from pdfsmaller.limits import Limits

logger = logging.getLogger(__name__)

#: Pages of a leaf of the page tree, and nodes of a node above.
_FAN_OUT = 64
_VERSION = re.compile(r"(\d)\.(\d)")


class Assembly:
    """One result in the making: ``add`` documents, then ``finish``.

    Args:
        file: where it is written, open for writing in binary.
        outline: the option of that name.
        sources: how many documents will be added.
        plain_objects: no object streams, as PDF/A-1 demands.
        strip_metadata: leave document information and XMP away.
        effort: how hard to deflate.
        limits: what one stream may decode to.
        warn: takes a warning's code and text.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        outline: WantedOutline,
        sources: int,
        plain_objects: bool,
        strip_metadata: bool,
        effort: Effort,
        limits: Limits,
        warn: Warn,
    ) -> None:
        self._limits = limits
        policy = Policy(pdfa=1 if plain_objects else None, effort=effort)
        self._version = policy.version
        self._writer = writer(file, policy)
        self._strip_metadata = strip_metadata
        self._warn = warn
        self._pages: list[int] = []
        self._leaves: list[int] = []
        self._destinations = Destinations()
        self._outline = Outline(outline, self._writer, sources=sources)
        self._forms = Forms()
        self._tags = Tags(self._writer)
        self._labels = Labels()
        self._layers = Layers()
        self._names = Names()
        self._settings = Settings(self._writer, plain_objects=plain_objects)
        self._parts = (self._destinations, self._outline, self._forms, self._tags, self._settings, self._layers)

    @property
    def links_dropped(self) -> int:
        """Links that led to pages which are not there, and are gone."""
        return self._destinations.dropped_links

    @property
    def links_to_other_files(self) -> int:
        """Links to pages that ``remote`` found in other files."""
        return self._destinations.remote_links

    def add(
        self,
        name: str,
        index: int,
        picks: list[int],
        open_again: Callable[[], Pdf],
        *,
        remote: Remote | None = None,
        origins: Sequence[int] | None = None,
        with_files: bool = True,
    ) -> None:
        """Append pages of a document and all that belongs to them.

        Args:
            name: its owner's name for it.
            index: which of the documents it is, from 0.
            picks: its pages as indices from 0, in the order wanted; a page may come twice.
            open_again: opens it; called once, and once more for each time that a page comes again.
            remote: finds pages that are not picked in other files; without it, links to them are dropped.
            origins: what ``remote`` knows each page of the document by; default: its index.
            with_files: take what belongs to no page: attached files, page templates.
        """
        base = len(self._pages)
        self._pages += [0] * len(picks)
        while len(self._leaves) * _FAN_OUT < len(self._pages):
            self._leaves.append(self._writer.reserve())
        first_numbers: dict[int, int] = {}
        for round_number, places in enumerate(_rounds(picks)):
            with open_again() as pdf:
                graft = Graft(self._writer, pdf, self._limits)
                known_by = origins if origins is not None else range(len(pdf.pages))
                indices = {page.obj.objgen: number for page, number in zip(pdf.pages, known_by, strict=True)}
                pages = self._reserve_pages(pdf, graft, base, places, first_numbers)
                if round_number == 0:
                    first_numbers = {page: self._pages[base + place] for place, page in places}
                self._copy(
                    Source(
                        name=name,
                        index=index,
                        pdf=pdf,
                        pages=pages,
                        whole=len(pages) == len(pdf.pages),
                        again=round_number > 0,
                        first_page=self._pages[base],
                        graft=graft,
                        warn=self._warn,
                        indices=indices,
                        remote=remote,
                        with_files=with_files,
                    ),
                    picks,
                )

    def _reserve_pages(
        self, pdf: Pdf, graft: Graft, base: int, places: list[tuple[int, int]], first_numbers: dict[int, int]
    ) -> list[Object]:
        """Number the pages of this go. References to others lead to their first copy, or nowhere."""
        root = pdf.Root
        graft.leave_behind([root, *(root.get(key) for key in ("/Outlines", "/StructTreeRoot", "/AcroForm"))])
        objects = [page.obj for page in pdf.pages]
        for number, page in enumerate(objects):
            graft.numbers[page.objgen] = first_numbers.get(number)
        pages: list[Object] = []
        for place, number in places:
            page = objects[number]
            leaf = self._leaves[(base + place) // _FAN_OUT]
            page["/Type"] = Name.Page
            if "/Parent" in page:
                del page["/Parent"]
            self._pages[base + place] = graft.reserve(page, b" /Parent %d 0 R" % leaf)
            _own_annotations(page)
            pages.append(page)
        return pages

    def _copy(self, source: Source, picks: list[int]) -> None:
        for part in self._parts:
            part.prepare(source)
        for page in source.pages:
            source.graft.copy_reserved(page)
        for part in self._parts:
            part.take(source)
        self._names.take(source)
        if not source.again:
            self._labels.take(source, picks)
            self._version = max(self._version, _version_of(source.pdf))

    def finish(self) -> None:
        """Write what is left: the page tree and the catalog."""
        writer = self._writer
        catalog = b"<< /Type /Catalog /Version /%d.%d /Pages %d 0 R" % (*self._version, self._write_page_tree())
        for key, number in (
            (b"/Outlines", self._outline.write()),
            (b"/Dests", self._destinations.write_names(writer)),
            (b"/AcroForm", self._forms.write(writer)),
            (b"/PageLabels", self._labels.write(writer)),
            (b"/OCProperties", self._layers.write(writer)),
        ):
            if number:
                catalog += b" %s %d 0 R" % (key, number)
        catalog += self._names.write(writer, self._destinations.write_strings(writer))
        catalog += self._tags.write()
        settings, information = self._settings.write(self._warn, strip_metadata=self._strip_metadata)
        writer.finish(writer.write(catalog + settings + b" >>"), information)

    def _write_page_tree(self) -> int:
        """The page tree above the pages, balanced; the root's number."""
        level = [
            (leaf, self._pages[start : start + _FAN_OUT], len(self._pages[start : start + _FAN_OUT]))
            for leaf, start in zip(self._leaves, range(0, len(self._pages), _FAN_OUT), strict=True)
        ]
        while len(level) > 1:
            above = []
            for start in range(0, len(level), _FAN_OUT):
                some = level[start : start + _FAN_OUT]
                number = self._writer.reserve()
                for node in some:
                    self._write_node(*node, parent=number)
                above.append((number, [kid for kid, _, _ in some], sum(count for _, _, count in some)))
            level = above
        self._write_node(*level[0], parent=None)
        return level[0][0]

    def _write_node(self, number: int, kids: list[int], count: int, *, parent: int | None) -> None:
        body = b"<< /Type /Pages /Kids [%s] /Count %d" % (b" ".join(b"%d 0 R" % kid for kid in kids), count)
        if parent:
            body += b" /Parent %d 0 R" % parent
        self._writer.write(body + b" >>", number)

    def warn_of_changes(self) -> None:
        """Say what came out otherwise than it was."""
        if self._destinations.dropped_links:
            self._warn(
                "links_dropped", f"Links to pages that were left out are gone: {self._destinations.dropped_links}."
            )
        if self._forms.renamed_fields:
            self._warn(
                "fields_renamed",
                f"Form fields of the same name in several inputs were renamed: {self._forms.renamed_fields}.",
            )


def assemble(
    ready: list[Ready],
    result: Path,
    options: MergeOptions,
    limits: Limits,
    warn: Warn,
    progress: Callable[[float], None] = lambda _done: None,
) -> None:
    """Copy all sources into one file.

    Args:
        progress: called with the share done, 0-1.

    Raises:
        SourceFailed: one of them cannot be copied; what is in ``result`` is of no use.
    """
    with result.open("wb") as file:
        assembly = Assembly(
            file,
            outline=options.outline,
            sources=len(ready),
            plain_objects=all(may_be_pdfa_1(source.path) for source in ready),
            strip_metadata=options.strip_metadata,
            effort=options.effort,
            limits=limits,
            warn=warn,
        )
        for number, source in enumerate(ready):
            progress(number / len(ready))
            _add(assembly, source, partial(_open, source, result.parent, limits))
            give_back()
        assembly.finish()
        assembly.warn_of_changes()


def _add(assembly: Assembly, source: Ready, open_again: Callable[[], Pdf]) -> None:
    try:
        assembly.add(source.name, source.index, source.picks, open_again)
    except PdfSmallerError as exc:
        raise SourceFailed(source, exc) from exc
    except Exception as exc:
        if ran_out_of_memory(exc) or cannot_write(exc) or comes_through(exc):
            raise
        logger.exception("cannot be copied")
        raise SourceFailed(source, UnreadablePdf("The PDF is too damaged to be merged.")) from exc


def _open(source: Ready, folder: Path, limits: Limits) -> Pdf:
    return open_source(source.path, folder, [source.password] if source.password else [], limits)[0].pdf


def _own_annotations(page: Object) -> None:
    """Correct annotations that name another page as their own: readers do not agree on what that means."""
    annotations = page.get("/Annots")
    for annotation in annotations if isinstance(annotations, Array) else ():
        if isinstance(annotation, Dictionary) and "/P" in annotation and annotation["/P"].objgen != page.objgen:
            annotation["/P"] = page


def _rounds(picks: list[int]) -> list[list[tuple[int, int]]]:
    """The picks, as (place, page), parted so that no part has a page twice: first all first times, and so on."""
    times: dict[int, int] = {}
    rounds: list[list[tuple[int, int]]] = []
    for place, page in enumerate(picks):
        time = times.get(page, 0)
        times[page] = time + 1
        if time == len(rounds):
            rounds.append([])
        rounds[time].append((place, page))
    return rounds


def _version_of(pdf: Pdf) -> tuple[int, int]:
    """The header's version, or the catalog's where that is later (7.2.2)."""
    declared = (pdf.pdf_version, name_text(pdf.Root.get("/Version"))[1:])
    return max((int(match[1]), int(match[2])) for text in ("1.4", *declared) if (match := _VERSION.fullmatch(text)))
