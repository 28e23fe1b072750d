"""A document's objects as text: what can be compared, joined and written without a parser.

An object is its PDF syntax (ISO 32000-1, 7.3) in the shortest form, cut at its references, so that an object is found
equal to another, put into its holder or given another number by joining bytes. Only what the trailer reaches is read.
Streams are their dictionaries; their data stay with the document.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import field
from decimal import Decimal

from pikepdf import Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.places import in_tenths
from pdfsmaller.engine.structure.syntax import narrow_text
from pdfsmaller.records import record

# Tokens as qpdf writes them: every parenthesis within a string has a backslash.
_STRING = re.compile(rb"(\((?:[^\\()]+|\\.)*\)|<[0-9a-fA-F]*>)", re.DOTALL)
_REFERENCE = re.compile(rb"(?<![^ \[\]>)])(\d+) (\d+) R(?![^ /\[\]<>(])")
_REAL = re.compile(rb"(?<![^ \[\]>)])([+-]?)0*(\d*)\.(\d*?)0*(?![^ /\[\]<>(])")
_TOKEN = re.compile(rb"\((?:[^\\()]+|\\.)*\)|<<|>>|<[0-9a-fA-F]*>|[\[\]]|/[^\s/\[\]<>()]*|[^\s/\[\]<>()]+", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_SPACED = tuple((b" " + mark, mark) for mark in (b"/", b"[", b"]", b"<", b">")) + tuple(
    (mark + b" ", mark) for mark in (b"[", b"]", b">", b"<<")
)
# Entries of images and forms that say what is so without them (ISO 32000-1, tables 89 and 95), as ``short`` has them.
_DEFAULTS = {
    b"/Type": (b"/XObject",),
    b"/FormType": (b"1",),
    b"/Interpolate": (b"false",),
    b"/ImageMask": (b"false",),
    b"/Matrix": (b"[1 0 0 1 0 0]",),
    b"/DecodeParms": (b"<<>>", b"[<<>>]", b"[null]", b"null"),
    b"/Filter": (b"[]", b"null"),
}
# A filter alone needs no array.
_ONE_FILTER = re.compile(rb"\[ (/\w+) \]")
_ONE_PARAMETERS = re.compile(rb"\[ (<<[^<>\[\]()]*>>|\d+ \d+ R|null) \]")
# Parameters of filters that are so without them (tables 8 and 11).
_DEFAULT_PARAMETERS = re.compile(
    rb" /(?:BitsPerComponent 8|Colors 1|EarlyChange 1|K 0|Rows 0|EndOfBlock true|BlackIs1 false"
    rb"|EncodedByteAlign false|EndOfLine false|DamagedRowsBeforeError 0)(?= [/>])"
)
# The keys of strings that are text (7.9.2.2) wherever they stand, at a text's end.
_TEXT_KEY = re.compile(rb"/(?:Title|Author|Subject|Keywords|Creator|Producer|Contents|TU|Alt|ActualText|E|Desc)$")
_ICC_BASED = b"[/ICCBased "
_ENDS = frozenset({b"", b" ", b"]", b">"})
_DELIMITERS = frozenset({b"/", b"[", b"<", b"("})
#: Entries of streams' dictionaries that may as well be objects of their own: objects are packed, dictionaries not.
LIFTED = frozenset({b"/ColorSpace", b"/Function", b"/Functions", b"/Group", b"/Resources", b"/Shading"})
_NAME = re.compile(rb"[^\s/\[\]<>()]+")


@record()
class Body:
    """One object.

    Attributes:
        texts: its syntax, one more than references.
        references: the places (``Objects.bodies``) of the objects referred to between the texts.
        stream: the stream whose dictionary this is, or None. ``/Length`` is left out.
        lifted: it was a direct value in a stream's dictionary.
    """

    texts: list[bytes]
    references: list[int]
    stream: Stream | None = None
    lifted: bool = False

    @property
    def size(self) -> int:
        """About the bytes of its syntax."""
        return sum(map(len, self.texts)) + 6 * len(self.references)

    def contexts(self) -> Iterable[tuple[bytes, int]]:
        """(the key it is the value of, or nothing within arrays; the place) of every reference."""
        for text, place in zip(self.texts, self.references, strict=False):
            key = b""
            if len(text) > 1 and text.endswith(b" "):
                slash = text.rfind(b"/", max(0, len(text) - 64))
                key = text[slash + 1 : -1] if slash >= 0 else b""
                if not key.isalnum() and not _NAME.fullmatch(key):
                    key = b""
            yield key, place


@record()
class Objects:
    """All objects that a document's trailer reaches, in the order of a walk down from its catalog."""

    bodies: list[Body] = field(default_factory=list)
    root: int = 0
    info: int | None = None


