"""One document that is being merged: the file, the pages taken, and what was said on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pikepdf import Array, Dictionary, Object, Pdf

from pdfsmaller.engine.merge.graft import Graft
from pdfsmaller.engine.merge.remote import Remote
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.repair.mend import Opened, open_or_mend
from pdfsmaller.errors import PasswordRequired, PdfSmallerError, UnreadablePdf, WrongPassword
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

Warn = Callable[[str, str], None]


@record()
class Source:
    """A document, open, and the share of its pages that is copied in this go.

    A page that is picked twice cannot be copied twice from one opened document, since its annotations and fields would
    be shared: the second copy is made in a go of its own, with the document opened anew.

    Attributes:
        name: its owner's name for it.
        index: which of the inputs it is, from 0.
        pages: the pages copied in this go.
        whole: all of its pages are copied, each once.
        again: a later go: what belongs to the document as a whole is there already.
        first_page: the number, in the result, of the first page taken.
        warn: takes a warning's code and text.
        indices: what ``remote`` knows the document's pages by, by their objects.
        remote: finds pages that are not copied in other files; None: links to them are dropped.
        with_files: what belongs to no page (attached files, page templates) comes along.
    """

    name: str
    index: int
    pdf: Pdf
    pages: list[Object]
    whole: bool
    again: bool
    first_page: int
    graft: Graft
    warn: Warn
    indices: dict[ObjGen, int]
    remote: Remote | None = None
    with_files: bool = True

    def keeps(self, page: Any) -> bool:
        """Whether a destination's or element's page is among those copied."""
        return isinstance(page, Object) and page.is_indirect and self.graft.numbers.get(page.objgen) is not None

    def annotations(self) -> Iterator[Dictionary]:
        """Every annotation of the copied pages."""
        for page in self.pages:
            annotations = page.get("/Annots")
            for annotation in list(annotations) if isinstance(annotations, Array) else []:
                if isinstance(annotation, Dictionary):
                    yield annotation

    def part(self, key: str) -> Dictionary | None:
        """A dictionary of the catalog, or None."""
        value = self.pdf.Root.get(key)
        return value if isinstance(value, Dictionary) else None


@record(frozen=True)
class Ready:
    """A source as it is copied.

    Attributes:
        index: which of the inputs it is, from 0.
        path: the file: the source itself, or what became of it.
        password: what opens it.
        picks: the pages wanted of it, as indices from 0.
        damaged: qpdf found faults in it, so another reader may see something else in it.
        not_shown: pages of which readers leave out something, for its filter.
    """

    index: int
    name: str
    path: Path
    password: str | None
    picks: list[int]
    damaged: bool
    not_shown: frozenset[int] = frozenset()


class SourceFailed(Exception):
    """A source turned out unusable when it was copied, or was not the same afterwards."""

    def __init__(self, source: Ready, error: PdfSmallerError) -> None:
        super().__init__(error.message)
        self.source, self.error = source, error


def open_source(path: Path, folder: Path, passwords: list[str], limits: Limits) -> tuple[Opened, str | None]:
    """Open a document, mended if need be, with whichever password fits.

    Returns:
        The document, and the password that opened it (None: none was needed).

    Raises:
        DocumentError, RequestError: what ``open_pdf`` raises.
    """
    mended = folder / "mended.pdf"
    mended.unlink(missing_ok=True)
    for password in [None, *passwords]:
        try:
            opened = open_or_mend(path, mended, password, limits)
        except (PasswordRequired, WrongPassword):
            continue
        if opened.unknown.packed:
            opened.pdf.close()
            names = ", ".join(sorted(opened.unknown.names))
            raise UnreadablePdf(f"Parts of this PDF are packed in a way that is not known here: {names}.")
        return opened, password
    if passwords:
        raise WrongPassword("No password given opens this PDF.")
    raise PasswordRequired("This PDF is encrypted. Give its password.")
