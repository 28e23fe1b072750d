"""What the catalog says of the document as a whole: the first one's settings, and the claims that still hold.

A result claims PDF/A or PDF/UA only where every document does, in the same way and for the same output.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.merge.destinations import named_destinations, target_page
from pdfsmaller.engine.merge.source import Source, Warn
from pdfsmaller.engine.structure.syntax import name_syntax
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.records import record

#: How a viewer shows the document: the first one's.
_SETTINGS = ("/PageLayout", "/PageMode", "/ViewerPreferences", "/OpenAction", "/Lang", "/URI", "/AA")
#: A claim in XMP, as an element or as an attribute (ISO 19005-1, 6.7.11).
_CLAIM = re.compile(rb"(pdf(?:a|ua)id:(?:part|conformance|rev))(?:\s*=\s*[\"']|[^<>]*>\s*)(\w+)")
_PDFA_1 = (b"pdfaid:part", b"1")
_XMP_NAMESPACES = (
    "http://www.aiim.org/pdfa/ns/id/",
    "http://www.aiim.org/pdfua/ns/id/",
)

Claims = frozenset[tuple[bytes, bytes]]


@record(frozen=True)
class _Intent:
    """An output intent, held until it is known whether it is written: entries in PDF syntax, and its profile's."""

    entries: bytes
    profile_entries: bytes
    profile: bytes


class Settings:
    """The settings, metadata and output intents of all documents.

    Args:
        plain_objects: the result has no object streams, as PDF/A-1 demands.
    """

    def __init__(self, writer: PdfWriter, *, plain_objects: bool) -> None:
        self._writer = writer
        self._plain_objects = plain_objects
        self._entries = b""
        self._information: int | None = None
        self._xmp: bytes | None = None
        self._claims: list[Claims] = []
        self._intents: tuple[_Intent, ...] = ()
        self._same_intents = True
        self._extensions: dict[str, bytes] = {}
        self._threads: list[bytes] = []

    def prepare(self, source: Source) -> None:
        """Take away what holds for a whole document only, and say so."""
        if not source.whole:
            for page in source.pages:
                if "/B" in page:  # beads of articles, which go on over pages that are not there
                    del page["/B"]
        if source.again:
            return
        root = source.pdf.Root
        if "/Collection" in root:
            source.warn("portfolio", f"{source.name} is a portfolio: its files are attached, its list of them is gone.")
        if bool(root.get("/NeedsRendering", False)):
            source.warn("xfa_dropped", f"{source.name} draws its pages from XFA, which cannot be kept.")

    def take(self, source: Source) -> None:
        """Copy the settings of the first document, and note what each one claims."""
        if source.again:
            return
        root, syntax = source.pdf.Root, source.graft.syntax
        xmp = _xmp_of(root)
        intents = tuple(_intent(item) for item in _dictionaries(root.get("/OutputIntents")))
        if not self._claims:
            self._take_first(source, xmp)
            self._intents = intents
        self._same_intents = self._same_intents and intents == self._intents
        self._claims.append(frozenset((match[1], match[2]) for match in _CLAIM.finditer(xmp or b"")))
        extensions = root.get("/Extensions")
        for name, value in extensions.items() if isinstance(extensions, Dictionary) else ():
            if name != "/Type":
                self._extensions.setdefault(name, syntax(value))
        if source.whole:
            self._threads += [syntax(thread) for thread in _dictionaries(root.get("/Threads"))]

    def write(self, warn: Warn, *, strip_metadata: bool) -> tuple[bytes, int | None]:
        """The catalog's entries in PDF syntax, and the number of the document information."""
        entries = self._entries
        xmp = self._xmp
        if any(self._claims) and not (self._same_intents and self._claims_hold()):
            warn(
                "conformance_dropped", "Not every input is PDF/A or PDF/UA in the same way: the result claims neither."
            )
            xmp = without_claims(xmp) if xmp and self._claims[0] else xmp
        if xmp and not strip_metadata:
            number = self._writer.write_stream(b"/Type /Metadata /Subtype /XML", xmp)
            entries += b" /Metadata %d 0 R" % number
        if self._intents and self._same_intents:
            entries += b" /OutputIntents [%s]" % b" ".join(self._written(intent) for intent in self._intents)
        if self._extensions:
            pairs = b" ".join(name_syntax(name) + b" " + value for name, value in self._extensions.items())
            entries += b" /Extensions << %s >>" % pairs
        if self._threads:
            entries += b" /Threads [%s]" % b" ".join(self._threads)
        return entries, None if strip_metadata else self._information

    def _take_first(self, source: Source, xmp: bytes | None) -> None:
        root, syntax = source.pdf.Root, source.graft.syntax
        self._xmp = xmp
        for key in _SETTINGS:
            if key in root and not (key == "/OpenAction" and _opens_elsewhere(source, root[key])):
                self._entries += b" %s %s" % (key.encode(), syntax(root[key]))
        information = source.pdf.trailer.get("/Info")
        if isinstance(information, Dictionary):
            self._information = self._writer.write(_without_identity(source, information))

    def _written(self, intent: _Intent) -> bytes:
        if not intent.profile:
            return b"<< %s >>" % intent.entries
        profile = self._writer.write_value(intent.profile_entries, intent.profile)
        return b"<< %s /DestOutputProfile %d 0 R >>" % (intent.entries, profile)

    def _claims_hold(self) -> bool:
        return len(set(self._claims)) == 1 and (self._plain_objects or _PDFA_1 not in self._claims[0])


