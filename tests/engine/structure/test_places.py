"""Places of links and destinations in tenths of a point, and nothing else changed."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from pdfsmaller.engine.structure.places import in_tenths
from tests import documents
from tests.engine.conftest import Run

LINK = b"<< /A << /S /URI /URI (/Rect [ 1.234 5.678 ]) >> /Rect [ 349.341 687.55 -.04 5 ] /Subtype /Link >>"


def test_a_link_lies_on_tenths() -> None:
    assert in_tenths(LINK) == LINK.replace(b"349.341 687.55 -.04 5", b"349.3 687.5 -0.0 5")


@pytest.mark.parametrize("kind", [b"/Widget", b"/Stamp", b"/LinkWidget"])
def test_what_draws_something_stays_where_it_is(kind: bytes) -> None:
    other = LINK.replace(b"/Link", kind)
    assert in_tenths(other) == other
    both = b"<< /Annots [ %s %s ] >>" % (LINK, other)
    assert in_tenths(both) == both


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (b"[ 5 0 R /XYZ 133.768 667.198 null ]", b"[ 5 0 R /XYZ 133.8 667.2 null ]"),
        (b"[ 5 0 R /XYZ 133.768 667.198 1.255 ]", b"[ 5 0 R /XYZ 133.8 667.2 1.255 ]"),
        (b"[ 5 0 R /XYZ null 667.198 1.255 ]", b"[ 5 0 R /XYZ null 667.198 1.255 ]"),
        (b"[ 5 0 R /FitH 667.198 ]", b"[ 5 0 R /FitH 667.2 ]"),
        (b"[ 5 0 R /FitR 1.01 2.02 3.03 4.04 ]", b"[ 5 0 R /FitR 1.0 2.0 3.0 4.0 ]"),
        (b"[ (/XYZ 1.234 1.234) /XYZ 1.234 .1 0 ]", b"[ (/XYZ 1.234 1.234) /XYZ 1.2 .1 0 ]"),
        (b"<< /XYZ2 1.234 /Fit 1.234 /Width 1.234 >>", b"<< /XYZ2 1.234 /Fit 1.234 /Width 1.234 >>"),
    ],
)
def test_a_destination_is_on_tenths_and_keeps_its_zoom(given: bytes, wanted: bytes) -> None:
    assert in_tenths(given) == wanted


@pytest.mark.parametrize("preset", ["ebook", "lossless"])
def test_places_are_on_tenths_where_losses_are_allowed(run: Run, preset: str) -> None:
    def link(pdf: Pdf) -> None:
        page = pdf.pages[0].obj
        rect = Array([pikepdf.Object.parse(b"72.123"), 600, 300, pikepdf.Object.parse(b"630.678")])
        page.Annots = Array(
            [
                pdf.make_indirect(
                    Dictionary(
                        Type=Name.Annot, Subtype=Name.Link, Rect=rect, A=Dictionary(S=Name.URI, URI=String("u:v"))
                    )
                )
            ]
        )

    result = run(documents.edited(documents.text(), link), preset=preset)
    with Pdf.open(Path(result.target)) as pdf:
        rect = [float(edge) for edge in pdf.pages[0].obj.Annots[0].Rect.as_list()]
    assert rect == ([72.1, 600, 300, 630.7] if preset == "ebook" else [72.123, 600, 300, 630.678])
