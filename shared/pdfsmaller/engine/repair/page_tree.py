"""Page trees that qpdf refuses, mended.

qpdf gives up where a node of the page tree is met twice. Real files have that: some versions of macOS's Quartz fill
their trees up with references to one empty node.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Object

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.save import BETWEEN, save
from pdfsmaller.errors import UnreadablePdf

# Trees of a million pages are a few levels deep.
MAX_DEPTH = 100


def mend_page_tree(source: Path, target: Path, password: str | None) -> bool:
    """Write a copy of ``source`` whose page tree has every node once and no empty one, encrypted as before.

    Returns:
        Whether there is a copy: False where the file has worse troubles, or no pages.
    """
    # Without inheriting: that is the step which walks the whole tree and stumbles.
    with (
        suppress(UnreadablePdf),
        tolerate("page_tree"),
        pikepdf.open(source, password=password or "", suppress_warnings=True, inherit_page_attributes=False) as pdf,
    ):
        root = pdf.Root.get("/Pages")
        pages = _prune(root, set(), 0) if isinstance(root, Dictionary) else 0
        if pages:
            save(pdf, target, BETWEEN)
        return pages > 0
    return False


def _prune(node: Object, seen: set[ObjGen], depth: int) -> int:
    """Drop the nodes below ``node`` that were met before or hold no page; how many pages are left."""
    seen.add(node.objgen)
    kept, pages = [], 0
    kids = node.get("/Kids")
    for kid in kids.as_list() if isinstance(kids, Array) else []:
        if not isinstance(kid, Dictionary):
            continue
        if "/Kids" not in kid:
            if str(kid.get("/Type", "/Page")) == "/Page":
                kept.append(kid)
                pages += 1
            continue
        if kid.objgen in seen or depth > MAX_DEPTH:
            continue
        if below := _prune(kid, seen, depth + 1):
            kept.append(kid)
            pages += below
    node["/Kids"] = Array(kept)
    node["/Count"] = pages
    return pages
