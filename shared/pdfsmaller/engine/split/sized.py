"""Parts of at most so many bytes, with as many pages each as fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from pdfsmaller.engine.document import open_pdf
from pdfsmaller.engine.merge.remote import Remote
from pdfsmaller.engine.merge.source import Ready, Warn
from pdfsmaller.engine.split.names import numbered, numbered_name
from pdfsmaller.engine.split.parts import Writer, Written, parts_of_stretch
from pdfsmaller.engine.split.plan import Part, check_number, found_in
from pdfsmaller.engine.split.sizes import PageSizes, fit
from pdfsmaller.engine.split.stock import Stock, pending
from pdfsmaller.limits import Limits

#: What knowing the names of other parts may add for each link to them, in bytes.
_BYTES_PER_LINK = 4


class SizedParts:
    """Cuts one document.

    Args:
        stock: all of it.
        name: its name.
        most: what a part may have, in bytes.
        hurry: whether to be content with parts that could have more pages.
        progress: called with the share done, 0-1.
    """

    def __init__(
        self,
        writer: Writer,
        stock: Stock,
        name: str,
        most: int,
        limits: Limits,
        warn: Warn,
        hurry: Callable[[], bool],
        progress: Callable[[float], None],
    ) -> None:
        self._writer, self._stock, self._name, self._most = writer, stock, name, most
        self._limits, self._warn, self._hurry, self._progress = limits, warn, hurry, progress
        self._remote = pending(numbered_name(name, 1, len(str(limits.max_parts))))
        with open_pdf(stock.ready.path, stock.ready.password, limits) as pdf:
            self._sizes = PageSizes(pdf)

    def cut(self) -> list[Part]:
        """Write all parts; they are in the writer then.

        Raises:
            LimitExceeded: ``max_parts``, ``max_results_bytes``.
        """
        start, count = 0, len(self._stock.pages)
        about = 1.5 * self._most * parts_of_stretch(1 + self._stock.ready.path.stat().st_size // self._most)
        while start < count:
            end = start + len(self._sizes.together(range(start, count), about, first=start == 0))
            stock = self._stock
            if start > 0 or end < count:
                stock = self._writer.stretch(stock, range(start, end))
            start = self._cut_stretch(stock, start, end, last=end == count)
        written = self._writer.written
        parts = [Part(name, part.pages) for name, part in zip(numbered(self._name, len(written)), written, strict=True)]
        self._lead_links(parts)
        return parts

    def _cut_stretch(self, stock: Stock, start: int, end: int, *, last: bool) -> int:
        """Cut the pages from ``start`` to ``end``; where the next part begins."""
        began = start
        while start < end:
            number = len(self._writer.written)
            check_number(number + 1, self._limits)
            pages = range(start, end)
            trial = _Trial(self._writer, stock, pages, self._remote, self._most, first=number == 0)
            fitting = fit(self._sizes, pages, self._most, trial.write, first=number == 0, hurry=self._hurry)
            if start + fitting == end and not last and start > began:
                return start  # more of what follows may fit in
            part = trial.part
            assert part is not None
            if fitting == 0:
                files = " with what belongs to the whole document" if number == 0 else ""
                self._warn(
                    "page_over_max_size",
                    f"Page {start + 1} alone takes {part.size:,} bytes{files}, more than max_size: it is a part of its "
                    "own.",
                )
            self._writer.keep(part)
            start += len(part.pages)
            self._progress(start / len(self._stock.pages))
        return start

    def _lead_links(self, parts: list[Part]) -> None:
        """Lead links to the parts that they go to, now that these have names."""
        remote = found_in(parts)
        for number, part in enumerate(list(self._writer.written)):
            if part.unfinished is None:
                continue
            ready = Ready(0, self._name, part.unfinished, None, list(range(len(part.pages))), damaged=False)
            stock = Stock(ready, part.pages)
            for find in (remote, lambda _page: None):  # links that make it too large are dropped
                target = self._writer.between / "cut.pdf"
                cut = self._writer.cut(stock, part.pages, target, find, with_files=True)
                done = Written(part.pages, self._writer.finish(cut, self._writer.between / "finished.pdf"))
                if done.size <= self._most or part.size > self._most:
                    break
            self._writer.keep(done, number)
            part.unfinished.unlink()


class _Trial:
    """The next part, tried with one number of pages after another: ``part`` is the largest that fits, or one page."""

    def __init__(
        self, writer: Writer, stock: Stock, pages: Sequence[int], remote: Remote, most: int, *, first: bool
    ) -> None:
        self._writer, self._stock, self._pages = writer, stock, pages
        self._remote, self._most, self._first = remote, most, first
        self.part: Written | None = None

    def write(self, count: int) -> int:
        """Write the first so many pages; the file's size in bytes, with what its links may add to it."""
        folder, pages = self._writer.between, self._pages[:count]
        cut = self._writer.cut(self._stock, pages, folder / "trial.pdf", self._remote, with_files=self._first)
        done = self._writer.finish(cut, folder / "trial-finished.pdf")
        size = done.path.stat().st_size + _BYTES_PER_LINK * cut.links_to_parts
        if (count == 1 and self.part is None) or (
            size <= self._most and (self.part is None or count > len(self.part.pages))
        ):
            links = folder / f"links-{pages[0]}.pdf"
            if cut.links_to_parts:
                shutil.copyfile(cut.path, links)
            path = done.path.replace(folder / "best.pdf")
            self.part = Written(pages, replace(done, path=path), links if cut.links_to_parts else None)
        return size
