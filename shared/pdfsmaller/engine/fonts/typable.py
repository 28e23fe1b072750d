"""Fonts in which text can still be typed: they keep every glyph that typing can reach.

A viewer that fills a field in, or lets a comment be edited, sets its text in the font named by the field's default
appearance (``/DA``; ISO 32000-1, 12.7.3.3), which it finds in the form's default resources or in the widget's own. It
writes the text in that font's encoding: 256 codes for a simple font.
"""

from __future__ import annotations

import re

import pikepdf
from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import form_fields
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.fonts.usage import FontKey, font_key
from pdfsmaller.records import record

_FONT_OPERAND = re.compile(r"/([^\s/<>\[\](){}%]+)\s+[-+.\d]+\s+Tf")
_READ_ONLY, _RICH_TEXT = 1 << 0, 1 << 25
_MAX_PARENTS = 32


@record(frozen=True)
class Typable:
    """Fonts that typed text may be shown with.

    Attributes:
        encoded: through their encoding.
        whole: in other ways too.
    """

    encoded: frozenset[FontKey] = frozenset()
    whole: frozenset[FontKey] = frozenset()


def typable_fonts(pdf: Pdf) -> Typable:
    """The fonts that typed text may be shown with.

    All default fonts count, and whole, where text may bring its own style: in XFA forms, in rich text, and where a
    script sets fonts. A read-only field counts only where scripts may fill it in.

    Raises:
        pikepdf.PdfError, ValueError, TypeError: the form is damaged.
    """
    form = pdf.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        return Typable()
    defaults = _fonts(form.get("/DR"))
    scripted, styled = _scripts(pdf)
    everything = "/XFA" in form or styled
    named: set[str] = set()
    found: set[FontKey] = set()
    for field in form_fields(pdf):
        if str(_inherited(field, "/FT")) not in ("/Tx", "/Ch"):
            continue
        flags = _inherited(field, "/Ff")
        bits = int(flags) if flags is not None else 0
        if bits & _READ_ONLY and not scripted:
            continue
        everything |= bool(bits & _RICH_TEXT) or "/RV" in field
        names = _named(_inherited(field, "/DA")) | _named(form.get("/DA"))
        named |= names
        found |= {font_key(font) for name, font in _own_fonts(field).items() if name in names}
    for page in pdf.pages:
        annots = page.obj.get("/Annots")
        for annot in annots.as_list() if isinstance(annots, Array) else []:
            if isinstance(annot, Dictionary) and annot.get("/Subtype") == "/FreeText":
                named |= _named(annot.get("/DA"))
    found |= {font_key(font) for name, font in defaults.items() if everything or name in named}
    return Typable(whole=frozenset(found)) if everything else Typable(encoded=frozenset(found))


def _scripts(pdf: Pdf) -> tuple[bool, bool]:
    """Whether the document has scripts, and whether any may set a font."""
    scripted = styled = False
    for obj in pdf.objects:
        if isinstance(obj, Dictionary) and ("/JS" in obj or "/AA" in obj or "/A" in obj):
            for script in _javascript(obj):
                scripted = True
                styled |= b"textFont" in script
    return scripted, styled


def _javascript(holder: Dictionary) -> list[bytes]:
    actions: list[Object | None] = [holder, holder.get("/A")]
    more = holder.get("/AA")
    if isinstance(more, Dictionary):
        actions += list(dict(more.items()).values())
    found = []
    for action in actions:
        script = action.get("/JS") if isinstance(action, Dictionary) else None
        if isinstance(script, Stream):
            with tolerate("javascript") as attempt:
                found.append(script.read_bytes())
            if attempt.failed:
                found.append(b"textFont")  # unread: it may do anything
        elif script is not None:
            found.append(bytes(script))
    return found


def _inherited(field: Dictionary, key: str) -> Object | None:
    node: Object | None = field
    for _ in range(_MAX_PARENTS):
        if not isinstance(node, Dictionary):
            return None
        if key in node:
            return node.get(key)
        node = node.get("/Parent")
    return None


def _named(appearance: Object | None) -> set[str]:
    if not isinstance(appearance, pikepdf.String):
        return set()
    return {"/" + name for name in _FONT_OPERAND.findall(bytes(appearance).decode("latin-1"))}


def _own_fonts(widget: Dictionary) -> dict[str, Object]:
    states = widget.get("/AP")
    normal = states.get("/N") if isinstance(states, Dictionary) else None
    own = _fonts(entry(normal, "/Resources")) if isinstance(normal, Stream) else {}
    return {**_fonts(entry(widget, "/DR")), **own}


def _fonts(resources: Object | None) -> dict[str, Object]:
    fonts = entry(resources, "/Font") if isinstance(resources, Dictionary) else None
    found = dict(fonts.items()) if isinstance(fonts, Dictionary) else {}
    return {name: font for name, font in found.items() if isinstance(font, Dictionary)}
