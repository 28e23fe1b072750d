"""Links and named destinations lead to the same pages after merging."""

from __future__ import annotations

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join, Merged


def book(*, old_style: bool = False) -> bytes:
    """Two pages; the first has a link by name and one by page to the second."""
    doc = documents.Builder()
    pdf = doc.pdf
    for number in (1, 2):
        doc.page(f"BT /F1 12 Tf 72 700 Td (Page {number}) Tj ET")
    target = Array([pdf.pages[1].obj, Name.XYZ, 72, 700, 0])
    name = Name.chapter if old_style else String("chapter")
    links = [
        Dictionary(Dest=name),
        Dictionary(A=Dictionary(S=Name.GoTo, D=name)),
        Dictionary(A=Dictionary(S=Name.URI, URI=String("https://example.org"), Next=Dictionary(S=Name.GoTo, D=name))),
        Dictionary(Dest=target),
    ]
    for link in links:
        link.Type, link.Subtype, link.Rect = Name.Annot, Name.Link, Array([0, 0, 10, 10])
    pdf.pages[0].Annots = Array([pdf.make_indirect(link) for link in links])
    if old_style:
        pdf.Root.Dests = Dictionary(chapter=target)
    else:
        pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("chapter"), Dictionary(D=target)])))
    return doc.bytes()


def resolved(merged: Merged, destination: pikepdf.Object) -> int | None:
    """The page that a destination leads to."""
    if isinstance(destination, Name):
        destination = merged.root.Dests[str(destination)]
    elif isinstance(destination, String):
        destination = pikepdf.NameTree(merged.root.Names.Dests)[str(destination)]
    if isinstance(destination, Dictionary):
        destination = destination.D
    return merged.page_of(destination[0])


def link_targets(merged: Merged, page: int) -> list[int | None]:
    found = []
    for link in merged.pdf.pages[page].obj.get("/Annots", []):
        node = link
        if "/A" in link:
            node = link.A.get("/Next", link.A)
        found.append(resolved(merged, node.Dest if "/Dest" in node else node.D))
    return found


def test_links_of_documents_with_the_same_names_lead_to_their_own_pages(join: Join) -> None:
    merged = join(book(), book(), book())
    assert [link_targets(merged, page) for page in (0, 2, 4)] == [[1] * 4, [3] * 4, [5] * 4]
    assert sorted(pikepdf.NameTree(merged.root.Names.Dests)) == ["chapter", "chapter.2", "chapter.3"]


def test_names_of_the_old_kind_are_kept_apart_too(join: Join) -> None:
    merged = join(book(old_style=True), book(), book(old_style=True))
    assert [link_targets(merged, page) for page in (0, 2, 4)] == [[1] * 4, [3] * 4, [5] * 4]
    assert sorted(merged.root.Dests.keys()) == ["/chapter", "/chapter.2"]


def test_a_new_name_is_none_that_the_document_has_itself(join: Join) -> None:
    def rename(pdf: Pdf) -> None:
        pair = pdf.Root.Names.Dests.Names
        pdf.Root.Names.Dests.Names = Array([*pair, String("chapter.2"), Array([pdf.pages[0].obj, Name.Fit])])

    merged = join(book(), documents.edited(book(), rename))
    names = pikepdf.NameTree(merged.root.Names.Dests)
    assert sorted(names) == ["chapter", "chapter.2", "chapter.3"]
    assert link_targets(merged, 2) == [3] * 4
    assert resolved(merged, String("chapter.2")) == 2


def test_links_to_pages_left_out_are_gone_and_counted(join: Join) -> None:
    merged = join(book(), pages=["1"])
    assert [str(link.A.S) for link in merged.pdf.pages[0].Annots] == ["/URI"]
    assert "/Names" not in merged.root
    assert [w.message for w in merged.report.warnings if w.code == "links_dropped"] == [
        "Links to pages that were left out are gone: 3."
    ]


def test_links_follow_pages_to_their_new_order(join: Join) -> None:
    merged = join(book(), pages=["2,1"])
    assert link_targets(merged, 1) == [0] * 4


def test_thousands_of_names_make_a_sound_tree(join: Join) -> None:
    def many(pdf: Pdf) -> None:
        names = [(String(f"n{n:05}"), Array([pdf.pages[n % 2].obj, Name.Fit])) for n in range(9_000)]
        pdf.Root.Names.Dests.Names = Array([item for pair in names for item in pair])

    merged = join(documents.edited(book(), many))
    tree = pikepdf.NameTree(merged.root.Names.Dests)
    assert len(tree) == 9_000
    assert merged.page_of(tree["n08999"][0]) == 1
    assert "/Limits" not in merged.root.Names.Dests
