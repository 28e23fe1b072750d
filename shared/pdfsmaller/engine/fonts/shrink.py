"""Every embedded font program of a document, as small as what the document shows of it allows.

For each program: the codes shown with any of its fonts, the glyphs they lead to, a program with just these, the proof
that each of them is as it was (``plan``), and the new program put in its place. What cannot be read, proved or made
smaller stays as it is, for a reason that has a name. Glyphs of Type 3 fonts that nothing shows go, and what ToUnicode
says of codes that nothing shows. Widths, encodings and flags are not touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import pikepdf
from pikepdf import Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fonts.embedded import Embedded, Fonts, find_embedded
from pdfsmaller.engine.fonts.usage import Usage, font_key
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.report import FontCounts
from pdfsmaller.engine.structure.syntax import make_name, name_text
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

if TYPE_CHECKING:
    from pdfsmaller.engine.fonts.plan import Change, Plan


@record()
class FontCache:
    """Work on fonts that several builds of one document share.

    Attributes:
        seen: how many programs the document embeds.
        plan: what is to be done; None before the first build.
    """

    seen: int = 0
    plan: Plan | None = None

    def changed(self, kept: Collection[ObjGen] = ()) -> set[ObjGen]:
        """The programs that have a new one, but for those that were kept after all."""
        return set(self.plan.changes).difference(kept) if self.plan else set()

    def changed_on(self, pages: Collection[int], kept: Collection[ObjGen] = ()) -> set[ObjGen]:
        """Those of them that any of these pages shows."""
        changes = self.plan.changes if self.plan else {}
        return {objgen for objgen in self.changed(kept) if not changes[objgen].pages.isdisjoint(pages)}

    def counts(self, kept: Collection[ObjGen] = ()) -> FontCounts:
        """What became of the programs, for the report."""
        skipped = Counter(self.plan.skipped if self.plan else ())
        if kept:
            skipped["rolled_back"] = len(kept)
        return FontCounts(seen=self.seen, changed=len(self.changed(kept)), skipped=dict(sorted(skipped.items())))


def shrink_fonts(
    pdf: Pdf,
    cache: FontCache,
    limits: Limits,
    deadline: Deadline,
    *,
    usage: Usage | None = None,
    pdfa: int | None = None,
    kept: Collection[ObjGen] = (),
) -> None:
    """Subset and convert the embedded font programs.

    Args:
        usage: of the document that this one is a copy of, or None where it was not walked yet.
        pdfa: the part of PDF/A that the document is to comply with, or None.
        kept: programs that stay as they are.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    with tolerate("font") as attempt:
        fonts = find_embedded(pdf)
    if attempt.failed or not (fonts.programs or fonts.type3):
        return
    if cache.plan is None:
        from pdfsmaller.engine.fonts.plan import plan_changes

        cache.seen = len(fonts.programs)
        with tolerate("font"):
            cache.plan = plan_changes(pdf, fonts, usage, limits, deadline, pdfa)
        if cache.plan is None:
            return
    for objgen in cache.changed(kept) & fonts.programs.keys():
        apply_change(pdf, fonts, fonts.programs[objgen], cache.plan.changes[objgen])
    for objgen, data in cache.plan.cid_maps.items():
        pdf.get_object(objgen).write(data)
    for objgen, data in cache.plan.texts.items():
        pdf.get_object(objgen).write(data)
    for objgen, names in cache.plan.unused.items():
        procedures = pdf.get_object(objgen).CharProcs
        for name in names & set(procedures.keys()):
            del procedures[name]


def apply_change(pdf: Pdf, fonts: Fonts, program: Embedded, change: Change) -> None:
    """Put a new program in an old one's place, with all that changes beside it."""
    stream = program.stream
    for key in ("/Subtype", "/Length1", "/Length2", "/Length3"):
        if key in stream:
            del stream[key]
    stream.write(change.data)
    if change.file == "/FontFile2":
        stream["/Length1"] = len(change.data)
    if change.subtype is not None:
        stream["/Subtype"] = Name(change.subtype)
    for descriptor in program.descriptors:
        if change.file != program.file:
            del descriptor[program.file]
            descriptor[change.file] = stream
        for key in ("/CIDSet", "/CharSet"):
            if key in descriptor:
                del descriptor[key]
        if change.glyphs is not None:
            descriptor["/CharSet"] = pikepdf.String("".join(f"/{name}" for name in sorted(change.glyphs)))
        if change.cids is not None:
            descriptor["/CIDSet"] = pdf.make_indirect(Stream(pdf, _bits(change.cids)))
        if change.tag is not None:
            _rename(descriptor, "/FontName", change.tag)
    for font in program.fonts:
        table = change.gid_maps.get(font_key(font))
        if table is not None:
            font["/CIDToGIDMap"] = pdf.make_indirect(Stream(pdf, table))
    if change.tag is not None:
        for font in program.fonts:
            _rename(font, "/BaseFont", change.tag)
            for composite in fonts.composites.get(font_key(font), []):
                _rename(composite, "/BaseFont", change.tag)


def _rename(holder: Dictionary, key: str, tag: str) -> None:
    """Put a subset's tag before a name (ISO 32000-1, 9.6.4)."""
    name = holder.get(key)
    if isinstance(name, Name):
        holder[key] = make_name(f"/{tag}+{name_text(name)[1:]}")


def _bits(cids: Collection[int]) -> bytes:
    """A bit for each CID from 0, the first in the highest bit (ISO 32000-1, table 124)."""
    bits = bytearray(max(cids, default=0) // 8 + 1)
    for cid in cids:
        bits[cid // 8] |= 0x80 >> cid % 8
    return bytes(bits)
