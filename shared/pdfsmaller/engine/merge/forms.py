"""Forms: the fields of all documents in one, each with its value, appearance and place in the calculation order.

Two fields of one name are one field (ISO 32000-1, 12.7.3.2), so a document's outermost fields get another name where an
earlier document has it, and scripts that spell such a name are told the new one. Signatures end with merging: their
fields keep the look they had, and nothing else. XFA describes one whole document and cannot be joined; it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pikepdf import Array, Dictionary, Name, Stream, String

from pdfsmaller.engine.document import form_fields, is_signed
from pdfsmaller.engine.merge.destinations import renamed
from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.merge.trees import read_names
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.syntax import name_syntax, string_text
from pdfsmaller.engine.structure.writer import PdfWriter

_MAX_DEPTH = 32
_STRING_IN_SCRIPT = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'")
# Field flags (12.7.3.1, 12.7.4.2).
_READ_ONLY = 1
_PUSH_BUTTON = 1 << 16


class Forms:
    """The forms of all documents."""

    def __init__(self) -> None:
        self._fields: list[bytes] = []
        self._order: list[bytes] = []
        self._taken: set[str] = set()
        self._resources: dict[str, dict[str, bytes]] = {}
        self._appearance: str | None = None
        self._need_appearances = False
        self._any = False
        self.renamed_fields = 0

    def prepare(self, source: Source) -> None:
        """Make the document's form ready to be one of several."""
        if not source.again and is_signed(source.pdf):
            source.warn("signature_invalidated", f"{source.name} was signed; its signatures no longer hold.")
        form = source.part("/AcroForm")
        if form is None:
            return
        _end_signatures(source)
        if "/XFA" in form and not source.again:
            source.warn(
                "xfa_dropped",
                f"{source.name} has an XFA form, which describes just that document; its ordinary form stays.",
            )
        if not source.whole:
            _prune(source, form)
            if not _fields_of(form):
                return  # what the form keeps for its fields serves none of these pages
        self._any = True
        self._rename(source, form)
        self._join_resources(source, form)

    def take(self, source: Source) -> None:
        """Copy the fields."""
        form = source.part("/AcroForm")
        if form is None:
            return
        syntax = source.graft.syntax
        self._fields += [syntax(field) for field in _fields_of(form)]
        order = form.get("/CO")
        if isinstance(order, Array):
            # Fields that were left out are no longer there to be calculated.
            known = (source.graft.numbers.get(f.objgen) for f in order if isinstance(f, Dictionary) and f.is_indirect)
            self._order += [b"%d 0 R" % number for number in known if number]
        if form.get("/NeedAppearances", False) and any("/AP" not in widget for widget in _widgets(source)):
            self._need_appearances = True  # other documents' fields are drawn anew as well, so only where it must be

    def write(self, writer: PdfWriter) -> int | None:
        """The number of the catalog's entry, or None where no document had a form."""
        if not self._any:
            return None
        body = b"/Fields [%s]" % b" ".join(self._fields)
        if self._order:
            body += b" /CO [%s]" % b" ".join(self._order)
        if self._appearance is not None:
            body += b" /DA " + String(self._appearance).unparse()
        if self._resources:
            body += b" /DR << %s >>" % b" ".join(
                name_syntax(kind) + b" << %s >>" % b" ".join(name_syntax(k) + b" " + v for k, v in known.items())
                for kind, known in self._resources.items()
            )
        if self._need_appearances:
            body += b" /NeedAppearances true"
        return writer.write(b"<< %s >>" % body)

    # --- names --------------------------------------------------------------------------------------------------

    def _rename(self, source: Source, form: Dictionary) -> None:
        outermost = [(field, string_text(field["/T"])) for field in _named_outermost(_fields_of(form), 0)]
        names = dict.fromkeys(name for _, name in outermost)
        new = renamed(names, self._taken, lambda name, count: f"{name}_{count}")
        for field, name in outermost:
            if name in new:
                field["/T"] = String(new[name])
        self._taken |= {new.get(name, name) for name in names}
        self.renamed_fields += len(new)
        if new:
            for holder, key in _scripts(source):
                _rewrite_script(source, holder, key, new)

    # --- what default appearances need --------------------------------------------------------------------------

    def _join_resources(self, source: Source, form: Dictionary) -> None:
        """Join the fonts that default appearances name; where two differ under one name, the later gets another."""
        given = form.get("/DR")
        new_fonts: dict[str, str] = {}
        for kind, entries in given.items() if isinstance(given, Dictionary) else ():
            if not isinstance(entries, Dictionary):
                continue
            known = self._resources.setdefault(kind, {})
            described = {name: source.graft.syntax(value) for name, value in entries.items()}
            taken = {name for name, body in known.items() if described.get(name) != body}
            new = renamed(described, taken, lambda name, count: f"{name}_{count}")
            known |= {new.get(name, name): body for name, body in described.items()}
            if kind == "/Font":
                new_fonts = new
        appearance = form.get("/DA")
        default = string_text(appearance) if isinstance(appearance, String) else None
        if self._appearance is None and not new_fonts:
            self._appearance = default
        for field in _fields_of(form):
            # What was said once for the whole form is now said by each outermost field.
            if default is not None and default != self._appearance and "/DA" not in field:
                field["/DA"] = String(default)
            if "/Q" in form and "/Q" not in field:
                field["/Q"] = form["/Q"]
        if new_fonts:
            for field in form_fields(source.pdf):
                if isinstance(field.get("/DA"), String):
                    field["/DA"] = String(_with_fonts(string_text(field["/DA"]), new_fonts))


