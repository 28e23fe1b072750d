"""Forms work as before: values, appearances, scripts, calculation order."""

from __future__ import annotations

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join


def order(*, amount: str = "10", font: str = "Helvetica") -> bytes:
    """Fields price.net, price.vat and total; total is calculated after vat."""
    doc = documents.Builder()
    pdf = doc.pdf
    page = doc.page("BT /F1 12 Tf 72 740 Td (An order) Tj ET")
    helv = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/" + font)))
    resources = Dictionary(Font=Dictionary(Helv=helv))

    def field(y: int, name: str, value: str, script: str = "") -> pikepdf.Object:
        shown = doc.flate(
            f"/Tx BMC BT /Helv 9 Tf 2 5 Td ({value}) Tj ET EMC".encode(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 90, 20]),
            Resources=resources,
        )
        made = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String(name),
            V=String(value),
            DA=String("0 g /Helv 9 Tf"),
            Rect=Array([72, y, 162, y + 20]),
            P=page.obj,
            AP=Dictionary(N=shown),
        )
        if script:
            made.AA = Dictionary(C=Dictionary(S=Name.JavaScript, JS=String(script)))
        return pdf.make_indirect(made)

    net = field(700, "net", amount)
    vat = field(670, "vat", "2", 'event.value = this.getField("price.net").value * 0.2;')
    total = field(640, "total", "12", "AFSimple_Calculate('SUM', 'price.net, price.vat'); // price.net, \"total\"")
    price = pdf.make_indirect(Dictionary(T=String("price"), Kids=Array([net, vat])))
    net.Parent = vat.Parent = price
    page.Annots = Array([net, vat, total])
    pdf.Root.AcroForm = Dictionary(Fields=Array([price, total]), CO=Array([vat, total]), DR=resources)
    return doc.bytes()


def test_fields_of_one_name_stay_separate_with_their_values(join: Join) -> None:
    merged = join(order(amount="10"), order(amount="99"))
    values = {name: str(field.V) for name, field in merged.fields().items()}
    assert values == {
        "price.net": "10",
        "price.vat": "2",
        "total": "12",
        "price_2.net": "99",
        "price_2.vat": "2",
        "total_2": "12",
    }
    assert "fields_renamed" in merged.warnings()


def test_every_widget_on_a_page_belongs_to_the_form(join: Join) -> None:
    merged = join(order(), documents.form(), order())
    known = {field.objgen for field in merged.fields().values()}
    shown = {widget.objgen for page in merged.pdf.pages for widget in page.Annots}
    assert known == shown
    for field in merged.fields().values():
        assert merged.page_of(field.P) is not None
        assert len(field.AP.N.read_bytes() if isinstance(field.AP.N, pikepdf.Stream) else field.AP.N.Yes.read_bytes())


def test_calculations_keep_their_order_and_their_fields(join: Join) -> None:
    merged = join(order(), order())
    names = {field.objgen: name for name, field in merged.fields().items()}
    assert [names[f.objgen] for f in merged.root.AcroForm.CO] == ["price.vat", "total", "price_2.vat", "total_2"]
    fields = merged.fields()
    assert str(fields["price.vat"].AA.C.JS) == 'event.value = this.getField("price.net").value * 0.2;'
    assert str(fields["price_2.vat"].AA.C.JS) == 'event.value = this.getField("price_2.net").value * 0.2;'
    assert str(fields["total_2"].AA.C.JS).startswith("AFSimple_Calculate('SUM', 'price_2.net, price_2.vat');")


def test_fonts_of_one_name_that_differ_are_both_there(join: Join) -> None:
    merged = join(order(), order(font="Courier"), order())
    fonts = merged.root.AcroForm.DR.Font
    assert {name: str(font.BaseFont) for name, font in fonts.items()} == {"/Helv": "/Helvetica", "/Helv_2": "/Courier"}
    fields = merged.fields()
    assert str(fields["total"].DA) == "0 g /Helv 9 Tf"
    assert str(fields["total_2"].DA) == "0 g /Helv_2 9 Tf"
    assert str(fields["total_3"].DA) == "0 g /Helv 9 Tf"


