"""Writing parts, one after the other, within what a job's results may have together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from pdfsmaller.engine.clock import Stopwatch
from pdfsmaller.engine.merge.protection import Protection
from pdfsmaller.engine.merge.remote import Remote
from pdfsmaller.engine.save import Policy, finish
from pdfsmaller.engine.split.check import Check
from pdfsmaller.engine.split.stock import Cut, Cutter, Stock
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Parts are cut from the whole document where there are no more than this; else from stretches of it.
_FEW_PARTS = 8


def parts_of_stretch(parts: int) -> int:
    """For how many of all parts one stretch of the document serves: the work is least with as many stretches."""
    return parts if parts <= _FEW_PARTS else max(_FEW_PARTS // 2, math.isqrt(parts))


@record(frozen=True)
class Written:
    """A part that was written.

    Attributes:
        pages: those in it, as indices in the whole document.
        cut: the file as it is handed out.
        unfinished: the file as it was cut, where it has links to pages whose part is not known yet; else None.
    """

    pages: Sequence[int]
    cut: Cut
    unfinished: Path | None = None

    @property
    def size(self) -> int:
        """Of the file that is handed out, in bytes."""
        return self.cut.path.stat().st_size


class Writer:
    """Writes the parts of one document.

    Args:
        folder: for the parts.
        between: for files that nobody gets.
        protection: what the parts are encrypted with.

    Attributes:
        written: the parts so far, in order.
    """

    def __init__(
        self,
        cutter: Cutter,
        folder: Path,
        between: Path,
        protection: Protection | None,
        *,
        linearize: bool,
        limits: Limits,
        check: Check,
        watch: Stopwatch,
    ) -> None:
        self._cutter, self._folder, self._protection = cutter, folder, protection
        self._linearize, self._limits, self._check, self._watch = linearize, limits, check, watch
        self._bytes = 0
        self.between = between
        self.written: list[Written] = []

    def stretch(self, stock: Stock, pages: Sequence[int]) -> Stock:
        """Some pages of the document, to cut the next parts from. The stretch before it is gone then."""
        with self._watch.stage("split"):
            return self._cutter.extract(stock, pages, self.between / "stretch.pdf", with_files=not self.written)

    def cut(self, stock: Stock, pages: Sequence[int], target: Path, remote: Remote, *, with_files: bool) -> Cut:
        """Write a file of some pages that is not encrypted yet."""
        with self._watch.stage("split"):
            return self._cutter.cut(stock, pages, target, remote, with_files=with_files)

    def finish(self, cut: Cut, target: Path) -> Cut:
        """A file that was cut as it is handed out: in a copy where anything is to be done, else as it is."""
        with self._watch.stage("write"):
            encryption = self._protection.encryption() if self._protection else False
            policy = Policy(linearize=self._linearize, encryption=encryption)
            path = finish(cut.path, target, policy, self._limits)
        return Cut(path, cut.links_to_parts, cut.links_dropped)

    def add(self, stock: Stock, pages: Sequence[int], remote: Remote) -> None:
        """Write the next part."""
        number = len(self.written)
        cut = self.cut(stock, pages, self.between / "cut.pdf", remote, with_files=number == 0)
        self.keep(Written(pages, self.finish(cut, self.between / "finished.pdf")))

    def keep(self, part: Written, number: int | None = None) -> None:
        """Put a part that was written in its place.

        Args:
            number: instead of the part of this index.

        Raises:
            LimitExceeded: ``max_results_bytes``.
            EngineFailed: it is not what it should be.
        """
        place = self._folder / f"{(len(self.written) if number is None else number) + 1:04}.pdf"
        if number is not None:
            self._bytes -= self.written[number].size
        self._bytes += part.size
        if self._bytes > self._limits.max_results_bytes:
            most = self._limits.max_results_bytes
            raise LimitExceeded(
                "max_results_bytes", most, f"The parts would have more than {most:,} bytes together. Take fewer pages."
            )
        part = Written(
            part.pages,
            Cut(part.cut.path.replace(place), part.cut.links_to_parts, part.cut.links_dropped),
            part.unfinished,
        )
        if number is None:
            self.written.append(part)
        else:
            self.written[number] = part
        if part.unfinished is None:
            with self._watch.stage("verify"):
                self._check.compare(place, part.pages, self._protection.password if self._protection else None)
