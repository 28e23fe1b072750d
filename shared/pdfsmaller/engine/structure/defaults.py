"""Entries that say nothing: what is so without them, and what no reader asks for any more.

Boxes of pages that are what they would be anyway (ISO 32000-1, 14.11.2), procedure sets and names of fonts (obsolete:
14.2, 9.6.2), measures of fonts that serve to find a substitute for one which is not embedded (9.8.1), and when a page
or form was changed last, which serves applications' private data (14.5). PDF/X wants its boxes said: they stay there.
"""

from __future__ import annotations

from pikepdf import Array, Dictionary, Object, Page, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry

# Page trees are shallow; a loop of parents ends here.
_MOST_DEPTH = 64
_INNER_BOXES = ("/BleedBox", "/TrimBox", "/ArtBox")
_SUBSTITUTES = ("/AvgWidth", "/MaxWidth", "/Leading", "/XHeight", "/StemH")
_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_PDFX = "/GTS_PDFX"


def drop_defaults(pdf: Pdf) -> None:
    """Take such entries out of pages, forms and fonts."""
    with tolerate("document"):
        boxes = not _is_pdfx(pdf)
        for page in pdf.pages:
            _drop_procedures(page.obj)
            if "/LastModified" in page.obj and "/PieceInfo" not in page.obj:
                del page.obj["/LastModified"]
            with tolerate("page"):
                if boxes:
                    _drop_boxes(page)
                if entry(page.obj, "/Rotate") == 0 and not _inherits(page.obj, "/Rotate"):
                    del page.obj["/Rotate"]
    names = entry(pdf.Root, "/Names")
    if isinstance(names, Dictionary) and not names.keys():
        del pdf.Root["/Names"]
    for obj in pdf.objects:
        if isinstance(obj, Stream):
            _drop_procedures(obj)
            if "/LastModified" in obj and "/PieceInfo" not in obj:
                del obj["/LastModified"]
        elif isinstance(obj, Dictionary) and "/BaseFont" in obj:
            if "/Name" in obj:
                del obj["/Name"]
        elif isinstance(obj, Dictionary) and "/FontName" in obj and any(key in obj for key in _FONT_FILES):
            for key in _SUBSTITUTES:
                if key in obj:
                    del obj[key]


def _is_pdfx(pdf: Pdf) -> bool:
    intents = entry(pdf.Root, "/OutputIntents")
    if not isinstance(intents, Array):
        return False
    return any(isinstance(intent, Dictionary) and intent.get("/S") == _PDFX for intent in intents.as_list())


def _drop_procedures(holder: Object) -> None:
    resources = entry(holder, "/Resources")
    if isinstance(resources, Dictionary) and "/ProcSet" in resources:
        del resources["/ProcSet"]


def _drop_boxes(page: Page) -> None:
    crop = _edges(page.cropbox)
    for name in _INNER_BOXES:
        if name in page.obj and _edges(page.obj[name]) == crop:
            del page.obj[name]
    if "/CropBox" in page.obj and crop == _edges(page.mediabox) and not _inherits(page.obj, "/CropBox"):
        del page.obj["/CropBox"]


def _edges(box: Object) -> list[float]:
    return [float(edge) for edge in box.as_list()] if isinstance(box, Array) else []


def _inherits(page: Object, key: str) -> bool:
    """Whether what the page's own entry hides stands in an ancestor."""
    node = entry(page, "/Parent")
    for _ in range(_MOST_DEPTH):
        if not isinstance(node, Dictionary):
            return False
        if key in node:
            return True
        node = entry(node, "/Parent")
    return True