def test_what_was_said_for_a_whole_form_holds_for_its_fields_alone(join: Join) -> None:
    def default(appearance: str, align: int) -> bytes:
        def change(pdf: Pdf) -> None:
            pdf.Root.AcroForm.DA = String(appearance)
            pdf.Root.AcroForm.Q = align
            for field in pdf.Root.AcroForm.Fields:
                if "/DA" in field:
                    del field["/DA"]

        return documents.edited(documents.form(), change)

    merged = join(default("/Helv 9 Tf", 0), default("/Helv 12 Tf", 2))
    assert str(merged.root.AcroForm.DA) == "/Helv 9 Tf"
    second = merged.fields()["name_2"]
    assert (str(second.DA), second.Q) == ("/Helv 12 Tf", 2)


def test_fields_of_pages_left_out_are_gone(join: Join) -> None:
    def second_page(pdf: Pdf) -> None:
        page = pdf.add_blank_page(page_size=(612, 792))
        total = pdf.Root.AcroForm.Fields[1]
        total.P = page.obj
        page.Annots = Array([total])
        pdf.pages[0].Annots = Array([a for a in pdf.pages[0].Annots if a.objgen != total.objgen])

    data = documents.edited(order(), second_page)
    assert set(join(data, pages=["1"]).fields()) == {"price.net", "price.vat"}
    merged = join(data, pages=["2"])
    assert set(merged.fields()) == {"total"}
    assert len(merged.root.AcroForm.CO) == 1


def test_a_page_taken_twice_has_fields_of_its_own_each_time(join: Join) -> None:
    merged = join(order(), pages=["1,1"])
    assert sorted(merged.fields()) == ["price.net", "price.vat", "price_2.net", "price_2.vat", "total", "total_2"]
    first, second = (page.Annots for page in merged.pdf.pages)
    assert not {a.objgen for a in first} & {a.objgen for a in second}


def test_signatures_end_and_are_announced(join: Join) -> None:
    merged = join(documents.text(1), documents.signed())
    assert "signature_invalidated" in merged.warnings()
    assert "/Perms" not in merged.root
    assert not any(isinstance(obj, Dictionary) and obj.get("/Type") == Name.Sig for obj in merged.pdf.objects)


def test_a_visible_signature_keeps_its_look_and_an_empty_field_its_purpose(join: Join) -> None:
    def show(pdf: Pdf) -> None:
        box = Array([0, 0, 90, 20])
        shown = pdf.make_stream(b"1 0 0 rg 0 0 90 20 re f", Type=Name.XObject, Subtype=Name.Form, BBox=box)
        pdf.Root.AcroForm.Fields[0].Rect = Array([72, 700, 162, 720])
        pdf.Root.AcroForm.Fields[0].AP = Dictionary(N=pdf.make_indirect(shown))
        empty = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T=String("empty"), Rect=Array([0] * 4))
        pdf.pages[0].Annots.append(pdf.make_indirect(empty))
        pdf.Root.AcroForm.Fields.append(pdf.pages[0].Annots[1])

    merged = join(documents.edited(documents.signed(), show), documents.text(1))
    fields = merged.fields()
    assert (str(fields["Signature1"].FT), fields["Signature1"].Ff & 1) == ("/Btn", 1)
    assert fields["Signature1"].AP.N.read_bytes() == b"1 0 0 rg 0 0 90 20 re f"
    assert fields["empty"].FT == "/Sig"


def test_xfa_goes_and_is_announced(join: Join) -> None:
    def add_xfa(pdf: Pdf) -> None:
        pdf.Root.AcroForm.XFA = pdf.make_stream(b"<xdp/>")

    merged = join(documents.edited(documents.form(), add_xfa), documents.text(1))
    assert "xfa_dropped" in merged.warnings()
    assert "/XFA" not in merged.root.AcroForm
    assert "name" in merged.fields()
