"""What parts are cut from, and the cutting: pages of a document copied into a file of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pdfsmaller.engine.damage import raised_as
from pdfsmaller.engine.document import open_pdf
from pdfsmaller.engine.memory import give_back
from pdfsmaller.engine.merge.assembly import Assembly
from pdfsmaller.engine.merge.remote import Remote, RemotePage
from pdfsmaller.engine.merge.source import Ready, Warn
from pdfsmaller.engine.options import Effort
from pdfsmaller.errors import UnreadablePdf
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True)
class Stock:
    """A document that parts are cut from: the whole one, or a stretch of it.

    Attributes:
        ready: the file.
        pages: its pages, as indices in the whole document, in the order they have in the file.
    """

    ready: Ready
    pages: Sequence[int]

    def places(self, pages: Sequence[int]) -> list[int]:
        """Pages of the whole document as indices in the file."""
        known = {page: place for place, page in enumerate(self.pages)}
        return [known[page] for page in pages]


@record(frozen=True)
class Cut:
    """A file of some pages, and what became of links to others."""

    path: Path
    links_to_parts: int
    links_dropped: int


@record(frozen=True)
class Cutter:
    """Cuts one document.

    Attributes:
        plain_objects: files have no object streams, as PDF/A-1 demands.
        strip_metadata, effort: the options of those names.
    """

    plain_objects: bool
    strip_metadata: bool
    effort: Effort
    limits: Limits
    warn: Warn

    def cut(
        self, stock: Stock, pages: Sequence[int], target: Path, remote: Remote, *, with_files: bool, final: bool = True
    ) -> Cut:
        """Write a file of some of a stock's pages.

        Args:
            pages: as indices in the whole document, in the order wanted; a page may come twice.
            remote: finds pages that are not among them.
            with_files: what belongs to no page (attached files) comes along.
            final: write it as small as it is to be; else it is only cut again.

        Raises:
            UnreadablePdf: the document is too damaged.
            LimitExceeded: a stream is over ``max_stream_bytes``.
        """
        ready = stock.ready
        with target.open("wb") as file, raised_as(UnreadablePdf("The PDF is too damaged to be split.")):
            assembly = Assembly(
                file,
                outline="joined",
                sources=1,
                plain_objects=self.plain_objects,
                strip_metadata=self.strip_metadata and final,
                effort=self.effort if final else "fast",
                limits=self.limits,
                warn=self.warn,
            )
            assembly.add(
                ready.name,
                0,
                stock.places(pages),
                partial(open_pdf, ready.path, ready.password, self.limits),
                remote=remote,
                origins=stock.pages,
                with_files=with_files,
            )
            assembly.finish()
        give_back()
        return Cut(target, assembly.links_to_other_files, assembly.links_dropped)

    def extract(self, stock: Stock, pages: Sequence[int], target: Path, *, with_files: bool) -> Stock:
        """A stretch of a stock as a stock of its own, so that cutting it does not ask for all the rest each time.

        Args:
            pages: as indices in the whole document, each once.
        """
        places = stock.places(pages)
        cut = self.cut(stock, pages, target, pending("later.pdf"), with_files=with_files, final=False)
        hidden = frozenset(new for new, old in enumerate(places) if old in stock.ready.not_shown)
        ready = Ready(0, stock.ready.name, cut.path, None, list(range(len(places))), stock.ready.damaged, hidden)
        return Stock(ready, pages)


def pending(file: str) -> Remote:
    """Leaves links to other pages for later. ``file``: as long as the name of what they will lead to."""
    return lambda page: RemotePage(file, page, pending=True)