def may_be_pdfa_1(path: Path) -> bool:
    """Whether a file seems to claim PDF/A-1, whose metadata anybody can read without knowing PDF."""
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            data = tail + chunk
            if any((match[1], match[2]) == _PDFA_1 for match in _CLAIM.finditer(data)):
                return True
            tail = data[-200:]
    return False


def without_claims(xmp: bytes) -> bytes:
    """XMP that no longer claims PDF/A or PDF/UA."""
    scratch = Pdf.new()
    scratch.Root.Metadata = scratch.make_stream(xmp)
    with scratch.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        for key in [key for key in metadata if any(str(key).startswith(f"{{{ns}}}") for ns in _XMP_NAMESPACES)]:
            del metadata[key]
    return bytes(scratch.Root.Metadata.read_bytes())


def _xmp_of(root: Object) -> bytes | None:
    metadata = root.get("/Metadata")
    if not isinstance(metadata, Stream):
        return None
    with tolerate("metadata"):
        return metadata.read_bytes()
    return None


def _dictionaries(value: Any) -> list[Dictionary]:
    return [item for item in value if isinstance(item, Dictionary)] if isinstance(value, Array) else []


def _intent(given: Dictionary) -> _Intent:
    """An output intent apart from its document: what it refers to besides its profile is left away."""
    profile = given.get("/DestOutputProfile")
    if not isinstance(profile, Stream):
        return _Intent(_plain_entries(given), b"", b"")
    return _Intent(_plain_entries(given), _plain_entries(profile.stream_dict), profile.read_raw_bytes())


def _plain_entries(dictionary: Object) -> bytes:
    """The entries that refer to nothing, in PDF syntax; not ``/Length``, which the writer sets."""
    plain = (
        name_syntax(key) + b" " + Array([value]).unparse()[1:-1].strip()
        for key, value in dictionary.items()
        if key != "/Length" and not (isinstance(value, Object) and (value.is_indirect or isinstance(value, Stream)))
    )
    return b" ".join(plain)


def _without_identity(source: Source, dictionary: Dictionary) -> bytes:
    """The entries of a dictionary as a direct object: alike where they are alike, whichever object held them."""
    pairs = (name_syntax(key) + b" " + source.graft.syntax(value) for key, value in dictionary.items())
    return b"<< %s >>" % b" ".join(pairs)


def _opens_elsewhere(source: Source, action: Any) -> bool:
    """Whether what happens on opening leads to a page that is not there."""
    destination = action
    if isinstance(action, Dictionary) and "/S" in action:
        if action.get("/S") != "/GoTo":
            return False
        destination = action.get("/D")
    if not isinstance(destination, Array | String | Name | Dictionary):
        return True
    page = target_page(destination, *named_destinations(source.pdf))
    return page is not None and not source.keeps(page)