def read_objects(pdf: Pdf, *, exact: bool = True) -> Objects:
    """The objects of a document.

    Args:
        exact: numbers stay as they are; otherwise places of links are in tenths of a point (``places``).

    Raises:
        pikepdf.PdfError: an object cannot be read.
    """
    reader = _Reader(pdf, exact)
    root = reader.place(*pdf.Root.objgen)
    info = None
    information = pdf.trailer.get("/Info")
    if isinstance(information, Dictionary):
        info = reader.place(*information.objgen) if information.is_indirect else reader.add(information.unparse())
    reader.read_all()
    return Objects(reader.bodies, root, info)


def use_device_rgb(objects: Objects, profiles: Collection[ObjGen]) -> None:
    """Colour spaces of these profiles become DeviceRGB, unless the document gives that another meaning."""
    if not profiles or any(b"/DefaultRGB" in text for body in objects.bodies for text in body.texts):
        return
    places = {p for p, body in enumerate(objects.bodies) if body.stream is not None and body.stream.objgen in profiles}
    for body in objects.bodies:
        if places.isdisjoint(body.references):
            continue
        texts, references = [body.texts[0]], []
        for place, after in zip(body.references, body.texts[1:], strict=True):
            if place in places and texts[-1].endswith(_ICC_BASED) and after[:1] == b"]":
                part = b"" if after[1:2] in _DELIMITERS | _ENDS else b" "
                texts[-1] = texts[-1].removesuffix(_ICC_BASED) + b"/DeviceRGB" + part + after[1:]
            else:
                texts.append(after)
                references.append(place)
        body.texts, body.references = texts, references


class _Reader:
    def __init__(self, pdf: Pdf, exact: bool) -> None:
        self.pdf = pdf
        self.exact = exact
        self.bodies: list[Body] = []
        self.places: dict[tuple[int, int], int] = {}
        self.waiting: list[tuple[int, int, int]] = []

    def place(self, number: int, generation: int) -> int:
        known = self.places.get((number, generation))
        if known is None:
            known = self.places[number, generation] = len(self.bodies)
            self.bodies.append(Body([b"null"], []))
            self.waiting.append((known, number, generation))
        return known

    def add(self, text: bytes) -> int:
        """An object that has no number yet."""
        self.bodies.append(body := Body([], []))
        self._fill(body, text)
        return self.bodies.index(body)

    def read_all(self) -> None:
        while self.waiting:
            place, number, generation = self.waiting.pop()
            value = self.pdf.get_object(number, generation)
            body = self.bodies[place]
            mark = len(self.waiting)
            if isinstance(value, Stream):
                self._read_stream(body, value)
            else:
                self._fill(body, _unparse(value))
            self.waiting[mark:] = reversed(self.waiting[mark:])

    def _fill(self, body: Body, text: bytes) -> None:
        body.texts, references = split(text if self.exact else in_tenths(text))
        body.references = [self.place(*objgen) for objgen in references]

    def _read_stream(self, body: Body, stream: Stream) -> None:
        body.stream = stream
        begun, texts, references = b"<<", [], []
        for key, value in _without_defaults(dict_entries(stream.stream_dict.unparse(resolved=True))).items():
            if key in LIFTED and value[:1] in (b"<", b"["):
                texts.append(begun + key + b" ")
                references.append(len(self.bodies))
                self.bodies.append(lifted := Body([], [], lifted=True))
                self._fill(lifted, value)
                begun = b""
                continue
            own, found = split(value)
            begun += key + (b"" if own[0][:1] in _DELIMITERS else b" ") + own[0]
            for text, objgen in zip(own[1:], found, strict=True):
                texts.append(begun)
                references.append(self.place(*objgen))
                begun = text
        body.texts, body.references = [*texts, begun + b">>"], references


