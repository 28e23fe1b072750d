"""Opening: everything that holds for a document as a whole. ``save`` writes it.

Scope: refuse what cannot be done with a typed error, find out what must be respected (signatures, PDF/A, encryption).
Nothing here looks at images or content.

Guarantees: a document that opens has at least one page and no more than ``limits.max_pages``; no stream is decoded
beyond ``limits.max_stream_bytes`` (qpdf's own limits are set, and they are process-wide).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import raised_as, tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.errors import (
    EmptyFile,
    LimitExceeded,
    NotAPdf,
    PasswordRequired,
    UnreadablePdf,
    UnsupportedEncryption,
    WrongPassword,
)
from pdfsmaller.limits import Limits
from pdfsmaller.sniff import HEAD_BYTES

# Form fields nest a few levels deep; more is an attack or a loop.
MAX_FIELD_DEPTH = 32
MAX_FIELDS = 100_000
# Page trees of a million pages are a few levels deep.
MAX_PAGE_DEPTH = 100
_UINT32_MAX = 2**32 - 1

# What qpdf says of encryption that it does not know: another handler than /Standard (certificates), or a version
# of that one which does not exist.
_UNKNOWN_ENCRYPTION = re.compile(r"unsupported encryption filter|unsupported /R or /V in encryption", re.IGNORECASE)

# Of ``/Perms`` (ISO 32000-1, table 258, and the specification before it).
_USAGE_RIGHTS = ("/UR3", "/UR")

# Where XMP says "this is PDF/A": as an element or as an attribute (ISO 19005-1, 6.7.11).
_PDFA_PART = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|[^<>]*>\s*)(\d)")


def check_header(source: Path) -> int:
    """The file's size in bytes.

    Raises:
        EmptyFile: it has none.
        NotAPdf: no ``%PDF-`` within the first 1,024 bytes.
    """
    size = source.stat().st_size
    if size == 0:
        raise EmptyFile("The file is empty. Send a PDF.")
    with source.open("rb") as file:
        if b"%PDF-" not in file.read(HEAD_BYTES):
            raise NotAPdf("The file is not a PDF: it has no %PDF- header.")
    return size


def open_pdf(source: Path, password: str | None, limits: Limits) -> Pdf:
    """Open, repairing what qpdf can repair.

    Raises:
        PasswordRequired, WrongPassword: it is encrypted and the password is missing or wrong.
        UnsupportedEncryption: no password opens it.
        UnreadablePdf: it is broken beyond repair or has no pages.
        LimitExceeded: ``max_pages``.
    """
    _bound_qpdf(limits)
    with raised_as(UnreadablePdf("The PDF is broken beyond repair.")):
        pdf = _opened(source, password)
    try:
        with raised_as(UnreadablePdf("The PDF's pages cannot be found.")):
            pages = len(pdf.pages)
    except UnreadablePdf:
        pdf.close()
        raise
    if pages == 0:
        pdf.close()
        raise UnreadablePdf("The PDF has no pages.")
    if pages > limits.max_pages:
        pdf.close()
        raise LimitExceeded(
            "max_pages", limits.max_pages, f"The PDF has {pages:,} pages; at most {limits.max_pages:,} are allowed."
        )
    return pdf


def _opened(source: Path, password: str | None) -> Pdf:
    """Raises what qpdf does, but for encryption what ``open_pdf`` does."""
    try:
        return pikepdf.open(source, password=password or "", suppress_warnings=True)
    except pikepdf.PasswordError:
        if password:
            raise WrongPassword("The password does not open this PDF.") from None
        raise PasswordRequired("This PDF is encrypted. Give its password.") from None
    except pikepdf.PdfError as exc:
        if _UNKNOWN_ENCRYPTION.search(str(exc)):
            raise UnsupportedEncryption(
                "This PDF is encrypted for certificates, or in another way than with a password, so it cannot be "
                "opened here. Save it without encryption, or with a password, in the program that opens it."
            ) from exc
        raise


def was_rebuilt(warnings: Iterable[str]) -> bool:
    """Whether qpdf says that it had to look for a damaged file's objects itself; what it did not find is lost."""
    return any("reconstruct" in warning for warning in warnings)


def working_password(source: Path, password: str | None, limits: Limits) -> str | None:
    """The password that opens the file: the one given, or none where none is needed after all."""
    if not password:
        return None
    _bound_qpdf(limits)
    with suppress(pikepdf.PasswordError), tolerate("document"):  # opening it properly says what is wrong
        pikepdf.open(source, suppress_warnings=True).close()
        return None
    return password


