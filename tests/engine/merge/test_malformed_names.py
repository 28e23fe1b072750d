"""Documents whose names keep to no encoding."""

from __future__ import annotations

import pikepdf

from pdfsmaller.engine.structure.syntax import name_text
from tests.engine.merge.conftest import Join

LATIN = b"""%%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R/StructTreeRoot 6 0 R/Dests<</K\xfc[3 0 R/Fit]>>
/AcroForm<</Fields[]/DR<</Font<</H\xfc 4 0 R>>>>>>/Extensions<</A\xfc<</BaseVersion/1.7>>>> >> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Resources<</Font<</H\xfc 4 0 R>>>>
/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Dest/K\xfc>>] >> endobj
4 0 obj <</Type/Font/Subtype/Type1/BaseFont/%s>> endobj
5 0 obj <</S/R\xfc/P 6 0 R/K 0/Pg 3 0 R/C/C\xfc>> endobj
6 0 obj <</Type/StructTreeRoot/K 5 0 R/RoleMap<</R\xfc/%s>>/ClassMap<</C\xfc<</O/%s>>>>>> endobj
7 0 obj <</T\xfctle(A title)>> endobj
trailer <</Root 1 0 R/Info 7 0 R/Size 8>>
"""


def test_documents_with_names_in_latin_1_merge_with_each_other(join: Join) -> None:
    first, second = LATIN % (b"Helvetica", b"P", b"Layout"), LATIN % (b"Courier", b"H1", b"List")
    merged = join(first, second, first)
    dests = merged.root.Dests
    assert {key: merged.page_of(dests[key][0]) for key in dests.keys()} == {  # noqa: SIM118
        "/K\udcfc": 0,
        "/K\udcfc.2": 1,
        "/K\udcfc.3": 2,
    }
    assert [bytes(page.Annots[0].Dest) for page in merged.pdf.pages] == [b"/K\xfc", b"/K\xfc.2", b"/K\xfc.3"]
    fonts = merged.root.AcroForm.DR.Font
    assert sorted(str(fonts[key].BaseFont) for key in fonts.keys()) == ["/Courier", "/Helvetica"]  # noqa: SIM118
    roles = merged.root.StructTreeRoot.RoleMap
    elements = list(merged.root.StructTreeRoot.K)
    assert [str(roles[name_text(element.S)]) for element in elements] == ["/P", "/H1", "/P"]
    assert isinstance(merged.pdf.trailer.Info, pikepdf.Dictionary)
