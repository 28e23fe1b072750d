"""Name and number trees in few, full leaves."""

from __future__ import annotations

from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from pdfsmaller.engine.fingerprint import Reader
from pdfsmaller.engine.structure.trees import fill_trees


def tree(pdf: Pdf, pairs: list[tuple[Any, Any]], leaves: str, fan_out: int = 3) -> Dictionary:
    nodes = []
    for start in range(0, len(pairs), fan_out):
        part = pairs[start : start + fan_out]
        flat = Array([item for pair in part for item in pair])
        nodes.append(Dictionary({"/Limits": Array([part[0][0], part[-1][0]]), leaves: flat}))
    while len(nodes) > fan_out:
        some = [nodes[start : start + fan_out] for start in range(0, len(nodes), fan_out)]
        nodes = [
            Dictionary(
                Limits=Array([kids[0].Limits[0], kids[-1].Limits[1]]), Kids=Array([pdf.make_indirect(k) for k in kids])
            )
            for kids in some
        ]
    return Dictionary(Kids=Array([pdf.make_indirect(node) for node in nodes]))


def read(pdf: Pdf) -> tuple[Any, ...]:
    reader = Reader(pdf, 10_000)
    labels = reader.tree(pdf.Root.PageLabels, "/Nums", set())
    return reader.destinations(), [(key, reader.plain(value)) for key, value in labels]


@pytest.fixture
def pdf() -> Pdf:
    new = pikepdf.new()
    new.add_blank_page()
    return new


@pytest.mark.parametrize("count", [5, 700])
def test_the_entries_stay(pdf: Pdf, count: int) -> None:
    page = pdf.pages[0].obj
    pairs = [
        (String(f"n{n:04}"), pdf.make_indirect(Dictionary(D=Array([page, Name.XYZ, n, n, None])))) for n in range(count)
    ]
    pdf.Root.Names = Dictionary(Dests=tree(pdf, pairs, "/Names"))
    labels = [(n, Dictionary(S=Name.D, St=n + 1)) for n in range(count)]
    pdf.Root.PageLabels = tree(pdf, labels, "/Nums")
    before = read(pdf)
    fill_trees(pdf)
    assert read(pdf) == before
    dests = pdf.Root.Names.Dests
    assert len(dests.Names) == 2 * count if count < 256 else len(dests.Kids) == 3


def test_a_tree_out_of_order_is_left_alone(pdf: Pdf) -> None:
    pairs = [(String(name), Array([pdf.pages[0].obj, Name.Fit])) for name in "bacdefghijk"]
    pdf.Root.Names = Dictionary(Dests=tree(pdf, pairs, "/Names"))
    fill_trees(pdf)
    assert "/Kids" in pdf.Root.Names.Dests


def test_a_tree_with_a_loop_is_left_alone(pdf: Pdf) -> None:
    node = pdf.make_indirect(Dictionary(Kids=Array([])))
    node.Kids.append(node)
    pdf.Root.Names = Dictionary(Dests=Dictionary(Kids=Array([node])))
    fill_trees(pdf)
    assert pdf.Root.Names.Dests.Kids[0].objgen == node.objgen
