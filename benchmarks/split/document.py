"""A document that has everything that splitting may lose, made anew in each run, and always the same."""

from __future__ import annotations

from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from tests import documents

PAGES_OF_CHAPTER = 10


def write(path: Path, pages: int) -> None:
    """So many pages, each with a picture of its own, text, a tag, a field, and links to the contents and to a chapter.

    All pages have one dictionary of resources, in which all pictures are.
    """
    doc = documents.Builder()
    pdf = doc.pdf
    images = {
        f"/Im{n}": doc.image(documents.photo(420 + 12 * (n % 11), 320, seed=n), encode="jpeg") for n in range(pages)
    }
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Pictures")))
    shared = pdf.make_indirect(
        Dictionary(XObject=Dictionary(images), Font=Dictionary(F1=doc.helvetica), Properties=Dictionary(L0=layer))
    )
    for number in range(pages):
        text = f"BT /F1 12 Tf 72 720 Td (Page {number + 1} of chapter {number // PAGES_OF_CHAPTER + 1}) Tj ET"
        picture = f"/OC /L0 BDC q 400 0 0 300 72 300 cm /Im{number} Do Q EMC"
        page = doc.page(f"/P <</MCID 0>> BDC {text} EMC {picture}", StructParents=number)
        page.obj.Resources = shared
    _tag(pdf)
    chapters = list(range(0, pages, PAGES_OF_CHAPTER))
    names = [(b"chapter-%04d" % (first // PAGES_OF_CHAPTER + 1), first) for first in chapters]
    pairs = [part for name, first in names for part in (String(name), Array([pdf.pages[first].obj, Name.Fit]))]
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array(pairs)))
    with pdf.open_outline() as outline:
        outline.root += [pikepdf.OutlineItem(f"Chapter {n}", first) for n, first in enumerate(chapters, 1)]
    pdf.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.r), 4, Dictionary(S=Name.D)]))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(Order=Array([layer])))
    fields = []
    for number, page in enumerate(pdf.pages):
        field = pdf.make_indirect(_widget(page.obj, number))
        fields.append(field)
        others = [
            _link(number, String(names[number * 7 % len(names)][0])),
            _link(number, Array([pdf.pages[0].obj, Name.Fit])),
        ]
        page.obj.Annots = Array([field, *(pdf.make_indirect(link) for link in others)])
    pdf.Root.AcroForm = Dictionary(Fields=Array(fields), DR=Dictionary(Font=Dictionary(Helv=doc.helvetica)))
    pdf.save(path, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _tag(pdf: pikepdf.Pdf) -> None:
    tree = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    elements = [
        pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.P, P=tree, Pg=page.obj, K=0)) for page in pdf.pages
    ]
    tree.K = Array(elements)
    parents = Array([part for number, element in enumerate(elements) for part in (number, Array([element]))])
    tree.ParentTree = pdf.make_indirect(Dictionary(Nums=parents))
    pdf.Root.StructTreeRoot = tree
    pdf.Root.MarkInfo = Dictionary(Marked=True)


def _widget(page: pikepdf.Object, number: int) -> Dictionary:
    return Dictionary(
        Type=Name.Annot,
        Subtype=Name.Widget,
        Rect=Array([72, 200, 272, 220]),
        P=page,
        FT=Name.Tx,
        T=String(f"note-{number + 1}"),
        V=String("nothing yet"),
        DA=String("/Helv 12 Tf 0 g"),
    )


def _link(number: int, destination: pikepdf.Object) -> Dictionary:
    return Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=Array([72, 100 + number % 50, 172, 120 + number % 50]),
        Border=Array([0, 0, 0]),
        Dest=destination,
    )