def _with_fonts(appearance: str, new: dict[str, str]) -> str:
    return re.sub(r"/[^\s/\[\]()<>{}%]+", lambda match: new.get(match[0], match[0]), appearance)


def _fields_of(form: Dictionary) -> list[Dictionary]:
    fields = form.get("/Fields")
    return [field for field in fields if isinstance(field, Dictionary)] if isinstance(fields, Array) else []


def _named_outermost(fields: list[Dictionary], depth: int) -> Iterator[Dictionary]:
    """The fields whose partial name begins the full one: the outermost that have a name."""
    for field in fields:
        if isinstance(field.get("/T"), String):
            yield field
        elif depth < _MAX_DEPTH and isinstance(field.get("/Kids"), Array):
            yield from _named_outermost([kid for kid in field["/Kids"] if isinstance(kid, Dictionary)], depth + 1)


def _widgets(source: Source) -> Iterator[Dictionary]:
    return (annotation for annotation in source.annotations() if annotation.get("/Subtype") == "/Widget")


def _end_signatures(source: Source) -> None:
    """Take the signatures out of signed fields, and leave their look.

    Readers draw a mark of their own over a signature field that is empty, so the field becomes a button that can only
    be seen. Fields that nobody has signed yet stay what they are.
    """
    for field in form_fields(source.pdf):
        if field.get("/FT") == "/Sig" and "/V" in field:
            for key in ("/V", "/Lock", "/SV"):
                if key in field:
                    del field[key]
            field["/FT"] = Name.Btn
            field["/Ff"] = _PUSH_BUTTON | _READ_ONLY


def _prune(source: Source, form: Dictionary) -> None:
    """Leave out the fields all of whose widgets are on pages that are not copied."""
    shown = {annotation.objgen for annotation in source.annotations() if annotation.is_indirect}
    seen: set[ObjGen] = set()

    def stays(field: Any, depth: int) -> bool:
        if not isinstance(field, Dictionary) or (field.is_indirect and field.objgen in seen):
            return False
        if field.is_indirect:
            seen.add(field.objgen)
        kids = field.get("/Kids")
        if not isinstance(kids, Array):
            stay = field.objgen in shown
        else:
            kept = [kid for kid in kids if stays(kid, depth + 1)] if depth < _MAX_DEPTH else []
            stay = bool(kept)
            if stay:
                field["/Kids"] = Array(kept)
        if not stay:
            source.graft.leave_behind([field])
        return stay

    fields = form.get("/Fields")
    form["/Fields"] = Array([field for field in fields if stays(field, 0)] if isinstance(fields, Array) else [])


# --- scripts ----------------------------------------------------------------------------------------------------


def _scripts(source: Source) -> Iterator[tuple[Dictionary, str]]:
    """Every script: the action that holds it and its key."""
    names = source.part("/Names")
    actions: list[Any] = [value for _, value in read_names(names.get("/JavaScript"))] if names is not None else []
    holders: list[Any] = [source.pdf.Root, *source.pages, *source.annotations(), *form_fields(source.pdf)]
    for holder in holders:
        actions.append(holder.get("/A"))
        additional = holder.get("/AA")
        if isinstance(additional, Dictionary):
            actions += [action for _, action in additional.items()]
    for action in actions:
        node = action
        for _ in range(_MAX_DEPTH):
            if not isinstance(node, Dictionary):
                break
            if "/JS" in node:
                yield node, "/JS"
            node = node.get("/Next")


def _rewrite_script(source: Source, holder: Dictionary, key: str, new: dict[str, str]) -> None:
    script = holder[key]
    if isinstance(script, String):
        before = string_text(script)
        after = _with_names(before, new)
        if after != before:
            holder[key] = String(after)
    elif isinstance(script, Stream):
        before = string_text(String(script.read_bytes()))
        after = _with_names(before, new)
        if after != before:
            script.write(bytes(String(after)))


def _with_names(script: str, new: dict[str, str]) -> str:
    """The script with renamed fields called by their new names, where a literal is a field's name or a list of them."""

    def swap(match: re.Match[str]) -> str:
        text = match[1] if match[1] is not None else match[2]
        parts = [_new_name(part, new) for part in re.split(r"(\s*,\s*)", text)]
        quote = match[0][0]
        return quote + "".join(parts) + quote

    return _STRING_IN_SCRIPT.sub(swap, script)


def _new_name(name: str, new: dict[str, str]) -> str:
    outermost, dot, rest = name.partition(".")
    return new[outermost] + dot + rest if outermost in new else name
