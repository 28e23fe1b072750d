"""Writing a PDF: who writes one says what it must keep, and the shortest way that keeps it is chosen here.

There are two ways. ``structure.pack`` writes every object anew and gives the smaller file, but neither encrypts nor
orders it for viewing while it downloads, and holds all objects' text in memory; qpdf does the rest. Files that are
written object by object while their sources are read (merging, splitting, images) get their writer here too, so that
what a standard demands of a file stands in one place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Literal

import pikepdf
from pikepdf import Encryption, ObjectStreamMode, Pdf

from pdfsmaller.engine.damage import raised_as, tolerate
from pdfsmaller.engine.document import open_pdf
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.structure.identical import merge_identical_streams
from pdfsmaller.engine.structure.pack import write_packed
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.errors import UnreadablePdf
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Documents of more objects are left to qpdf: packing takes about 3.5 KB of memory for each.
MAX_PACKED_OBJECTS = 80_000
# Of files with object streams, and of those without any.
_PACKED_VERSION, _PLAIN_VERSION = (1, 5), (1, 4)


@record(frozen=True)
class Policy:
    """What a file must keep, and what may be done to make it small.

    Attributes:
        pdfa: the part of PDF/A that the document claims, or None.
        linearize: ordered for viewing while it downloads.
        encryption: what it is encrypted with; True: with what the document is, if anything; False: nothing.
        compact: it may be written anew as short as can be, and what is identical once.
        effort: how hard to deflate what is written anew.
        exact: no number may change.
    """

    pdfa: int | None = None
    linearize: bool = False
    encryption: Encryption | bool = True
    compact: bool = False
    effort: Effort = "default"
    exact: bool = True

    @property
    def object_streams(self) -> bool:
        """Whether the file may have object and cross-reference streams: PDF/A-1 is PDF 1.4 (ISO 19005-1, 6.1.4)."""
        return self.pdfa != 1

    @property
    def version(self) -> tuple[int, int]:
        """The least version of PDF that such a file is of."""
        return _PACKED_VERSION if self.object_streams else _PLAIN_VERSION


#: Of a copy that only this program reads.
BETWEEN = Policy(effort="fast")


def save(pdf: Pdf, target: Path, policy: Policy, *, device_rgb: Callable[[], Collection[ObjGen]] = frozenset) -> None:
    """Write a document.

    Args:
        device_rgb: finds the profiles that mean the same as DeviceRGB and may be left out; asked where that is done.

    Raises:
        UnreadablePdf: an object that is needed cannot be written.
    """
    if policy.compact:
        if _packed(pdf, target, policy, device_rgb):
            return
        merge_identical_streams(pdf)
    _save(pdf, target, policy, "generate" if policy.object_streams else "disable")


def finish(result: Path, target: Path, policy: Policy, limits: Limits) -> Path:
    """A file that a ``writer`` has written, encrypted and linearized as its policy says.

    Returns:
        ``target``, or ``result`` itself where there was nothing to do.

    Raises:
        UnreadablePdf: it cannot be read.
    """
    if isinstance(policy.encryption, bool) and not policy.linearize:
        return result
    with open_pdf(result, None, limits) as pdf:
        _save(pdf, target, policy, "preserve")
    return target


def writer(file: IO[bytes], policy: Policy, version: tuple[int, int] | None = None) -> PdfWriter:
    """What writes a file object by object.

    Args:
        file: open for writing in binary, at its start.
        version: the header's; by default the least that the policy needs.
    """
    major, minor = version or policy.version
    header = f"{major}.{minor}"
    return PdfWriter(file, version=header, object_streams=policy.object_streams, effort=policy.effort)


def laid_open(pdf: Pdf) -> bytes:
    """A document as it is, not encrypted and quickly written, for who only looks at it."""
    file = io.BytesIO()
    pdf.save(file, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none, encryption=False)
    return file.getvalue()


def _packed(pdf: Pdf, target: Path, policy: Policy, device_rgb: Callable[[], Collection[ObjGen]]) -> bool:
    """Write the document anew: whether that could be done."""
    if policy.linearize or _encryption(pdf, policy) or len(pdf.objects) > MAX_PACKED_OBJECTS:
        return False
    with tolerate("object") as attempt:  # qpdf may still write it
        streams = policy.object_streams
        write_packed(
            pdf,
            target,
            object_streams=streams,
            effort=policy.effort,
            device_rgb=device_rgb(),
            exact=policy.exact,
        )
    return not attempt.failed


def _encryption(pdf: Pdf, policy: Policy) -> Encryption | bool:
    """For ``Pdf.save``."""
    return pdf.is_encrypted if policy.encryption is True else policy.encryption


def _save(pdf: Pdf, target: Path, policy: Policy, streams: Literal["generate", "preserve", "disable"]) -> None:
    pikepdf.settings.set_flate_compression_level(6 if policy.effort == "fast" else 9)
    if "/Size" not in pdf.trailer:
        # A trailer that qpdf has reconstructed lacks it, and qpdf then writes a file that it cannot read.
        pdf.trailer["/Size"] = len(pdf.objects) + 1
    encryption = _encryption(pdf, policy)
    with raised_as(UnreadablePdf("The PDF is too damaged to be written again.")):
        pdf.save(
            target,
            linearize=policy.linearize,
            object_stream_mode=getattr(ObjectStreamMode, streams),
            compress_streams=True,
            recompress_flate=False,
            encryption=encryption,
            fix_metadata_version=False,
            deterministic_id=not encryption,
        )
