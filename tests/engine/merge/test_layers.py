"""Layers show and hide as they did."""

from __future__ import annotations

from pikepdf import Array, Dictionary, Name, Pdf

from tests import documents
from tests.engine.merge.conftest import Join, Merged


def hidden(merged: Merged) -> list[bool]:
    default = merged.root.OCProperties.D
    off = {group.objgen for group in default.get("/OFF", [])}
    assert default.get("/BaseState", Name.ON) == Name.ON
    return [group.objgen in off for group in merged.root.OCProperties.OCGs]


def layered(*off: int, base_state: str | None = None) -> bytes:
    def switch(pdf: Pdf) -> None:
        groups = list(pdf.Root.OCProperties.OCGs)
        default = Dictionary(Order=Array(groups))
        if base_state:
            default.BaseState = Name(base_state)
            default.ON = Array([group for n, group in enumerate(groups) if n not in off])
        else:
            default.OFF = Array([groups[n] for n in off])
        pdf.Root.OCProperties.D = default

    return documents.edited(documents.structured(2), switch)


def test_groups_keep_what_they_show(join: Join) -> None:
    merged = join(layered(), layered(1), layered(0, base_state="/OFF"))
    assert [str(group.Name) for group in merged.root.OCProperties.OCGs] == ["Layer one", "Layer two"] * 3
    assert hidden(merged) == [False, False, False, True, True, False]
    assert len(merged.root.OCProperties.D.Order) == 6


def test_pages_refer_to_the_groups_that_are_listed(join: Join) -> None:
    merged = join(layered(), layered(1))
    listed = {group.objgen for group in merged.root.OCProperties.OCGs}
    for page in merged.pdf.pages:
        assert {group.objgen for _, group in page.Resources.Properties.items()} <= listed


def test_both_copies_of_a_page_hang_on_the_same_switch(join: Join) -> None:
    merged = join(layered(1), pages=["1,1"])
    first, second = (page.Resources.Properties for page in merged.pdf.pages)
    assert first.L0.objgen == second.L0.objgen
    assert len(merged.root.OCProperties.OCGs) == 2
