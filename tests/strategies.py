"""Random small PDFs for property tests, simplest first: hypothesis shrinks a failure to the few things it takes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pikepdf
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, String
from PIL import Image

from tests import documents, typefaces
from tests.documents import Builder

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Document:
    """A PDF, the password that opens it, and in words what it holds."""

    def __init__(self, data: bytes, password: str | None, what: str) -> None:
        self.data, self.password, self.what = data, password, what

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes: {self.what}>"


# --- pictures ---------------------------------------------------------------------------------------------------------


@cache
def _photo() -> Image.Image:
    return documents.photo(220, 160)


@cache
def _letters() -> Image.Image:
    return documents.lettering(320, 200, 6)


def _space(doc: Builder, image: Image.Image) -> dict[str, Any]:
    profile = doc.flate(documents.srgb_profile(), N=3)
    return {"ColorSpace": Array([Name.ICCBased, profile])} if image.mode == "RGB" else {}


def _indexed(doc: Builder) -> pikepdf.Object:
    chart = documents.chart(200, 140, 6).quantize(16)
    palette = bytes(chart.getpalette() or ())[:48].ljust(48, b"\0")
    return doc.flate(
        chart.tobytes(),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=200,
        Height=140,
        BitsPerComponent=8,
        ColorSpace=Array([Name.Indexed, Name.DeviceRGB, 15, palette]),
    )


def _stencil(doc: Builder) -> pikepdf.Object:
    letters = _letters().convert("1")
    return doc.flate(
        letters.tobytes(),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=letters.width,
        Height=letters.height,
        ImageMask=True,
        BitsPerComponent=1,
    )


def _masked(doc: Builder, encode: str) -> pikepdf.Object:
    mask = Image.linear_gradient("L").resize((110, 80))
    return doc.image(_photo(), encode=encode, SMask=doc.image(mask))


PICTURES: dict[str, Callable[[Builder], pikepdf.Object]] = {
    "photo, JPEG": lambda doc: doc.image(_photo(), encode="jpeg"),
    "photo": lambda doc: doc.image(_photo()),
    "gray photo": lambda doc: doc.image(_photo().convert("L")),
    "gray photo as RGB": lambda doc: doc.image(_photo().convert("L").convert("RGB")),
    "letters": lambda doc: doc.image(_letters()),
    "letters, 1 bit": lambda doc: doc.image(_letters().convert("1")),
    "letters, inverted": lambda doc: doc.image(_letters().point(lambda v: 255 - v).convert("1"), Decode=Array([1, 0])),
    "profiled": lambda doc: doc.image(_photo(), **_space(doc, _photo())),
    "profiled, JPEG": lambda doc: doc.image(_photo(), encode="jpeg", **_space(doc, _photo())),
    "CMYK": lambda doc: doc.image(_photo().convert("CMYK")),
    "chart": lambda doc: doc.image(documents.chart(200, 140, 6)),
    "palette": _indexed,
    "stencil": _stencil,
    "soft mask": lambda doc: _masked(doc, "flate"),
    "soft mask, JPEG": lambda doc: _masked(doc, "jpeg"),
    "colour key": lambda doc: doc.image(documents.chart(120, 90, 4), Mask=Array([255, 255] * 3)),
}

# --- what pages show --------------------------------------------------------------------------------------------------

_numbers = st.integers(0, 400)
_words = st.text(typefaces.LETTERS + "  é", min_size=1, max_size=18)
_colors = st.sampled_from(["0 g", "0.5 g", "1 0 0 rg", "0.1 0.4 0.8 rg", "0 1 1 0 k"])


@dataclass
class _Page:
    """A page or form in the making."""

    doc: Builder
    fonts: dict[str, pikepdf.Object]
    xobjects: dict[str, pikepdf.Object]
    content: list[bytes]
    what: list[str]

    def named(self, kind: dict[str, pikepdf.Object], obj: pikepdf.Object) -> bytes:
        name = f"{'F' if kind is self.fonts else 'X'}{len(kind) + 1}"
        kind[name] = obj
        return name.encode()


def _text(draw: Draw, page: _Page, shared: dict[str, pikepdf.Object]) -> None:
    kind = draw(st.sampled_from(["Helvetica", *typefaces.KINDS]))
    words = draw(_words)
    if kind == "Helvetica":
        font, shown = page.doc.helvetica, b"(%s)" % words.encode("cp1252")
    else:
        font = shared.setdefault(kind, typefaces.KINDS[kind](page.doc.pdf))
        shown = typefaces.shown(kind, words)
    name = page.named(page.fonts, font)
    x, y, size = draw(_numbers), draw(_numbers), draw(st.sampled_from([12, 7.5, 31]))
    page.content.append(b"BT /%s %g Tf %d %d Td %s Tj ET" % (name, size, x, y, shown))
    page.what.append(f"text in {kind}")


def _picture(draw: Draw, page: _Page, shared: dict[str, pikepdf.Object]) -> None:
    kind = draw(st.sampled_from(list(PICTURES)))
    image = shared[kind] if kind in shared and draw(st.booleans()) else PICTURES[kind](page.doc)
    shared[kind] = image
    name = page.named(page.xobjects, image)
    wide, high = draw(st.sampled_from([(120, 90), (30, 22), (300, 200)]))
    matrix = draw(st.sampled_from(["%d 0 0 %d", "0 %d -%d 0", "%d 5 9 %d"])) % (wide, high)
    page.content.append(f"q {matrix} {draw(_numbers)} {draw(_numbers)} cm /{name.decode()} Do Q".encode())
    page.what.append(kind)


def _drawing(draw: Draw, page: _Page, _shared: dict[str, pikepdf.Object]) -> None:
    points = draw(
        st.lists(st.tuples(st.floats(-50, 650, width=32), st.floats(-50, 850, width=32)), min_size=2, max_size=6)
    )
    path = " ".join(f"{x:.5f} {y:.4f} {'l' if n else 'm'}" for n, (x, y) in enumerate(points))
    paint = draw(st.sampled_from(["f", "S", "B*", "h 3.25 w S", "W n"]))
    page.content.append(f"q {draw(_colors)} {path} {paint} Q".encode())
    page.what.append("a drawing")


def _form(draw: Draw, page: _Page, shared: dict[str, pikepdf.Object]) -> None:
    inner = _Page(page.doc, {}, {}, [], [])
    _fill(draw, inner, shared, most=2)
    form = page.doc.flate(
        b"\n".join(inner.content),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 612, 792]),
        Matrix=draw(st.sampled_from([Array([1, 0, 0, 1, 0, 0]), Array([0.5, 0, 0, 0.5, 20, 20])])),
        Resources=_resources(inner),
    )
    page.content.append(b"q /%s Do Q" % page.named(page.xobjects, form))
    page.what.append(f"a form ({', '.join(inner.what)})")


_ITEMS = (_text, _drawing, _picture, _form)


def _fill(draw: Draw, page: _Page, shared: dict[str, pikepdf.Object], most: int) -> None:
    for _ in range(draw(st.integers(1, most))):
        draw(st.sampled_from(_ITEMS))(draw, page, shared)


def _resources(page: _Page) -> Dictionary:
    return Dictionary(
        Font=Dictionary({f"/{name}": font for name, font in page.fonts.items()}),
        XObject=Dictionary({f"/{name}": obj for name, obj in page.xobjects.items()}),
    )


# --- what documents have besides --------------------------------------------------------------------------------------


def _outline(_draw: Draw, doc: Builder) -> None:
    with doc.pdf.open_outline() as outline:
        for number in range(len(doc.pdf.pages)):
            item = pikepdf.OutlineItem(f"Chapter {number}", number)
            item.children.append(pikepdf.OutlineItem("Part", number))
            outline.root.append(item)


def _labels(_draw: Draw, doc: Builder) -> None:
    doc.pdf.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.r, St=4)]))


def _links(draw: Draw, doc: Builder) -> None:
    first, last = doc.pdf.pages[0], doc.pdf.pages[-1]
    names = Array([String("end"), Array([last.obj, Name.Fit])])
    doc.pdf.Root.Names = Dictionary(Dests=doc.pdf.make_indirect(Dictionary(Names=names)))
    targets: list[dict[str, Any]] = [
        {"Dest": String("end")},
        {"A": Dictionary(S=Name.URI, URI=String("https://example.org/"))},
        {"Dest": Array([last.obj, Name.XYZ, 10, 20.5, 0])},
    ]
    notes = [
        doc.pdf.make_indirect(
            Dictionary(Subtype=Name.Link, Rect=Array([9, 9, 99, 30]), Border=Array([0, 0, 0]), **target)
        )
        for target in draw(st.lists(st.sampled_from(targets), min_size=1, max_size=3))
    ]
    first.obj.Annots = Array([*first.obj.get("/Annots", ()), *notes])


def _stamp(_draw: Draw, doc: Builder) -> None:
    look = doc.flate(
        b"q 90 0 0 60 0 0 cm /Im Do Q",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 90, 60]),
        Resources=Dictionary(XObject=Dictionary(Im=doc.image(_photo(), encode="jpeg"))),
    )
    note = doc.pdf.make_indirect(
        Dictionary(Subtype=Name.Stamp, Rect=Array([100, 100, 190, 160]), F=4, AP=Dictionary(N=look))
    )
    page = doc.pdf.pages[-1].obj
    page.Annots = Array([*page.get("/Annots", ()), note])


def _field(_draw: Draw, doc: Builder) -> None:
    fonts = Dictionary(Font=Dictionary(Helv=doc.helvetica))
    look = doc.flate(
        b"/Tx BMC BT /Helv 12 Tf 2 5 Td (Typed) Tj ET EMC",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 90, 20]),
        Resources=fonts,
    )
    widget = doc.pdf.make_indirect(
        Dictionary(
            Subtype=Name.Widget,
            Rect=Array([200, 20, 290, 40]),
            F=4,
            FT=Name.Tx,
            T=String("name"),
            V=String("Typed"),
            DA=String("/Helv 12 Tf 0 g"),
            AP=Dictionary(N=look),
        )
    )
    page = doc.pdf.pages[0].obj
    page.Annots = Array([*page.get("/Annots", ()), widget])
    doc.pdf.Root.AcroForm = Dictionary(Fields=Array([widget]), DR=fonts, DA=String("/Helv 12 Tf 0 g"))


def _layers(draw: Draw, doc: Builder) -> None:
    layer = doc.pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Layer")))
    state = "ON" if draw(st.booleans()) else "OFF"
    doc.pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(**{state: Array([layer])}))
    page = doc.pdf.pages[0]
    page.obj.Resources.Properties = Dictionary(L1=layer)
    page.contents_add(doc.pdf.make_stream(b"/OC /L1 BDC 0 0 1 rg 10 10 80 30 re f EMC"))


def _tags(_draw: Draw, doc: Builder) -> None:
    tree = doc.pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    elements = []
    for number, page in enumerate(doc.pdf.pages):
        page.contents_add(doc.pdf.make_stream(b"/P <</MCID 0>> BDC 0 0 5 5 re f EMC"))
        page.obj.StructParents = number
        elements.append(
            doc.pdf.make_indirect(
                Dictionary(Type=Name.StructElem, S=Name.P, P=tree, Pg=page.obj, K=0, Alt=String(f"No. {number}"))
            )
        )
    tree.K = Array(elements)
    tree.ParentTree = Dictionary(Nums=Array([x for n, element in enumerate(elements) for x in (n, Array([element]))]))
    doc.pdf.Root.StructTreeRoot = tree
    doc.pdf.Root.MarkInfo = Dictionary(Marked=True)
    doc.pdf.Root.Lang = String("en-GB")


def _attachment(_draw: Draw, doc: Builder) -> None:
    doc.pdf.attachments["data.csv"] = b"a,b\n" * 50


def _information(_draw: Draw, doc: Builder) -> None:
    doc.pdf.docinfo.Title = String("Titel – «é»")
    with doc.pdf.open_metadata() as meta:
        meta["dc:title"] = "Titel – «é»"


_EXTRAS = {
    extra.__name__.lstrip("_"): extra
    for extra in (_outline, _labels, _stamp, _field, _layers, _tags, _attachment, _information, _links)
}

_SAVING: dict[str, dict[str, Any]] = {
    "plain": {},
    "packed": {"object_stream_mode": pikepdf.ObjectStreamMode.generate, "compress_streams": True},
    "linear": {"linearize": True, "compress_streams": True},
    "AES-256": {"encryption": pikepdf.Encryption(owner="owner", user=documents.USER_PASSWORD, R=6)},
    "RC4": {"encryption": pikepdf.Encryption(owner="owner", user="", R=3, aes=False, metadata=False)},
}


@st.composite
def pdfs(draw: Draw) -> Document:
    """Documents of one to three pages with text, drawings, pictures, forms, and what else documents have."""
    doc = Builder()
    shared: dict[str, pikepdf.Object] = {}
    what = []
    for _ in range(draw(st.integers(1, 3))):
        page = _Page(doc, {}, {}, [], [])
        _fill(draw, page, shared, most=4)
        keys: dict[str, Any] = {"Rotate": draw(st.sampled_from([0, 90, 180, 270]))}
        size = draw(st.sampled_from([(612, 792), (420.5, 300.25), (200, 900)]))
        made = doc.page(b"\n".join(page.content), size=size, **keys)
        made.obj.Resources = _resources(page)
        if draw(st.booleans()):
            made.CropBox = Array([10.5, 10, size[0] - 10, size[1] - 20])
        what.append(f"a page with {', '.join(page.what)}")
    for name in draw(st.lists(st.sampled_from(sorted(_EXTRAS)), max_size=4, unique=True)):
        _EXTRAS[name](draw, doc)
        what.append(name)
    saving = draw(st.sampled_from(list(_SAVING)))
    if draw(st.integers(0, 4)) == 4:  # an old revision's remains
        doc.pdf.make_indirect(Dictionary(Unused=doc.flate(b"unused " * 200)))
    buffer = io.BytesIO()
    options: dict[str, Any] = {"object_stream_mode": pikepdf.ObjectStreamMode.disable, "compress_streams": False}
    doc.pdf.save(buffer, **(options | _SAVING[saving]))
    password = documents.USER_PASSWORD if saving == "AES-256" else None
    return Document(buffer.getvalue(), password, "; ".join([*what, saving]))