def _bound_qpdf(limits: Limits) -> None:
    """Let qpdf itself refuse streams that decode to more than the limit, object streams at opening included."""
    most = min(limits.max_stream_bytes, _UINT32_MAX)
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=most, run_length_max_memory=most, png_max_memory=most, tiff_max_memory=most
    )


def is_signed(pdf: Pdf) -> bool:
    """Whether any signature field is filled, or the document is certified (DocMDP).

    Usage rights do not count: they say what a viewer's maker lets it do with the file, not that anybody stands by its
    content (ISO 32000-1, 12.8.2.3), and go where that changes (``drop_usage_rights``).
    """
    with tolerate("form_fields"):
        permissions = pdf.Root.get("/Perms")
        if isinstance(permissions, Dictionary) and "/DocMDP" in permissions:
            return True
        return any(field.get("/FT") == "/Sig" and field.get("/V") is not None for field in form_fields(pdf))
    return False


def has_usage_rights(pdf: Pdf) -> bool:
    """Whether a document grants some viewers rights over it by a signature over its bytes."""
    permissions = entry(pdf.Root, "/Perms")
    return isinstance(permissions, Dictionary) and any(key in permissions for key in _USAGE_RIGHTS)


def correct_page_count(pdf: Pdf) -> None:
    """Have the page tree say how many pages there are, which qpdf finds out and other readers believe.

    Poppler shows nothing of a document that claims more pages than it has objects, and packing makes these fewer.
    PDFium shows no pages beyond those claimed.
    """
    root = pdf.Root.get("/Pages")
    if isinstance(root, Dictionary) and root.get("/Count") != len(pdf.pages):
        _count_pages(root)


def _count_pages(node: Object, depth: int = 0) -> int:
    """Write the number of pages below a node into it and into those below. Of trees with loops qpdf finds no pages."""
    pages = 0
    kids = node.get("/Kids")
    for kid in kids.as_list() if isinstance(kids, Array) else []:
        if isinstance(kid, Dictionary):
            inner = "/Kids" in kid and depth < MAX_PAGE_DEPTH
            pages += _count_pages(kid, depth + 1) if inner else 1
    node["/Count"] = pages
    return pages


def drop_usage_rights(pdf: Pdf) -> None:
    """Take them out: of a changed document they grant nothing, and viewers complain at opening it."""
    if not has_usage_rights(pdf):
        return
    permissions = pdf.Root["/Perms"]
    for key in _USAGE_RIGHTS:
        if key in permissions:
            del permissions[key]
    if not permissions.keys():
        del pdf.Root["/Perms"]


def form_fields(pdf: Pdf) -> Iterator[Dictionary]:
    """Every form field's dictionary, parents before kids. Loops and absurd depths end quietly."""
    form = pdf.Root.get("/AcroForm")
    if not isinstance(form, Dictionary):
        return
    top = form.get("/Fields")
    stack: list[tuple[pikepdf.Object, int]] = [(top, 0)] if isinstance(top, Array) else []
    seen: set[ObjGen] = set()
    while stack and len(seen) < MAX_FIELDS:
        node, depth = stack.pop()
        for field in node.as_list() if isinstance(node, Array) else []:
            if not isinstance(field, Dictionary) or (field.is_indirect and field.objgen in seen):
                continue
            seen.add(field.objgen)
            yield field
            kids = entry(field, "/Kids")
            if isinstance(kids, Array) and depth < MAX_FIELD_DEPTH:
                stack.append((kids, depth + 1))


def inherited_resources(page: Dictionary) -> Dictionary | None:
    """A page's resources, its own or the nearest ancestor's."""
    node: pikepdf.Object | None = page
    for _ in range(64):  # page trees are shallow; a loop of parents ends here
        if not isinstance(node, Dictionary):
            return None
        resources = node.get("/Resources")
        if isinstance(resources, Dictionary):
            return resources
        node = node.get("/Parent")
    return None


def listed_contents(owner: Object) -> list[Object | None]:
    """What the content of a page consists of, as it is listed; a stream is its own."""
    contents = owner if isinstance(owner, Stream) else owner.get("/Contents")
    return list(contents.as_list()) if isinstance(contents, Array) else [contents]


def pdfa_part(pdf: Pdf) -> int | None:
    """The part of PDF/A that the document claims (1–4), or None. Only the claim is read, nothing is validated."""
    with tolerate("metadata"):
        metadata = pdf.Root.get("/Metadata")
        if isinstance(metadata, pikepdf.Stream) and (match := _PDFA_PART.search(metadata.read_bytes())):
            return int(match[1])
    return None


def strip_metadata(pdf: Pdf) -> None:
    """Drop the document information and the catalog's XMP."""
    if "/Info" in pdf.trailer:
        del pdf.trailer["/Info"]
    if "/Metadata" in pdf.Root:
        del pdf.Root["/Metadata"]
