"""Identical streams become one; nothing else does."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from pdfsmaller.engine.structure.identical import merge_identical_streams


@pytest.fixture
def pdf() -> Pdf:
    new = pikepdf.new()
    new.add_blank_page()
    new.add_blank_page()
    return new


def form(pdf: Pdf, content: bytes, **entries: pikepdf.Object) -> pikepdf.Stream:
    return pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]), **entries)


def test_identical_streams_become_one(pdf: Pdf) -> None:
    for page in pdf.pages:
        page.obj.Resources = Dictionary(XObject=Dictionary(X=form(pdf, b"0 0 9 9 re f")))
        page.Contents = pdf.make_stream(b"/X Do")
    merge_identical_streams(pdf)
    first, second = (page.obj.Resources.XObject.X.objgen for page in pdf.pages)
    assert first == second


def test_merging_goes_on_to_a_fixpoint(pdf: Pdf) -> None:
    """Two chains of three forms are the same only once their ends are one."""
    for page in pdf.pages:
        inner = form(pdf, b"0 0 9 9 re f")
        for _ in range(3):
            inner = form(pdf, b"/X Do", Resources=Dictionary(XObject=Dictionary(X=inner)))
        page.obj.Resources = Dictionary(XObject=Dictionary(X=inner))
    merge_identical_streams(pdf)
    assert pdf.pages[0].obj.Resources.XObject.X.objgen == pdf.pages[1].obj.Resources.XObject.X.objgen


def test_different_dictionaries_are_not_merged(pdf: Pdf) -> None:
    for number, page in enumerate(pdf.pages):
        page.obj.Resources = Dictionary(XObject=Dictionary(X=form(pdf, b"0 0 9 9 re f", StructParents=number)))
    merge_identical_streams(pdf)
    assert pdf.pages[0].obj.Resources.XObject.X.objgen != pdf.pages[1].obj.Resources.XObject.X.objgen


def test_pages_stay_apart_though_they_are_equal(pdf: Pdf) -> None:
    merge_identical_streams(pdf)
    assert len({page.objgen for page in pdf.pages}) == 2
