"""Tags: one tree in which every document's elements are, with the meaning they had."""

from __future__ import annotations

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join, Merged


def tagged(
    *, role: str = "P", meaning: str | None = None, pages: int = 2, ids: bool = False, language: str | None = None
) -> bytes:
    """A paragraph on each page, below one Document element; its role may be one of the document's own."""
    doc = documents.Builder()
    pdf = doc.pdf
    for number in range(pages):
        doc.page(f"/P <</MCID 0>> BDC BT /F1 12 Tf 72 700 Td (Page {number}) Tj ET EMC", StructParents=number)
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    top = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=root))
    elements = [
        pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name("/" + role), P=top, Pg=page.obj, K=0))
        for page in pdf.pages
    ]
    top.K = Array(elements)
    root.K = top
    root.ParentTree = Dictionary(Nums=Array([v for n, element in enumerate(elements) for v in (n, Array([element]))]))
    root.ParentTreeNextKey = pages
    if meaning:
        root.RoleMap = Dictionary({"/" + role: Name("/" + meaning)})
    if ids:
        elements[0].ID = String("head")
        elements[-1].A = Dictionary(O=Name.Table, Headers=Array([String("head")]))
        root.IDTree = Dictionary(Names=Array([String("head"), elements[0]]))
    pdf.Root.StructTreeRoot = root
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    if language:
        pdf.Root.Lang = String(language)
    return doc.bytes()


def element_of(merged: Merged, page: int) -> pikepdf.Dictionary:
    """The element that a page's first marked content belongs to."""
    tree = pikepdf.NumberTree(merged.root.StructTreeRoot.ParentTree)
    return tree[int(merged.pdf.pages[page].obj.StructParents)][0]


def test_every_page_finds_its_elements(join: Join) -> None:
    merged = join(tagged(), documents.text(1), tagged(pages=3))
    for page in (0, 1, 3, 4, 5):
        element = element_of(merged, page)
        assert merged.page_of(element.Pg) == page
        assert element.P.P.objgen == merged.root.StructTreeRoot.objgen
    assert [str(kid.S) for kid in merged.root.StructTreeRoot.K] == ["/Document", "/Document"]
    assert merged.root.StructTreeRoot.ParentTreeNextKey == 5


def test_a_result_with_untagged_pages_says_that_tags_may_be_missing(join: Join) -> None:
    mixed = join(tagged(), documents.text(1)).root.MarkInfo
    assert (bool(mixed.Marked), bool(mixed.Suspects)) == (True, True)
    assert "/Suspects" not in join(tagged(), tagged()).root.MarkInfo


def test_a_role_that_means_something_else_gets_another_name(join: Join) -> None:
    merged = join(
        tagged(role="Kopf", meaning="H1"), tagged(role="Kopf", meaning="TH"), tagged(role="Kopf", meaning="H1")
    )
    roles = merged.root.StructTreeRoot.RoleMap
    assert [str(roles[str(element_of(merged, page).S)]) for page in (0, 2, 4)] == ["/H1", "/TH", "/H1"]


def test_ids_stay_unique_and_headers_follow(join: Join) -> None:
    merged = join(tagged(ids=True), tagged(ids=True))
    tree = pikepdf.NameTree(merged.root.StructTreeRoot.IDTree)
    assert sorted(tree) == ["head", "head.2"]
    for name, first in (("head", 0), ("head.2", 2)):
        assert tree[name].objgen == element_of(merged, first).objgen
        assert str(element_of(merged, first).ID) == name
        assert str(element_of(merged, first + 1).A.Headers[0]) == name


def test_elements_of_pages_left_out_are_gone(join: Join) -> None:
    merged = join(tagged(pages=4), pages=["2-3"])
    elements = merged.root.StructTreeRoot.K[0].K
    assert [merged.page_of(element.Pg) for element in elements] == [0, 1]
    assert len(pikepdf.NumberTree(merged.root.StructTreeRoot.ParentTree)) == 2
    assert sum(isinstance(o, Dictionary) and o.get("/S") == Name.P for o in merged.pdf.objects) == 2


def test_both_copies_of_a_page_have_elements(join: Join) -> None:
    merged = join(tagged(pages=1), pages=["1,1"])
    assert [merged.page_of(element_of(merged, page).Pg) for page in (0, 1)] == [0, 1]


def test_another_language_is_kept_with_its_elements(join: Join) -> None:
    merged = join(tagged(language="en"), tagged(language="nl"))
    assert str(merged.root.Lang) == "en"
    first, second = merged.root.StructTreeRoot.K
    assert "/Lang" not in first
    assert str(second.Lang) == "nl"


def test_keys_into_a_tree_that_is_not_there_are_dropped(join: Join) -> None:
    def no_tree(pdf: Pdf) -> None:
        del pdf.Root.StructTreeRoot

    merged = join(documents.edited(tagged(), no_tree), tagged())
    assert "/StructParents" not in merged.pdf.pages[0]
    assert merged.page_of(element_of(merged, 2).Pg) == 2