def _without_defaults(entries: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """A stream's dictionary without what is so anyway, and without its length."""
    if alone := _ONE_FILTER.fullmatch(entries.get(b"/Filter", b"")):
        parameters = _ONE_PARAMETERS.fullmatch(entries.get(b"/DecodeParms", b"[ null ]"))
        if parameters:  # readers expect arrays of both or of neither
            entries |= {b"/Filter": alone[1], b"/DecodeParms": parameters[1]}
    if b"/DecodeParms" in entries:
        entries[b"/DecodeParms"] = _DEFAULT_PARAMETERS.sub(b"", entries[b"/DecodeParms"])
    if entries.get(b"/Subtype") in (b"/Image", b"/Form"):
        entries.pop(b"/Name", None)  # obsolete since PDF 1.1
    entries.pop(b"/Length", None)
    return {
        key: value
        for key, value in entries.items()
        if not (key in _DEFAULTS and short(value) in _DEFAULTS[key])
        and not key.startswith(b"/PTEX.")  # private to pdfTeX
    }


def _unparse(value: object) -> bytes:
    """Any indirect object's syntax; pikepdf gives scalars as Python's."""
    if isinstance(value, Object):
        return value.unparse(resolved=True)
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, Decimal):
        return format(value, "f").encode()
    return str(value).encode()


def dict_entries(text: bytes) -> dict[bytes, bytes]:
    """The entries of a dictionary as qpdf writes it, by their keys with the slash."""
    entries: dict[bytes, bytes] = {}
    depth = 0
    key, start, end = b"", -1, 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in (b">>", b"]"):
            depth -= 1
        if depth == 1 and token[:1] == b"/" and (not key or start >= 0):
            if key:
                entries[key] = text[start:end]
            key, start = token, -1
        elif depth >= 1 and start < 0:
            start = match.start()
        if token in (b"<<", b"["):
            depth += 1
        if depth:
            end = match.end()
    if key:
        entries[key] = text[start:end]
    return entries


def split(text: bytes) -> tuple[list[bytes], list[tuple[int, int]]]:
    """An object's text in its shortest form, cut at its references."""
    texts: list[bytes] = []
    references: list[tuple[int, int]] = []
    begun = b""
    with_strings = b"(" in text or b"<" in text.replace(b"<<", b"")
    for index, piece in enumerate(_STRING.split(text) if with_strings else (text,)):
        if index % 2:
            begun += short_string(piece, is_text=_TEXT_KEY.search(begun, max(0, len(begun) - 16)) is not None)
            continue
        plain = short(piece)
        found = _REFERENCE.split(plain) if b" R" in plain else (plain,)
        begun += found[0]
        for at in range(1, len(found), 3):
            texts.append(begun)
            references.append((int(found[at]), int(found[at + 1])))
            begun = found[at + 2]
    texts.append(begun)
    return texts, references


def short(plain: bytes) -> bytes:
    """Syntax without strings, without the blanks and zeros that mean nothing."""
    plain = plain.strip()
    if b" " in plain:
        for spaced, mark in _SPACED:
            plain = plain.replace(spaced, mark)
    return _REAL.sub(_short_real, plain) if b"." in plain else plain


def _short_real(match: re.Match[bytes]) -> bytes:
    sign, whole, fraction = match.groups()
    if not whole and not fraction:
        return b"0"
    return (b"-" if sign == b"-" else b"") + whole + (b"." + fraction if fraction else b"")


def short_string(text: bytes, *, is_text: bool = False) -> bytes:
    """A string as literal characters; only what has to be escaped is.

    Args:
        is_text: it stands for text, whose encoding does not matter.
    """
    if text[:1] == b"<":
        digits = text[1:-1].decode()
        value = bytes.fromhex(digits + "0" * (len(digits) % 2))
    elif b"\\" in text:
        value = _ESCAPE.sub(_unescape, text[1:-1])
    else:
        return text
    return write_string(narrow_text(value) if is_text else value)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 255]) if code[:1].isdigit() else _ESCAPED.get(code, code)


def write_string(value: bytes) -> bytes:
    """A string's shortest syntax: literal, since every byte but four may stand for itself (7.3.4.2)."""
    value = value.replace(b"\\", b"\\\\").replace(b"\r", b"\\r")
    if b"(" in value or b")" in value:
        value = value.replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"(" + value + b")"


def walk(objects: Objects) -> list[int]:
    """Every object that the trailer reaches, holders before what they hold first."""
    seen: set[int] = set()
    order: list[int] = []
    stack = [objects.root] if objects.info is None else [objects.info, objects.root]
    while stack:
        place = stack.pop()
        if place in seen:
            continue
        seen.add(place)
        order.append(place)
        stack += reversed(objects.bodies[place].references)
    return order
