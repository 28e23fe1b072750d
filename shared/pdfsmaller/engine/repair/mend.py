"""Files that qpdf refuses, mended in a copy.

qpdf rebuilds broken cross-reference tables by itself. What it gives up on, and other readers open, is mended here, one
kind of damage after the other, until the copy opens.
"""

from __future__ import annotations

import mmap
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pikepdf import Pdf

from pdfsmaller.engine.document import open_pdf, was_rebuilt
from pdfsmaller.engine.repair.filters import UnknownFilters, unknown_filters, write_flate_for_brotli
from pdfsmaller.engine.repair.objects import close_objects, given_up
from pdfsmaller.engine.repair.page_tree import mend_page_tree
from pdfsmaller.engine.repair.salvage import is_packed_with_brotli, packing_filters, salvage
from pdfsmaller.engine.save import BETWEEN, save
from pdfsmaller.engine.streams import BROTLI, KNOWN
from pdfsmaller.errors import UnreadablePdf
from pdfsmaller.limits import Limits

# In the encryption dictionary (ISO 32000-1, table 20), which is never compressed.
_SECURITY_HANDLER = re.compile(rb"/Filter\s*/(?:Standard|Adobe\.PubSec)\b")


class Opened(NamedTuple):
    """A document as it can be worked on.

    Attributes:
        source: the file it was read from: the one given, or a copy.
        repaired: anything of it had to be repaired.
        damaged: qpdf found faults in its objects, so another reader may see something else in them.
        brotli: it has Brotli streams, which the copy has as Flate.
        unknown: what of it cannot be read for its filters.
    """

    pdf: Pdf
    source: Path
    repaired: bool
    damaged: bool
    brotli: bool
    unknown: UnknownFilters


def open_or_mend(source: Path, mended: Path, password: str | None, limits: Limits) -> Opened:
    """The document, from ``source`` or from a copy of it, written to ``mended`` or beside it.

    Raises:
        DocumentError: what ``open_pdf`` raises for ``source``.
        LimitExceeded: a Brotli stream is over ``max_stream_bytes``.
    """
    pdf, path, repaired = _opened(source, mended, password, limits)
    laid_open = repaired and path != source and not pdf.is_encrypted
    try:
        unknown = unknown_filters(pdf, laid_open=laid_open)
        warnings = pdf.get_warnings()  # of all objects: each has been read by now
        repaired = repaired or was_rebuilt(warnings)
        closed = mended.with_name(f"{mended.name}.closed")
        if (broken := given_up(warnings)) and close_objects(path, closed, broken):
            with suppress(UnreadablePdf):
                mended_pdf = open_pdf(closed, password, limits)
                pdf.close()
                pdf, path, repaired = mended_pdf, closed, True
                unknown = unknown_filters(pdf, laid_open=laid_open)
        brotli = BROTLI in unknown.names and write_flate_for_brotli(pdf, limits)
        if brotli:
            path = mended.with_name(f"{mended.name}.flate")
            save(pdf, path, BETWEEN)
            pdf.close()
            pdf = open_pdf(path, password, limits)
            unknown = unknown_filters(pdf, laid_open=laid_open)
        return Opened(pdf, path, repaired, bool(warnings or pdf.get_warnings()), brotli, unknown)
    except BaseException:
        pdf.close()
        raise


def _opened(source: Path, mended: Path, password: str | None, limits: Limits) -> tuple[Pdf, Path, bool]:
    """The document, the file it was read from, and whether it had to be repaired."""
    if is_packed_with_brotli(source) and salvage(source, mended):
        with suppress(UnreadablePdf):
            pdf = open_pdf(mended, password, limits)
            _demand_key(pdf, source)
            return pdf, mended, True
    try:
        pdf = open_pdf(source, password, limits)
    except UnreadablePdf as exc:
        refused = exc
    else:
        rebuilt = was_rebuilt(pdf.get_warnings())
        if rebuilt:
            _demand_key(pdf, source)
        return pdf, source, rebuilt
    if unknown := packing_filters(source) - KNOWN:
        names = ", ".join(sorted(unknown))
        raise UnreadablePdf(f"The PDF is packed in a way that is not known here: {names}.") from refused
    for mend in (mend_page_tree, salvage, _salvage_pages):
        if mend(source, mended, password):
            with suppress(UnreadablePdf):
                pdf = open_pdf(mended, password, limits)
                _demand_key(pdf, source)
                return pdf, mended, True
    raise refused


def _demand_key(pdf: Pdf, source: Path) -> None:
    """Refuse what is encrypted but does not say so any more: it would be taken for text and images."""
    if pdf.is_encrypted:
        return
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        encrypted = _SECURITY_HANDLER.search(data) is not None
    if encrypted:
        pdf.close()
        raise UnreadablePdf("The PDF is encrypted, and cut off where it says how: it cannot be decrypted any more.")


def _salvage_pages(source: Path, target: Path, password: str | None) -> bool:
    """Both: what is left of a file often has a page tree with holes."""
    whole = target.with_name(target.name + ".whole")
    try:
        return salvage(source, whole, password) and mend_page_tree(whole, target, password)
    finally:
        whole.unlink(missing_ok=True)
