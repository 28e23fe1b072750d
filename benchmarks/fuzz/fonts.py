"""Fuzz the font programs' readers and writers: ``python -m benchmarks.fuzz.fonts --minutes 10 --seed 1``.

Programs are made by lot and damaged where their structure is (``programs``); with ``--corpus`` those that documents
embed are damaged, too. What must hold of each, whatever it is:

- nothing but ``FontError`` is raised, and no program takes longer than some seconds;
- what a subset, a conversion or a union gives can be read again, and is the same for each glyph kept;
- of a sound program, every glyph drawn by fontTools is what was put in, and every code has the CID it was given;
- with ``--documents``, pages set in it can be worked on, and of a sound one look the same to PDFium afterwards.

A finding's program and traceback are kept in ``--keep``. The same seed and case make the same program; ``--case N``
runs one alone. The exit code is 1 where there was a finding.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path as File

import pikepdf
import pypdfium2
from fontTools.cffLib import CFFFontSet
from fontTools.pens.recordingPen import RecordingPen
from pikepdf import Dictionary, Name, Pdf, Stream

from benchmarks.fuzz.programs import Path, Program, damaged, sound
from pdfsmaller.engine import damage
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.fonts.cff import cff_info, cff_outlines_equal, subset_cff, union_cff
from pdfsmaller.engine.fonts.cmap import read_cmap
from pdfsmaller.engine.fonts.embedded import find_embedded
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.sfnt import TrueType, is_truetype, same_codes, same_glyphs, subset_truetype
from pdfsmaller.engine.fonts.sfnt_union import Subset, same_renumbered, union_in_place, union_renumbered
from pdfsmaller.engine.fonts.shrink import FontCache, shrink_fonts
from pdfsmaller.engine.fonts.type1 import type1_names, type1_outlines_equal, type1_to_cff
from pdfsmaller.limits import Limits
from tests.engine.fonts.conftest import add_page, composite, simple
from tests.engine.fonts.test_shrink_cff import embedded

#: Processor seconds that one program may take.
MOST_SECONDS = 20
MOST_BYTES = 400_000
_KINDS = {"/FontFile": "type1", "/FontFile2": "truetype", "/FontFile3": "cff"}


class Wrong(Exception):
    """Something came out that must not."""


def run_case(seed: int, case: int, corpus: list[Program] | None = None, *, documents: bool = False) -> str:
    """One program through everything that reads its kind: what became of it.

    Raises:
        Wrong: what came out is not what it must be.
        Exception: whatever was raised that must not be.
    """
    program = made(seed, case, corpus)
    started = time.process_time()
    try:
        _LOOKS[program.kind](program, random.Random(f"{seed}:{case}:look"))
        if documents and program.kind != "cmap":
            _look_in_document(program)
        outcome = "kept"
    except FontError:
        if program.paths or program.cids:
            raise  # it is sound
        outcome = "refused"
    if time.process_time() - started > MOST_SECONDS:
        raise Wrong(f"{time.process_time() - started:.0f} s of processor time")
    return f"{program.kind} {outcome}"


def made(seed: int, case: int, corpus: list[Program] | None = None) -> Program:
    """The program of a case: one in four is sound."""
    rng = random.Random(f"{seed}:{case}")
    program = rng.choice(corpus) if corpus and rng.random() < 0.5 else sound(rng)
    return program if rng.random() < 0.25 else damaged(program, rng)


# --- what must hold -------------------------------------------------------------------------------------------------


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def _look_at_truetype(program: Program, rng: random.Random) -> None:
    font = TrueType(program.data)
    some = [rng.sample(range(min(font.count, 2_000)), min(font.count, 20)) for _ in range(2)]
    parts, subsets = [], []
    for glyphs in some:
        cmap = rng.random() < 0.5
        data = subset_truetype(font, glyphs, cmap=cmap, names=rng.random() < 0.2)
        after = TrueType(data)
        _must(same_glyphs(font, after, glyphs), "a subset's glyph differs")
        if cmap:
            kept = font.with_parts(glyphs)
            lost = {code for table in font.cmaps for code, glyph in table.glyphs.items() if glyph not in kept}
            _must(same_codes(font, after, set(range(256)) - lost), "a subset's code differs")
        parts.append(after)
        subsets.append(Subset(after, glyphs))
    try:
        united = TrueType(union_in_place(subsets))
    except FontError:
        pass
    else:
        for part, glyphs in zip(parts, some, strict=True):
            _must(same_glyphs(part, united, glyphs), "a union's glyph differs")
    data, maps = union_renumbered([one for one in subsets if not one.font.cmaps] or subsets)
    united = TrueType(data)
    for one, new_of in zip([one for one in subsets if not one.font.cmaps], maps, strict=True):
        kept = one.font.with_parts(one.glyphs)
        _must(kept == new_of.keys(), "a glyph has no new index")
        _must(same_renumbered(one.font, united, set(new_of.items())), "a renumbered glyph differs")


def _look_at_cff(program: Program, rng: random.Random) -> None:
    data = program.data
    info = cff_info(data)
    results = [subset_cff(data)]
    halves = []
    for _ in range(2):
        if info.cid_keyed:
            cids = set(rng.sample(info.cids, min(len(info.cids), 30)))
            halves.append(subset_cff(data, cids=cids))
            _must(cff_outlines_equal(data, halves[-1], cids=cids), "a subset's glyph differs")
        else:
            names = set(rng.sample(info.names, min(len(info.names), 30)))
            halves.append(subset_cff(data, names=names))
            _must(cff_outlines_equal(data, halves[-1], names=names), "a subset's glyph differs")
    _must(cff_outlines_equal(data, results[0]), "a program packed anew differs")
    united = union_cff(halves)
    for half in halves:
        _must(cff_outlines_equal(half, united), "a union's glyph differs")
    for result in (*results, *halves, united):
        _must_draw(result, program.paths)


def _look_at_type1(program: Program, rng: random.Random) -> None:
    names = type1_names(program.data)
    wanted = set(rng.sample(names, min(len(names), 30)))
    for chosen in (None, wanted):
        result = type1_to_cff(program.data, chosen)
        _must(type1_outlines_equal(program.data, result, chosen), "a converted glyph differs")
        _must(cff_outlines_equal(result, subset_cff(result)), "a converted program packed anew differs")
        _must_draw(result, program.paths)


def _must_draw(cff: bytes, paths: dict[str, Path]) -> None:
    """fontTools draws of each glyph what was put into it."""
    if not paths:
        return
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(cff), None)
    charstrings = fonts[0].CharStrings
    for name, path in paths.items():
        if name in charstrings.keys():  # noqa: SIM118 - it is no dict
            pen = RecordingPen()
            charstrings[name].draw(pen)
            drawn = [(kind, tuple(value for point in points for value in point)) for kind, points in pen.value]
            _must(drawn == path, "fontTools draws something else")


def _look_at_cmap(program: Program, _rng: random.Random) -> None:
    pdf = Pdf.new()
    cmap = read_cmap(Stream(pdf, program.data), Limits())
    for code, cid in list(program.cids.items())[:50]:
        _must(cmap.cids([code]) - {0} == {cid} - {0}, "a code has another CID")
        _must(code in cmap.split(code[1].to_bytes(code[0])), "a code is read as another")
    _must(
        all(0 <= cid <= 65_535 for cid in cmap.cids([(2, code) for code in range(0, 65_536, 7)])), "a CID out of range"
    )


_LOOKS = {
    "truetype": _look_at_truetype,
    "cff": _look_at_cff,
    "type1": _look_at_type1,
    "cmap": _look_at_cmap,
}


def _look_in_document(program: Program) -> None:
    """A page set in the font can be worked on, and looks the same before and after where the program is sound."""
    pdf = Pdf.new()
    key = {"type1": "/FontFile", "truetype": "/FontFile2", "cff": "/FontFile3"}[program.kind]
    font = simple(pdf, program.data)
    wide = composite(pdf, program.data)
    if program.kind != "truetype":
        subtype = "/Type1C" if program.kind == "cff" else None
        font = embedded(pdf, font, program.data, key, subtype)
        font.Subtype = Name.Type1
        if program.kind == "cff":
            inner = embedded(pdf, wide.DescendantFonts[0], program.data, key, "/CIDFontType0C")
            inner.Subtype = Name.CIDFontType0
            del inner.CIDToGIDMap
    text = bytes(range(65, 91)).hex().encode()
    wide_text = b"".join(gid.to_bytes(2) for gid in range(1, 27)).hex().encode()
    fonts = {"/F": font} if program.kind == "type1" else {"/F": font, "/G": wide}
    lines = b"BT /F 20 Tf 10 150 Td <" + text + b"> Tj ET BT /G 20 Tf 10 60 Td <" + wide_text + b"> Tj ET"
    add_page(pdf, lines, Font=Dictionary(fonts))
    before = _rendered(pdf)
    damage.set_strict(True)
    shrink_fonts(pdf, FontCache(), Limits(), Deadline(60))
    if program.sound:  # of damaged ones PDFium may refuse what is read here; the engine then takes it back
        _must(_rendered(pdf) == before, "PDFium shows something else")


def _rendered(pdf: Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out)
    document = pypdfium2.PdfDocument(out.getvalue())
    try:
        return bytes(document[0].render(scale=1).buffer)
    finally:
        document.close()


# --- many -----------------------------------------------------------------------------------------------------------


def embedded_programs(folder: File) -> list[Program]:
    """The programs that a folder's documents embed."""
    found: dict[bytes, Program] = {}
    for file in sorted(folder.rglob("*.pdf")):
        try:
            with pikepdf.open(file) as pdf:
                for one in find_embedded(pdf).programs.values():
                    data = one.stream.read_bytes()
                    kind = _KINDS.get(one.file, "")
                    if kind == "cff" and data[:4] == b"OTTO":
                        continue
                    if kind and len(data) <= MOST_BYTES and (kind != "truetype" or is_truetype(data)):
                        found.setdefault(data, Program(kind, data))
        except (pikepdf.PdfError, pikepdf.PasswordError, RuntimeError, ValueError):
            continue
    return list(found.values())


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz.fonts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--corpus", type=File, help="a folder of PDFs")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one")
    parser.add_argument("--documents", action="store_true", help="show pages set in them as well")
    parser.add_argument("--keep", type=File, default=File("fuzz-findings"), help="the folder for reproducers")
    arguments = parser.parse_args()
    corpus = embedded_programs(arguments.corpus) if arguments.corpus else None
    outcomes: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    end = time.monotonic() + arguments.minutes * 60
    for case in itertools.count() if arguments.case is None else [arguments.case]:
        if time.monotonic() > end:
            break
        try:
            outcomes[run_case(arguments.seed, case, corpus, documents=arguments.documents)] += 1
        except Exception as exc:
            where = f"{type(exc).__name__}: {exc}"[:150]
            findings[where] += 1
            if findings[where] <= 3:
                arguments.keep.mkdir(parents=True, exist_ok=True)
                program = made(arguments.seed, case, corpus)
                stem = arguments.keep / f"{program.kind}-{arguments.seed}-{case}"
                stem.with_suffix(".bin").write_bytes(program.data)
                stem.with_suffix(".txt").write_text(traceback.format_exc(), encoding="utf-8")
                print(f"case {case} ({program.kind}): {where}", file=sys.stderr, flush=True)
    print(f"{outcomes.total()} cases: " + ", ".join(f"{kind} {count}" for kind, count in outcomes.most_common()))
    for where, count in findings.most_common():
        print(f"{count} × {where}")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
